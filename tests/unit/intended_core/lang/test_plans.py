"""The plan that answers is the one of the intent's own types and entities; where there is none, the general loop answers."""

from __future__ import annotations

import dataclasses

import pytest

from intended_core import Deny, EntityRef
from intended_core.engine.evaluator import decide
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang import plans as room
from intended_core.lang.intents import validate
from tests.reference.policy_world import ANN, BOB, NOW_MS, World

RULES = """
@id("any") permit any_ { action == read; when args.n == 1; }
@id("ann") forbid ann { principal == User::"ann"; action == read; when args.n == 2; }
@id("doc") permit doc { resource == Doc::"d"; action == read; when args.n >= 2; }
@id("both") forbid both { principal == User::"bob"; resource == Doc::"d"; action == read; when args.n == 3; }
@id("agents") permit agents { principal is Agent; action == read; }
"""


@pytest.mark.parametrize("principal", [ANN, BOB, EntityRef("Agent", "bot")])
@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_rules_about_constant_entities_meet_only_those(principal: EntityRef, n: int) -> None:
    world = World.of(RULES)
    intent = world.intent(principal=principal, args={"n": n})
    valid = validate(world.checked.schema, TEST_SCOPE, intent)
    slow = dataclasses.replace(world.compiled, plans={})
    assert world.decide(intent) == decide(slow, valid, world.snapshot, now_ms=NOW_MS)


def test_who_may_not_act_alone_has_no_plan() -> None:
    world = World.of(RULES)
    found = world.decide(world.intent(principal=EntityRef("Agent", "bot")))
    assert isinstance(found, Deny)
    assert found.kind == "chain_missing"


def test_plans_for_constants_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_CHOSEN", 1)
    world = World.of(RULES)
    for principal in (ANN, BOB, ANN):
        first = world.decide(world.intent(principal=principal, args={"n": 1}))
        assert first == world.decide(world.intent(principal=principal, args={"n": 1}))


def test_an_action_of_one_type_each_is_its_own_plan() -> None:
    world = World.of('@id("w") permit w { action == write; } @id("r") permit r { action == read; }')
    assert type(world.compiled.plans["write"]).__name__ == "function"
    assert type(world.compiled.plans["read"]).__name__ == "_ByTypes"
