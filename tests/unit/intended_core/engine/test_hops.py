"""The long way of a decision says what the short way says, wherever both may be taken."""

from __future__ import annotations

import pytest

from intended_core.engine.evaluator import decide
from intended_core.engine.hops import decide_hops, rules_for
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.intents import validate
from intended_core.lang.surroundings import NO_SURROUNDINGS
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
