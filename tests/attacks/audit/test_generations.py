"""A log with a second generation verifies, and a generation that nobody opened, or a time that steps back, does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from intended_core import Granted, export_evidence, verify_tenant_log
from intended_core.audit.checkpoint import parse_vkey
from intended_core.audit.clean import Clean
from intended_core.audit.grades import Grade
from intended_core.audit.record import EventKind, make_record, parse_entry
from intended_core.audit.tree import Frontier
from intended_core.audit.verdicts import TrustPolicy
from intended_core.audit.verify import KnownHead, LogIdentity, verify_log
from intended_core.auditing import export_range
from intended_core.unit import RecordRow
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, NOW_US, World, intent, pay
from tests.reference.second_verifier import agree
from tests.reference.stretches import agree_range

UUID, ORIGIN = "a" * 32, "authority.example/log"
Step = tuple[EventKind, int, int]  # kind, generation, seconds
G, D, R = EventKind.LOG_GENESIS, EventKind.DECISION_DENY, EventKind.LOG_RECOVER
HONEST: list[Step] = [(G, 1, 0), (D, 1, 1), (D, 1, 9), (R, 2, 5), (D, 2, 6), (R, 3, 6), (D, 3, 7)]


def written(steps: list[Step]) -> list[RecordRow]:
    rows: list[RecordRow] = []
    leaf = bytes(32)
    for seq, (kind, generation, seconds) in enumerate(steps):
        body = {"origin": ORIGIN, "hash": "sha256"} if kind is G else {}
        row = make_record(
            origin=ORIGIN, tenant_uuid=UUID, generation=generation, seq=seq, epoch=0, time_us=NOW_US + seconds * 1_000_000,
            kind=kind, body=body, salt=b"s" * 16, previous_leaf=leaf, thread=None, writer="w", policy_digest=None, trace=None,
        )  # fmt: skip
        leaf = row.leaf
        rows.append(row)
    return rows


def verdict(steps: list[Step], generation: int) -> tuple[Grade, str, int | None]:
    rows = written(steps)
    frontier = Frontier.empty()
    for row in rows:
        frontier = frontier.append(row.leaf)
    head = KnownHead(size=len(rows), root=frontier.root())
    found = verify_log(iter(rows), identity=LogIdentity(origin=ORIGIN, tenant_uuid=UUID, generation=generation), heads=[head])
    return found.grade, found.findings[0].code if found.findings else "", found.seq


def test_two_recoveries_and_a_time_that_began_anew() -> None:
    assert verdict(HONEST, 3) == (Grade.CONSISTENT_UNANCHORED, "", None)


def _at(number: int, **change: object) -> Callable[[list[Step]], list[Step]]:
    def changed(steps: list[Step]) -> list[Step]:
        kind, generation, seconds = steps[number]
        made = (change.get("kind", kind), change.get("generation", generation), change.get("seconds", seconds))
        return [*steps[:number], made, *steps[number + 1 :]]  # type: ignore[list-item]

    return changed


@pytest.mark.parametrize(
    ("change", "code", "seq"),
    [
        (_at(3, kind=D), "record.foreign", 3),
        (_at(4, generation=1), "record.foreign", 4),
        (_at(4, generation=3), "record.foreign", 4),
        (_at(3, generation=1), "record.foreign", 3),
        (_at(3, generation=3), "record.foreign", 3),
        (_at(5, generation=4), "record.foreign", 5),
        (_at(0, generation=4), "record.foreign", 0),
        (_at(0, generation=0), "record.foreign", 0),
        (_at(2, seconds=0), "record.time", 2),
        (_at(4, seconds=4), "record.time", 4),
        (lambda steps: steps[:5], "record.foreign", 4),
    ],
    ids=[
        "opened-by-nothing", "goes-back", "skips-ahead", "recovers-to-itself", "skips-one", "beyond-the-head", "begins-beyond", "begins-at-none",
        "time-back", "time-back-after-recovery", "head-names-a-newer-one",
    ],
)  # fmt: skip
def test_a_generation_or_a_time_that_nobody_opened(change: Callable[[list[Step]], list[Step]], code: str, seq: int) -> None:
    assert verdict(change(HONEST), 3) == (Grade.TAMPERED, code, seq)


def test_what_begins_a_generation_is_never_surely_good() -> None:
    state = Clean(origin=ORIGIN, tenant_uuid=UUID, generation=2)
    rows = written(HONEST[:5])
    taken = []
    for row in rows:
        taken.append(state.take(row))
        if not taken[-1]:
            assert state.goes_on(parse_entry(row.entry))
            state.add(row.leaf, parse_entry(row.entry).time_us)
    assert taken == [False, True, True, False, True]
    assert state.generation == 2


def test_evidence_from_both_sides_of_a_recovery_agrees(world: World, tmp_path: Path) -> None:
    before = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(before, Granted)
    world.tenant.redeem(before.token, pay(), adapter=world.tenant.adapter("bank"))
    world.tenant.recovery.recover(reason="a backup was restored", keys=((ANN, ANN_KEY), (BOB, BOB_KEY)))
    after = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(after, Granted)
    pinned = str(world.tenant.checkpoint()[1])
    assert verify_tenant_log(world.tenant, pinned=[pinned]).findings == ()
    for seq in (before.seq, after.seq):
        bundle = export_evidence(world.tenant, seq, made_us=NOW_US)
        found = agree(bundle, TrustPolicy(log_keys=(parse_vkey(pinned),)))
        assert (found.grade, found.findings) == (Grade.CONSISTENT_UNANCHORED, ())
    for first in (0, before.seq, after.seq):
        export_range(world.tenant, first, out=tmp_path / "range.evb", made_us=NOW_US)
        stretch = agree_range((tmp_path / "range.evb").read_bytes(), TrustPolicy(log_keys=(parse_vkey(pinned),)))
        assert (stretch.grade, stretch.findings) == (Grade.CONSISTENT_UNANCHORED, ())


@pytest.fixture
def world() -> World:
    return World()
