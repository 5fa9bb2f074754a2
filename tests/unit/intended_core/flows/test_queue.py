"""What waits for people, as it is listed and shown."""

from __future__ import annotations

import json

import pytest

from intended_core import Entity, EntityRef, Pending, UnitRefusedError
from intended_core.flows.queue import ApprovalView, list_approvals, show_approval
from intended_core.flows.withdraw import rejection_digest
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOT, CHIEFS, NOW_US, World, intent, trace


def listed(world: World, **wanted: object) -> list[str]:
    views: tuple[ApprovalView, ...] = trace(world, list_approvals(world.context, **wanted)).result  # type: ignore[arg-type]
    return [view.approval_id for view in views]


def another(world: World, amount: str = "700.00") -> str:
    world.clock.advance(seconds=1)
    made = world.tenant.authorize(intent(amount), audience="bank")
    assert isinstance(made, Pending)
    return made.approval_id


def test_requests_are_listed_oldest_first_and_by_state(world: World) -> None:
    first, second = world.pending.approval_id, another(world)
    assert listed(world) == [first, second]
    world.tenant.approve(second, person=ANN, key=ANN_KEY)
    assert (listed(world, state="PENDING"), listed(world, state="APPROVED")) == ([first], [second])
    world.tenant.approvals.cancel(first)
    assert (listed(world, state="CANCELLED"), listed(world, state="PENDING")) == ([first], [])


def test_a_request_whose_time_is_over_is_listed_as_expired_though_nobody_swept(world: World) -> None:
    world.clock.advance(seconds=3_600)
    assert listed(world, state="PENDING") == []
    assert listed(world, state="EXPIRED") == [world.pending.approval_id]


def test_requests_of_one_principal(world: World) -> None:
    assert listed(world, principal=BOT) == [world.pending.approval_id]
    assert listed(world, principal=EntityRef("Agent", "other")) == []


def test_requests_for_one_approver(world: World) -> None:
    assert listed(world, approver=ANN) == [world.pending.approval_id]
    assert listed(world, approver=BOB) == []
    world.tenant.put_entities([Entity(ref=BOB, parents=frozenset({CHIEFS}))])
    assert listed(world, approver=BOB) == [world.pending.approval_id]
    assert listed(world, approver=EntityRef("Person", "nobody")) == []


def test_what_is_shown(world: World) -> None:
    view: ApprovalView = trace(world, show_approval(world.context, world.pending.approval_id)).result
    assert (view.principal, view.audience, view.created_us) == (BOT, "bank", NOW_US)
    assert 'args.amount = "' in view.shown
    assert json.loads(view.intent)["action"] == "pay"
    assert view.rejection == rejection_digest(view.digest) != view.digest
    assert all(char.isprintable() or char == "\n" for char in view.shown)


def test_there_is_no_such_request(world: World) -> None:
    error = trace(world, show_approval(world.context, "roster")).error
    assert isinstance(error, UnitRefusedError)


@pytest.mark.parametrize("wanted", [{}, {"approver": ANN}])
def test_looking_changes_nothing(world: World, wanted: dict[str, object]) -> None:
    before = world.data()
    listed(world, **wanted)
    assert world.data() == before
