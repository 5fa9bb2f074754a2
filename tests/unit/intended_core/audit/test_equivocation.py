"""Two statements that cannot both be true convict; anything else does not."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from intended_core.audit.anchored import SlotProof
from intended_core.audit.equivocation import (
    encode_equivocation,
    find_equivocation,
    parse_equivocation,
    verify_equivocation,
)
from intended_core.errors import AuditError
from tests.reference.anchor_world import AnchorLog, honest_anchor, key_of, public_of

LOG = honest_anchor(3)
FORK = honest_anchor(2)
FORK.tenants[0].decide(999)
FORK.seal()
KEY = LOG.key


def test_two_heads_of_one_size_convict() -> None:
    found = find_equivocation(LOG.note(witnesses=()), FORK.note(), key=KEY)
    assert (found.kind, found.origin, found.at, found.slot) == ("size", LOG.name, 3, None)
    assert verify_equivocation(encode_equivocation(found), key=KEY) == found


def test_two_heads_of_one_tenant_in_one_epoch_convict() -> None:
    mine, theirs = LOG.proof(3, 2), FORK.proof(3, 2)
    found = find_equivocation(mine, theirs, key=KEY)
    assert (found.kind, found.at, found.slot) == ("epoch", 2, 3)
    assert verify_equivocation(encode_equivocation(found), key=KEY) == found


def test_a_silent_tenant_of_a_forked_log_convicts_by_size() -> None:
    """Its own head is the same on both sides; the two checkpoints still are not."""
    quiet = find_equivocation(LOG.proof(3, 0), FORK.proof(3, 0), key=KEY)
    assert quiet.kind == "size"


def test_honest_statements_do_not_convict() -> None:
    for one, two in (
        (LOG.note(), LOG.note(witnesses=())), (LOG.note(2), LOG.note(3)), (LOG.proof(3, 1), LOG.proof(3, 1, size=2)),
        (LOG.proof(3, 1), LOG.proof(4, 1)), (LOG.proof(3, 0), LOG.proof(3, 2)), (LOG.note(), LOG.proof(3, 1)),
    ):  # fmt: skip
        with pytest.raises(AuditError) as caught:
            find_equivocation(one, two, key=KEY)
        assert caught.value.code == "audit.no-equivocation"


def test_only_the_logs_own_key_convicts() -> None:
    forged = AnchorLog(tenants=LOG.tenants)
    forged.secret = key_of("somebody else")
    forged.entries, forged.epochs, forged.openings = list(FORK.entries), FORK.epochs, FORK.openings
    forged.key = replace(KEY, public=public_of(forged.secret))
    note = LOG.note()
    with pytest.raises(AuditError):
        find_equivocation(note, forged.note().replace(forged.key.key_id, KEY.key_id), key=KEY)
    with pytest.raises(AuditError) as caught:
        find_equivocation(note, forged.note(), key=KEY)
    assert caught.value.code in {"audit.untrusted", "audit.signature"}


def test_the_file_has_one_form() -> None:
    data = encode_equivocation(find_equivocation(LOG.proof(3, 2), FORK.proof(3, 2), key=KEY))
    value = orjson.loads(data)
    bent = [b"", b"[]", data + b" ", b"x" * 300_000]
    for name, new in (
        ("$", "v9"),
        ("at", "2"),
        ("kind", "other"),
        ("first", 1),
        ("kind", "size"),
        ("at", 1),
        ("second", value["first"]),
    ):
        bent.append(orjson.dumps({**value, name: new}, option=orjson.OPT_SORT_KEYS))
    for one in bent:
        with pytest.raises(AuditError):
            verify_equivocation(one, key=KEY)
    kind, first, second = parse_equivocation(data)
    assert kind == "epoch"
    assert isinstance(first, SlotProof)
    assert isinstance(second, SlotProof)
