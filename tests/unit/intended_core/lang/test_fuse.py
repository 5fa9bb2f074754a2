"""A fused function answers what the general loop answers, or leaves the question to it."""

from __future__ import annotations

import dataclasses

import pytest

from intended_core import Allow, Deny, Entity, EntityRef, Escalate
from intended_core.engine.evaluator import decide
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang import fuse as room
from intended_core.lang.fuse import Answers, NotPreparedError, fuse
from intended_core.lang.intents import validate
from intended_core.lang.operations import EvaluationError
from intended_core.lang.surroundings import NO_SURROUNDINGS
from intended_core.values import Record
from tests.reference.policy_world import ANN, BOB, NOW_MS, World, group, user

GATE = 'approval { from: Group::"board"; quorum: args.n; expires: 1h; }'


def both(world: World, **more: object) -> tuple[Allow | Escalate | Deny, Allow | Escalate | Deny]:
    """The answer with plans (judged by the interpreter too) and by the general loop."""
    intent = world.intent(**more)  # type: ignore[arg-type]
    valid = validate(world.checked.schema, TEST_SCOPE, intent)
    slow = dataclasses.replace(world.compiled, plans={})
    return world.decide(intent), decide(slow, valid, world.snapshot, now_ms=NOW_MS)


@pytest.mark.parametrize(
    "condition",
    [
        "args.n == 1", 'principal in Group::"staff"', 'principal in Group::"board"', 'principal in User::"ann"',
        'principal in [User::"bob", Group::"staff"]', "resource.owner == principal", "resource.owner != principal",
        'resource.owner in Group::"staff"', 'resource.owner in User::"ann"', 'resource.owner.level > 0', '"content" in origin(args.s)',
        '"content" in origin(args.note)', "principal is User and principal.vip", "any x in args.set { x > 1 }", "not (args.n > 3)",
        "if args.n == 1 then true else false", "9223372036854775807 + args.n > 0",
        'if principal is User then principal.level > 0 else resource.owner.vip',
    ],
)  # fmt: skip
@pytest.mark.parametrize("effect", ["permit", "forbid", "escalate"])
def test_every_kind_of_condition_under_every_effect(condition: str, effect: str) -> None:
    gate = GATE if effect == "escalate" else ""
    if effect == "permit":
        condition = condition.replace('"content" in', '"content" not in')
    world = World.of(f'@id("x") {effect} x {{ action == read; when {condition}; {gate} }} @id("p") permit p {{ action == read; }}')
    for principal in (ANN, BOB):
        fast, slow = both(world, principal=principal)
        assert fast == slow
        assert both(world, principal=principal)[0] == fast


@pytest.mark.parametrize("scope", ['principal == User::"ann";', 'principal in [Group::"board", User::"ann"];',
                                   'resource == Doc::"d";', 'resource == Doc::"other";', "principal is Agent;"])  # fmt: skip
def test_every_kind_of_scope(scope: str) -> None:
    world = World.of(f'@id("x") forbid x {{ {scope} action == read; }} @id("p") permit p {{ action == read; }}')
    for principal in (ANN, BOB):
        fast, slow = both(world, principal=principal)
        assert fast == slow


def test_an_error_names_every_failing_rule_as_the_general_loop_does() -> None:
    broken = "when 9223372036854775807 + args.n > 0;"
    world = World.of(f'@id("a") permit a {{ action == read; {broken} }} @id("b") forbid b {{ action == read; {broken} }}')
    fast, slow = both(world)
    assert fast == slow
    assert isinstance(fast, Deny)
    assert (fast.kind, fast.rules) == ("error", ("a", "b"))


def test_an_unknown_entity_behind_an_attribute_denies() -> None:
    people = [Entity(ref=group("staff")), Entity(ref=group("board")), user("ann", "staff")]
    doc = Entity(ref=EntityRef("Doc", "d"), attributes={"owner": EntityRef("User", "ghost")})
    for condition in ("resource.owner.vip", 'resource.owner in User::"ghost"'):
        world = World.of(f'@id("p") permit p {{ action == read; when {condition}; }}', [*people, doc])
        fast, slow = both(world)
        assert fast == slow
        assert isinstance(fast, Deny)
        assert fast.kind == "error"


@pytest.mark.parametrize("strange", [1, 0, "", "true", None])
def test_a_value_that_is_no_truth_value_never_passes_for_one(strange: object) -> None:
    world = World.of('@id("p") permit p { action == read; } @id("f") forbid f { principal is User; action == read; when principal.vip; }')
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    attributes = {**world.snapshot.attributes, ANN: Record({"level": 1, "vip": strange})}  # type: ignore[dict-item]
    forged = dataclasses.replace(world.snapshot, attributes=attributes)
    found = decide(world.compiled, valid, forged, now_ms=NOW_MS)
    assert isinstance(found, Deny)
    assert (found.kind, found.rules) == ("error", ("f",))


def test_an_intent_of_another_type_is_not_answered_by_the_plan() -> None:
    world = World.of('@id("p") permit p { action == write; }')
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    plan = world.compiled.plans["write"]
    wrong = dataclasses.replace(valid, action="write", principal=EntityRef("Agent", "ann"))
    with pytest.raises(EvaluationError):
        plan(wrong, world.snapshot, NOW_MS, NO_SURROUNDINGS)


def test_outcomes_are_prepared_once_per_set_of_matching_rules_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(["rule"])
    with pytest.raises(NotPreparedError) as missing:
        answers[1]
    assert (missing.value.matching, missing.value.answers) == (1, answers)
    answers.keep(1, "kept")
    assert answers[1] == "kept"
    monkeypatch.setattr(room, "MAX_ANSWERS", 1)
    answers.keep(2, "newer")
    assert dict(answers) == {2: "newer"}


def test_the_same_allow_is_handed_out_again() -> None:
    world = World.of('@id("p") permit p { action == read; }')
    assert world.decide() is world.decide()


def test_a_bucket_of_too_many_rules_is_left_to_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fuse("User", "Doc", []) is None
    monkeypatch.setattr(room, "MAX_FUSED", 1)
    world = World.of('@id("p") permit p { action == write; } @id("q") permit q { action == write; }')
    assert "write" not in world.compiled.plans


def test_a_gate_that_matches_is_asked_for_its_approval_each_time() -> None:
    world = World.of(f'@id("g") escalate g {{ action == read; {GATE} }} @id("p") permit p {{ action == read; }}')
    for quorum in (1, 2):
        fast, slow = both(world, args={"n": quorum})
        assert fast == slow
        assert isinstance(fast, Escalate)
        assert fast.alternatives[0][0].quorum == quorum
    fast, slow = both(world, args={"n": 17})
    assert fast == slow
    assert isinstance(fast, Deny)
