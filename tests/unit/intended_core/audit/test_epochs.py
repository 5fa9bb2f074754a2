"""Epoch entries: one spelling, one chain of keys, no gap, no step back."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from intended_core.audit.checkpoint import VerifierKey
from intended_core.audit.epochs import encode_epoch, epoch_message, parse_epoch, verify_epoch, walk_epochs
from intended_core.errors import AuditError
from tests.reference.anchor_world import AnchorLog, honest_anchor, key_of, public_of

LOG = honest_anchor(4)


def test_an_entry_is_read_back_and_is_small() -> None:
    for at, data in enumerate(LOG.entries):
        entry = parse_epoch(data)
        assert (entry.epoch, entry.width, entry.origin) == (at, 16, LOG.name)
        assert encode_epoch(entry) == data
        assert len(data) < 500
        assert verify_epoch(entry, identity=LOG.key) is entry


def test_any_other_spelling_is_refused() -> None:
    data = LOG.entries[1]
    value = orjson.loads(data)
    bent = [b"", b"{}", b"[]", data + b" ", data.replace(b'"e":1', b'"e":1.0'), data[:-1] + b',"z":1}', b"x" * 2000]
    for name, new in (
        ("$", "v9"),
        ("w", 17),
        ("w", 8),
        ("w", 2**18),
        ("r", "AA"),
        ("e", -1),
        ("o", ""),
        ("k", 1),
        ("t", True),
        ("b", "x"),
    ):
        bent.append(orjson.dumps({**value, name: new}, option=orjson.OPT_SORT_KEYS))
    for one in bent:
        with pytest.raises(AuditError) as caught:
            parse_epoch(one)
        assert caught.value.code == "audit.epoch"


def test_the_walk_finds_one_chain() -> None:
    walk = walk_epochs(LOG.entries, identity=LOG.key)
    assert (walk.epochs, walk.restarts, list(walk.leaves)) == (4, (0,), LOG.leaves)


def test_a_restart_is_told() -> None:
    log = honest_anchor(2)
    log.salt = "after the restart"
    log.seal(restart=True)
    assert walk_epochs(log.entries, identity=log.key).restarts == (0, 2)


def test_a_key_that_nobody_vouches_for_is_found() -> None:
    log = honest_anchor(2)
    log.salt = "stolen"
    log.seal()
    with pytest.raises(AuditError) as caught:
        walk_epochs(log.entries, identity=log.key)
    assert caught.value.code == "audit.epoch-key"


def test_gaps_old_times_and_foreign_logs_are_found() -> None:
    for entries in (LOG.entries[1:], [LOG.entries[0], LOG.entries[2]], [LOG.entries[0], LOG.entries[0]]):
        with pytest.raises(AuditError) as caught:
            walk_epochs(entries, identity=LOG.key)
        assert caught.value.code in {"audit.gap", "audit.epoch-key"}
    late = parse_epoch(LOG.entries[2])
    older = replace(late, time_us=5, signature=bytes(64))
    older = replace(older, signature=LOG.epoch_key(2).sign(epoch_message(older)))
    with pytest.raises(AuditError) as caught:
        walk_epochs([*LOG.entries[:2], encode_epoch(older)], identity=LOG.key)
    assert caught.value.code == "audit.epoch-time"
    other = VerifierKey.of("other/anchor", public_of(key_of("identity")))
    with pytest.raises(AuditError):
        walk_epochs(LOG.entries, identity=other)


def test_signature_and_certificate_must_hold() -> None:
    first = parse_epoch(LOG.entries[0])
    for bad in (
        replace(first, time_us=first.time_us + 1),
        replace(first, certificate=bytes(64)),
        replace(first, signature=bytes(64)),
    ):
        with pytest.raises(AuditError):
            verify_epoch(bad, identity=LOG.key)
    with pytest.raises(AuditError):
        verify_epoch(first, identity=VerifierKey.of(LOG.name, public_of(key_of("another"))))


def test_a_narrower_tree_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    log = AnchorLog()
    monkeypatch.setattr("tests.reference.anchor_world.WIDTH", 32)
    log.seal()
    monkeypatch.setattr("tests.reference.anchor_world.WIDTH", 16)
    log.seal()
    with pytest.raises(AuditError) as caught:
        walk_epochs(log.entries, identity=log.key)
    assert caught.value.code == "audit.epoch-width"
