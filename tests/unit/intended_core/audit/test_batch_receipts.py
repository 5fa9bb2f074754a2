"""Receipts: one signature for many, each of its own record, and a promise that can be seen to be broken."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from intended_core.audit.anchored import verify_slot_proof
from intended_core.audit.batch_receipts import (
    MAX_BATCH,
    Promise,
    check_sealed,
    give_receipts,
    receipts_message,
    verify_receipt,
)
from intended_core.errors import AuditError
from tests.reference.anchor_world import honest_anchor

LOG = honest_anchor(3)
KEY = LOG.key
TENANT = LOG.tenants[0]


def promises(count: int, deadline: int = 2) -> list[Promise]:
    return [
        Promise(origin=TENANT.origin, generation=1, seq=seq, leaf=bytes([seq % 256]) * 32, deadline=deadline) for seq in range(count)
    ]


def given(count: int) -> tuple[bytes, ...]:
    made = promises(count)
    return give_receipts(made, key=KEY, signature=LOG.secret.sign(receipts_message(made, key=KEY)))


@pytest.mark.parametrize("count", [1, 2, 7, MAX_BATCH])
def test_each_caller_gets_its_own_record_and_at_most_eight_hashes(count: int) -> None:
    made = given(count)
    assert [verify_receipt(data, key=KEY) for data in made] == promises(count)
    assert max(map(len, made)) <= 900


def test_any_other_spelling_place_or_key_is_refused() -> None:
    data = given(4)[1]
    value = orjson.loads(data)
    other = given(3)[1]
    bent = [b"", b"[]", data + b" ", b"x" * 5000]
    for name, new in (
        ("i", 2), ("n", 5), ("n", 0), ("n", 257), ("i", "1"), ("root", value["root"][:-1]), ("sig", ""), ("path", value["path"][:-4]),
        ("promise", orjson.loads(other)["promise"].replace('"s":1', '"s":3')), ("promise", "{}"), ("promise", "é"), ("promise", 7), ("z", 1),
    ):  # fmt: skip
        bent.append(orjson.dumps({**value, name: new}, option=orjson.OPT_SORT_KEYS))
    for one in bent:
        with pytest.raises(AuditError):
            verify_receipt(one, key=KEY)
    with pytest.raises(AuditError):
        verify_receipt(data, key=replace(KEY, name="other/anchor"))


def test_a_batch_is_bounded_and_its_signature_checked_before_release() -> None:
    for count in (0, MAX_BATCH + 1):
        with pytest.raises(AuditError):
            receipts_message(promises(count), key=KEY)
    with pytest.raises(AuditError) as caught:
        give_receipts(promises(2), key=KEY, signature=bytes(64))
    assert caught.value.code == "audit.signature"


def test_a_broken_promise_is_seen() -> None:
    heads = [verify_slot_proof(LOG.proof(3, epoch), LOG.policy()) for epoch in range(3)]
    size = heads[2].opening.size
    kept = replace(promises(1)[0], seq=size - 1)
    assert check_sealed(kept, heads[2]) is kept
    missing = replace(kept, seq=size)
    assert check_sealed(missing, heads[1]) is missing, "not due yet"
    with pytest.raises(AuditError) as caught:
        check_sealed(missing, heads[2])
    assert caught.value.code == "receipt.overdue"
    with pytest.raises(AuditError) as caught:
        check_sealed(kept, verify_slot_proof(LOG.proof(4, 2), LOG.policy()))
    assert caught.value.code == "audit.foreign"
