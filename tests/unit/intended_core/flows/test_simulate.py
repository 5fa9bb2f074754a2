"""Recorded decisions under a draft: the same question, from the recorded inputs, and nothing moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from intended_core import Entity, EntityRef, IntentError
from intended_core.errors import UnitRefusedError
from intended_core.flows.simulate import Simulation
from tests.reference.data_world import LOWER, WITH_DATA, data_world
from tests.reference.flow_world import ACCOUNT, CLOSED, POLICY, World, intent


@pytest.fixture
def world() -> Iterator[World]:
    """Five decisions under the set with data, three before it."""
    made = data_world()
    made.restore()
    for amount in ("1.00", "70.00", "500.00"):
        made.tenant.authorize(intent(amount), audience="bank")
    made.tenant.authorize(intent(account=CLOSED), audience="bank")
    made.tenant.authorize(intent("a lot"), audience="bank")
    yield made
    made.check()


def simulated(world: World, text: str, **given: int) -> Simulation:
    desk = world.tenant.policies
    draft = desk.draft({"bank.policy": text})
    desk.check(draft.draft_id)
    return desk.simulate(draft.draft_id, **given)


def test_the_same_set_answers_the_same(world: World) -> None:
    found = simulated(world, WITH_DATA)
    assert (found.asked, found.same, found.opens, found.closes, found.flips, found.whole) == (7, 7, 0, 0, (), True)
    assert found.passed_over == {}


def test_what_flips_is_named(world: World) -> None:
    found = simulated(world, LOWER)
    (flip,) = found.flips
    assert (flip.before, flip.after, flip.way, flip.resource) == ("allow", "deny(default)", "closes", ACCOUNT)
    assert (flip.before_rules, flip.after_rules) == (("small",), ())
    assert (found.closes, found.opens) == (1, 0)


def test_what_opens_is_told_apart(world: World) -> None:
    found = simulated(world, WITH_DATA.replace("cap: Decimal = 100.00", "cap: Decimal = 1_000.00"))
    assert {flip.way for flip in found.flips} == {"opens"}
    assert found.opens == 2


def test_it_is_a_record_and_grants_nothing(world: World) -> None:
    before, size = world.data(), world.head.size
    found = simulated(world, LOWER)
    assert world.kinds(size) == ["policy.drafted", "policy.drafted", "policy.simulated"]
    assert world.body()["simulated"]["closes"] == found.closes == 1
    nonces = [key for key in world.data().rows if key.kind in ("nonce", "approval", "meter")]
    assert nonces == [key for key in before.rows if key.kind in ("nonce", "approval", "meter")]


def test_the_newest_are_asked_and_the_end_is_said(world: World) -> None:
    found = simulated(world, LOWER, most=2)
    assert (found.asked, found.whole) == (2, False)
    for most in (0, 10_001):
        with pytest.raises(IntentError):
            simulated(world, LOWER, most=most)


def test_the_inputs_are_the_recorded_ones(world: World) -> None:
    """The account is closed and everything frozen today; the decisions were taken before that."""
    world.tenant.put_entities([Entity(ref=ACCOUNT, attributes={"closed": True})])
    world.tenant.data.set(tables={"frozen": [ACCOUNT]})
    assert simulated(world, WITH_DATA).same >= 4


def test_an_intent_that_the_new_schema_does_not_have_is_a_denial(world: World) -> None:
    found = simulated(world, WITH_DATA.replace("args: { amount: Decimal }", "args: { amount: Decimal, purpose: String }"))
    assert {flip.after for flip in found.flips} == {"deny(intent_invalid)"}


def test_an_entity_that_only_the_draft_names_is_read_as_it_is_today(world: World) -> None:
    world.tenant.put_entities([Entity(ref=EntityRef("Account", "vault"), attributes={"closed": True})])
    rule = '@id("vault")\nforbid vault { action == pay; when Account::"vault".closed; }\n'
    found = simulated(world, WITH_DATA + rule)
    assert {flip.after for flip in found.flips} == {"deny(forbid)"}


def test_a_decision_whose_inputs_are_gone_is_passed_over(world: World) -> None:
    for key in [key for key in world.data().rows if key.kind == "snapshot"]:
        world.remove(key.kind, key.key)
    found = simulated(world, POLICY)
    assert found.asked == 0
    assert sum(found.passed_over.values()) == 7


def test_progress_is_told(world: World) -> None:
    told: list[tuple[int, int]] = []
    desk = world.tenant.policies
    draft = desk.draft({"bank.policy": LOWER})
    with pytest.raises(UnitRefusedError, match="checked before"):
        desk.simulate(draft.draft_id)
    desk.check(draft.draft_id)
    size = world.head.size
    desk.simulate(draft.draft_id, progress=lambda at, whole: told.append((at, whole)))
    assert told[-1] == (size, size)
