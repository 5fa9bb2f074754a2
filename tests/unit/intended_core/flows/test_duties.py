"""What is due after an act, and is not said to be done in time, is a record and an alarm."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from intended_core import Granted, RedeemedToken, UnitRefusedError
from intended_core.audit.record import EventKind
from intended_core.errors import StoreCorruptError
from intended_core.flows.deliver import NOTIFIED
from intended_core.flows.duties import CURSOR, PREFIX, find_overdue
from intended_core.flows.effects import Commit
from tests.reference.flow_world import POLICY, World, at, intent, pay, trace

OBLIGED = POLICY.replace(
    "entity Group;", "entity Group;\nobligation review(within: Duration) after;\nobligation tell(team: String) after;\nobligation ask() before;"
)
REVIEW = OBLIGED.replace('because "at most 100"', 'oblige review(within: 2h); because "at most 100"')
TELL = OBLIGED.replace('because "at most 100"', 'oblige tell(team: "ops"); because "at most 100"')
ASK = OBLIGED.replace('because "at most 100"', 'oblige ask(); because "at most 100"')


def redeemed(world: World, policy: str = REVIEW) -> RedeemedToken:
    world.tenant.activate({"bank.policy": policy})
    granted = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(granted, Granted)
    return world.tenant.redeem(granted.token, pay(), adapter=world.tenant.adapter("bank"))


def overdue(world: World) -> int:
    found = trace(world, find_overdue(world.context)).result
    assert isinstance(found, int)
    return found


def test_it_is_overdue_from_the_moment_that_the_policy_says_and_once(world: World) -> None:
    redeemed(world)
    size = world.head.size
    world.clock.advance(seconds=7_199)
    assert overdue(world) == 0
    assert world.head.size == size, "looking writes no record"
    world.clock.advance(seconds=1)
    assert overdue(world) == 1
    assert world.kinds(size) == ["obligation.overdue"]
    assert world.body()["obligations"] == ["review"]
    assert overdue(world) == 0
    assert EventKind.OBLIGATION_OVERDUE in NOTIFIED


def test_without_a_time_of_its_own_the_setting_counts(world: World) -> None:
    redeemed(world, TELL)
    world.clock.advance(seconds=world.context.settings.obligation_seconds - 1)
    assert overdue(world) == 0
    world.clock.advance(seconds=1)
    assert overdue(world) == 1


@pytest.mark.parametrize(("result", "late"), [("done", 0), ("failed", 0), ("unknown", 1)])
def test_what_became_of_the_act_settles_it(world: World, result: str, late: int) -> None:
    world.tenant.complete(redeemed(world), result)  # type: ignore[arg-type]
    world.clock.advance(seconds=7_200)
    assert overdue(world) == late


@pytest.mark.parametrize("policy", [OBLIGED, ASK])
def test_what_is_due_before_or_not_at_all_is_never_overdue(world: World, policy: str) -> None:
    redeemed(world, policy)
    world.clock.advance(seconds=1_000_000)
    assert overdue(world) == 0


def test_a_token_that_nobody_redeemed_owes_nothing(world: World) -> None:
    world.tenant.activate({"bank.policy": REVIEW})
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
    world.clock.advance(seconds=1_000_000)
    assert overdue(world) == 0


def test_what_is_said_late_can_still_be_said(world: World) -> None:
    token = redeemed(world)
    world.clock.advance(seconds=7_200)
    assert overdue(world) == 1
    world.tenant.complete(token, "done")
    with pytest.raises(UnitRefusedError):
        world.tenant.complete(token, "done")
    assert overdue(world) == 0


def test_a_sweep_finds_it(world: World) -> None:
    redeemed(world)
    world.clock.advance(seconds=7_200)
    assert world.tenant.sweep().overdue == 1
    assert world.tenant.sweep().overdue == 0


def test_two_sweeps_at_once_record_it_once(world: World) -> None:
    redeemed(world)
    overdue(world)
    world.clock.advance(seconds=7_200)
    size = world.head.size
    seen = trace(world, find_overdue(world.context), at(Commit, lambda: world.tenant.sweep()))
    assert world.kinds(size).count("obligation.overdue") == 1
    assert seen.result == 0 or seen.error is not None


def test_said_between_the_look_and_the_record(world: World) -> None:
    token = redeemed(world)
    overdue(world)
    world.clock.advance(seconds=7_200)
    seen = trace(world, find_overdue(world.context), at(Commit, lambda: world.tenant.complete(token, "done"), times=1))
    assert "obligation.overdue" not in world.kinds() or seen.result == 0


def test_the_position_only_moves_on(world: World) -> None:
    positions = []
    for _ in range(3):
        redeemed(world)
        overdue(world)
        positions.append(world.row("outbox", CURSOR.key).version)
    assert all(one < two for one, two in pairwise(positions))


@pytest.mark.parametrize("which", ["cursor", "duty"])
def test_an_edited_row_is_not_believed(world: World, which: str) -> None:
    redeemed(world)
    overdue(world)
    key = CURSOR.key if which == "cursor" else next(key.key for key in world.data().rows if key.key.startswith(PREFIX))
    row = world.row("outbox", key)
    world.edit(replace(row, body=row.body.replace(b"1", b"2", 1)))
    assert isinstance(trace(world, find_overdue(world.context)).error, StoreCorruptError)
