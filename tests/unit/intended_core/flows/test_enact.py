"""What is put in force, by whose hand, over what."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from intended_core import Granted, KeyRingError, TokenError
from intended_core.errors import UnitRefusedError
from intended_core.flows.data import DataWritten
from intended_core.flows.effects import Commit
from intended_core.flows.enact import enact_policy
from tests.reference.data_world import CLOSING, EVE, EVE_KEY, LOWER, ROOT, ROOT_KEY, data_world, governed_world, ready
from tests.reference.flow_world import ACCOUNT, ANN, ANN_KEY, BOB, BOB_KEY, World, intent, pay, trace


@pytest.fixture
def world() -> Iterator[World]:
    made = governed_world()
    made.restore()
    yield made
    made.check()


def test_two_persons_put_a_set_in_force(world: World) -> None:
    name = ready(world)
    world.tenant.policies.approve(name, person=ANN, key=ANN_KEY)
    done = world.tenant.policies.activate(name)
    body = world.body(done.seq)
    assert (body["draft"], body["drafted_by"][0][1], body["approved_by"][0][1]) == (name, "eve", "ann")
    assert world.tenant.policies.show(name).state == "ACTIVE"
    with pytest.raises(UnitRefusedError, match="the draft is active"):
        world.tenant.policies.activate(name)


def test_a_token_of_the_set_before_is_void(world: World) -> None:
    granted = world.tenant.authorize(intent("50.00"), audience="bank")
    assert isinstance(granted, Granted)
    name = ready(world)
    world.tenant.policies.approve(name, person=ANN, key=ANN_KEY)
    world.tenant.policies.activate(name)
    with pytest.raises(TokenError):
        world.tenant.redeem(granted.token, pay("50.00"), adapter=world.tenant.adapter("bank"))


def test_one_person_is_enough_for_what_can_only_narrow(world: World) -> None:
    done = world.tenant.policies.activate(ready(world, CLOSING))
    body = world.body(done.seq)
    assert body["narrows"] is True
    assert "approved_by" not in body


def test_one_person_is_not_enough_for_what_narrowed_against_an_older_set(world: World) -> None:
    """The draft only adds a forbid to the set it was drafted over; meanwhile another set is active."""
    desk = world.tenant.policies
    name = ready(world, CLOSING)
    other = ready(world, LOWER)
    desk.approve(other, person=ANN, key=ANN_KEY)
    desk.activate(other)
    with pytest.raises(UnitRefusedError, match="since this was drafted"):
        desk.activate(name)


def test_an_approver_who_lost_their_role_counts_no_longer(world: World) -> None:
    desk = world.tenant.policies
    name = ready(world)
    desk.approve(name, person=ANN, key=ANN_KEY)
    world.tenant.persons.remove(ANN, keys=[(ROOT, ROOT_KEY)])
    with pytest.raises(KeyRingError):
        desk.activate(name)
    desk.approve(name, person=BOB, key=BOB_KEY)
    with pytest.raises(KeyRingError):
        desk.activate(name)  # fail closed: every signature that the draft carries must still count


def test_persons_who_change_meanwhile_are_counted_again(world: World) -> None:
    desk = world.tenant.policies
    name = ready(world)
    desk.approve(name, person=ANN, key=ANN_KEY)

    def act(effect: object) -> None:
        if isinstance(effect, Commit) and ANN in {each.ref for each in world.tenant.persons.list()}:
            world.tenant.persons.remove(ANN, keys=[(ROOT, ROOT_KEY)])

    assert isinstance(trace(world, enact_policy(world.context, name), act).error, KeyRingError)


class TestData:
    def test_what_may_widen_takes_two(self, world: World) -> None:
        desk = world.tenant.policies
        name = world.tenant.data.draft(params={"cap": "500.00"}, drafter=EVE, key=EVE_KEY).draft_id
        desk.check(name)
        with pytest.raises(UnitRefusedError, match="second person"):
            desk.activate(name)
        desk.approve(name, person=BOB, key=BOB_KEY)
        done = desk.activate(name)
        assert isinstance(done, DataWritten)
        assert world.body(done.seq)["approved_by"][0][1] == "bob"
        assert isinstance(world.tenant.authorize(intent("400.00"), audience="bank"), Granted)

    def test_what_can_only_narrow_takes_one(self, world: World) -> None:
        name = world.tenant.data.draft(tables={"frozen": [ACCOUNT]}, drafter=EVE, key=EVE_KEY).draft_id
        world.tenant.policies.check(name)
        world.tenant.policies.activate(name)
        assert not isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
        back = world.tenant.data.draft(tables={"frozen": []}, drafter=EVE, key=EVE_KEY).draft_id
        world.tenant.policies.check(back)
        with pytest.raises(UnitRefusedError, match="second person"):
            world.tenant.policies.activate(back)

    def test_it_can_be_simulated(self, world: World) -> None:
        name = world.tenant.data.draft(params={"cap": "40.00"}).draft_id
        world.tenant.policies.check(name)
        before = world.tenant.policies.simulate(name)
        assert isinstance(world.tenant.authorize(intent("50.00"), audience="bank"), Granted)
        found = world.tenant.policies.simulate(name)
        assert found.moves["allow", "deny"] == found.closes == before.closes + 1


def test_in_the_founders_hand_a_checked_draft_is_enough() -> None:
    world = data_world()
    world.restore()
    draft = world.tenant.policies.draft({"bank.policy": LOWER})
    with pytest.raises(UnitRefusedError, match="checked before"):
        world.tenant.policies.activate(draft.draft_id)
    world.tenant.policies.check(draft.draft_id)
    done = world.tenant.policies.activate(draft.draft_id)
    assert done.digest == world.tenant.policies.active().digest  # type: ignore[union-attr]
