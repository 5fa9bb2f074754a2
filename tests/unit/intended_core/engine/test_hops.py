"""The long way of a decision says what the short way says, wherever both may be taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.engine.evaluator import decide
from intended_core.engine.hops import decide_hops, rules_for
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.intents import validate
from intended_core.lang.surroundings import NO_SURROUNDINGS
from intended_core.outcome import Deny
from tests.reference.policy_world import ANN, BOB, NOW_MS, World

RULES = [
    '@id("p") permit p { action == read; when args.n > 0; }',
    '@id("p") permit p { action == read; when args.n > 0; } @id("f") forbid f { action == read; when args.s == "abc"; }',
    '@id("p") permit p { action == read; principal == User::"bob"; when args.n > 0; approval { from: Group::"board"; quorum: 1; expires: 1h; } }',
    '@id("p") permit p { action == read; resource == Doc::"d"; when args.n > 0; } @id("g") escalate g { action == read; approval { from: Group::"board"; quorum: 2; exclude: [principal]; expires: 1h; } }',
    '@id("p") permit p { action == read; when args.n > 0; } @id("e") permit e { action == read; when args.n + 9223372036854775807 > 0; }',
    'obligation o(n: Int) after; @id("p") permit p { action == read; when args.n > 0; oblige o(n: args.n); }',
    'obligation o(n: Int) after; @id("p") permit p { action == read; when args.n > 0; oblige o(n: 1); } @id("q") permit q { action == read; when args.n > 0; oblige o(n: 2); }',
]


@pytest.mark.parametrize("number", range(len(RULES)))
@pytest.mark.parametrize("principal", [ANN, BOB], ids=["ann", "bob"])
@pytest.mark.parametrize("approved", [frozenset(), frozenset({"p#1", "g#1"})], ids=["plain", "approved"])
def test_both_ways_agree(number: int, principal: object, approved: frozenset[str]) -> None:
    world = World.of(RULES[number])
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent(principal=principal))  # type: ignore[arg-type]
    short = decide(world.compiled, valid, world.snapshot, now_ms=NOW_MS, approved=approved)
    long = decide_hops(
        world.compiled, valid, world.snapshot, now_ms=NOW_MS, approved=approved, surroundings=NO_SURROUNDINGS, readings=None
    )
    assert short == long


def test_rules_are_found_by_what_they_speak_of() -> None:
    world = World.of(RULES[3])
    doc = world.intent().resource
    assert {rule.id for rule in rules_for(world.compiled, "read", ANN, doc)} == {"p", "g"}
    assert rules_for(world.compiled, "none", ANN, doc) == ()


def test_a_condition_that_answers_neither_true_nor_false_denies() -> None:
    """Nothing that is checked answers so; should it ever, a permit must not pass by it and a forbid must not be passed over."""
    world = World.of('@id("p") permit p { action == read; when args.n > 0; } @id("f") forbid f { action == read; when args.n > 9; }')
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    for strange in ("p", "f"):
        index = {
            key: replace(bucket, general=tuple(replace(rule, condition=lambda *_: 1) if rule.id == strange else rule for rule in bucket.general))
            for key, bucket in world.compiled.index.items()
        }  # fmt: skip
        found = decide_hops(
            replace(world.compiled, index=index), valid, world.snapshot, now_ms=NOW_MS, approved=frozenset(),
            surroundings=NO_SURROUNDINGS, readings=None,
        )  # fmt: skip
        assert isinstance(found, Deny)
        assert (found.kind, found.rules) == ("error", (strange,))
        assert found.reasons[0].text == "a condition did not answer true or false"
