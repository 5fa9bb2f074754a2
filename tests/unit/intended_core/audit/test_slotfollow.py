"""A slot is followed only forwards, in one log and slot, by growth that is shown; everything else is refused and kept is what was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from intended_core.audit.levels import Levels
from intended_core.audit.proof import ConsistencyProof, prove_consistency
from intended_core.audit.slotfollow import (
    FollowedSlot,
    KeptSlot,
    SlotMessage,
    follow_slot,
    message_data,
    parse_kept,
    parse_message,
)
from intended_core.errors import AuditError
from tests.reference.anchor_world import AnchorLog, honest_anchor

LOG = honest_anchor(6)
SLOT = 3
ORIGIN = LOG.tenants[0].origin


def message(epoch: int, since: int | None = None, *, log: AnchorLog = LOG, slot: int = SLOT) -> SlotMessage:
    proof = log.proof(slot, epoch)
    if since is None or log.openings[since][slot].size == proof.opening.size:
        return SlotMessage(proof=proof, growth=())
    leaves = [row.leaf for row in log.tenants[slot - 3].rows[: proof.opening.size]]
    return SlotMessage(proof=proof, growth=(prove_consistency(Levels(leaves), first=log.openings[since][slot].size, second=len(leaves)),))


def follow(given: SlotMessage, kept: KeptSlot | None, *, log: AnchorLog = LOG, origin: str = ORIGIN) -> FollowedSlot:
    return follow_slot(given, log.policy(), origin=origin, kept=kept)


def refused(given: SlotMessage, kept: KeptSlot | None, **named: object) -> str:
    with pytest.raises(AuditError) as caught:
        follow(given, kept, **named)  # type: ignore[arg-type]
    return caught.value.code


def kept_at(epoch: int) -> KeptSlot:
    return follow(message(epoch), None).kept


def test_epoch_after_epoch() -> None:
    kept: KeptSlot | None = None
    for epoch in range(6):
        found = follow(message(epoch, None if kept is None else epoch - 1), kept)
        assert (found.missed, found.again, found.recovered, found.kept.epoch) == (0, False, False, epoch)
        kept = found.kept
        again = follow(message(epoch), kept)
        assert (again.again, again.kept) == (True, kept)
    assert follow(message(5, 2), kept_at(2)).missed == 2


def test_another_log_slot_or_history_is_refused() -> None:
    assert refused(message(1, slot=4), None) == "slot.moved"
    assert refused(message(3, 2), replace(kept_at(2), slot=9)) == "slot.moved"
    assert refused(message(3, 2), replace(kept_at(2), generation=2)) == "slot.moved"
    assert refused(message(2), kept_at(3)) == "audit.stale"
    assert refused(message(3), replace(kept_at(3), leaf=bytes(32))) == "audit.fork"
    assert refused(message(3, 2), replace(kept_at(2), leaf=bytes(32))) == "slot.link"
    grown = next(at for at in range(1, 6) if LOG.openings[at][SLOT].size > LOG.openings[at - 1][SLOT].size)
    before = kept_at(grown - 1)
    assert refused(message(grown), before) == "slot.unproved"
    assert refused(message(grown, grown - 1), replace(before, root=bytes(32))) == "audit.fork"
    assert refused(message(grown, grown - 1), replace(before, size=before.size + 99)) == "slot.shrunk"
    still = next(at for at in range(1, 6) if LOG.openings[at][SLOT].size == LOG.openings[at - 1][SLOT].size)
    assert refused(message(still), replace(kept_at(still - 1), root=bytes(32))) == "audit.fork"


def test_of_two_proofs_of_growth_one_that_fits_is_enough() -> None:
    grown = next(at for at in range(1, 6) if LOG.openings[at][SLOT].size > LOG.openings[at - 1][SLOT].size)
    right = message(grown, grown - 1)
    stray = ConsistencyProof(first=1, second=right.proof.opening.size, path=())
    assert follow(replace(right, growth=(stray, *right.growth)), kept_at(grown - 1)).kept.epoch == grown


def test_a_new_generation_is_said_and_needs_no_growth() -> None:
    found = follow(message(4), replace(kept_at(3), generation=0, size=999))
    assert found.recovered


def test_what_is_kept_has_one_form() -> None:
    kept = kept_at(4)
    data = kept.to_bytes()
    assert parse_kept(data) == kept
    for bad in (
        b"", b"{}", data[:-1], data.replace(b'"slot":3', b'"slot":-3'), data.replace(b'"slot":3', b'"slot":"3"'),
        data.replace(b"kept-slot.v1", b"kept-slot.v2"), data + b" ",
    ):  # fmt: skip
        with pytest.raises(AuditError) as caught:
            parse_kept(bad)
        assert caught.value.code == "audit.kept"


def body(given: SlotMessage) -> bytes:
    data = message_data(given, epoch=3, tenant="acme", environment="live")
    return b'{"type":"slot.proof","timestamp":"2026-01-01T00:00:00.000000Z","data":%b}' % data


@pytest.mark.parametrize("since", [None, 2, 0])
def test_a_message_comes_back_as_it_was(since: int | None) -> None:
    assert parse_message(body(message(3, since))) == message(3, since)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"[]",
        lambda data: data[:-1],
        lambda data: data.replace(b"slot.proof", b"halt.engaged"),
        lambda data: data.replace(b'"type"', b'"kind"'),
        lambda data: data.replace(b'"growth"', b'"grown"'),
        lambda data: data.replace(b'"growth":[', b'"growth":[1,2,3,'),
        lambda data: data.replace(b'"growth":[', b'"growth":[{},'),
        lambda data: data.replace(b'"first":', b'"first":"x","old":'),
        lambda data: data.replace(b'"proof":"', b'"proof":"x'),
        lambda data: data.replace(b'"proof":"', b'"proof":null,"was":"'),
        lambda data: data + b" " * 200_000,
    ],
)
def test_anything_else_is_no_message(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(AuditError) as caught:
        parse_message(spoil(body(message(3, 0))))
    assert caught.value.code == "audit.proof"
