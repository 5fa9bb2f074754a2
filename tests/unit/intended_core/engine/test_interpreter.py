"""The interpreter's own bounds; its meaning is compared with the engine's in every test of the evaluator and by tests/property."""

from __future__ import annotations

import pytest

from intended_core import Deny
from intended_core.engine import interpreter
from intended_core.engine.interpreter import interpret
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.intents import validate
from tests.reference.policy_world import NOW_MS, World


def test_it_counts_its_steps_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World.of('@id("p") permit p { action == read; when all x in args.set { x > 0 } and args.n == 1; }')
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    assert interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS).outcome == "allow"
    monkeypatch.setattr(interpreter, "MAX_STEPS", 5)
    found = interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS)
    assert (found.outcome, found.kind, found.rules) == ("deny", "error", ("p",))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("args.d * 2.0 == 3.0", "allow"),
        ("args.d * 0.000000001 == 0.000000002", "allow"),  # 1.5e-9 rounds half to even
        ("args.d * 0.333333333 == 0.500000000", "allow"),
        ("args.d - 0.000000001 < 1.5", "allow"),
        ('args.s like "a*c"', "allow"),
        ('args.s like "a"', "deny"),
        ('args.s like "*"', "allow"),
        ('args.s like "*b*" and not (args.s like "b*")', "allow"),
        ("1 in args.set and 3 not in args.set", "allow"),
        ("args.set.size() == 2 and args.set.contains_all([1])", "allow"),
        ('(args?.note ?? "none") == "none"', "allow"),
        ("now - 1d < now and now + 1ms > now", "allow"),
        ('principal in Group::"staff" and principal not in Group::"board"', "allow"),
        ("resource.owner == principal", "allow"),
        ("if args.n == 1 then true else false", "allow"),
        ("any x in args.set { x == 2 } and not (all x in args.set { x == 2 })", "allow"),
    ],
)
def test_both_meanings_say_what_the_page_says(condition: str, expected: str) -> None:
    world = World.of(f'@id("p") permit p {{ action == read; when {condition}; }}')
    assert type(world.decide()).__name__.lower() == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('"content" in origin(args.s) and "unknown" in origin(args.s)', "forbid"),
        ('"content" in origin(args.note)', "default"),  # absent: nothing came from anywhere
    ],
)
def test_what_is_not_told_may_be_content(condition: str, expected: str) -> None:
    outcome = World.of(f'@id("f") forbid f {{ action == read; when {condition}; }}').decide()
    assert isinstance(outcome, Deny)
    assert outcome.kind == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sum x in args.set { x } == 3", "allow"),
        ("sum x in args.set { x * x } == 5", "allow"),
        ("sum x in args.set { args.d } == 3.0", "allow"),
        ("count x in args.set { x > 1 } == 1", "allow"),
        ("count x in args.set { x > 5 } == 0", "allow"),
        ("args.d - args.d + 999_999_999_999_999_999.999999999 > 0.0", "allow"),
        ("args.d - args.d + 999_999_999_999_999_999.999999999 + 0.000000001 > 0.0", "error"),
        ("args.d - args.d - 999_999_999_999_999_999.999999999 - 0.000000001 < 0.0", "error"),
        ("args.n - 1 + 9_223_372_036_854_775_807 > 0", "allow"),
        ("args.n + 9_223_372_036_854_775_807 > 0", "error"),
        ("args.n - 1 - 9_223_372_036_854_775_807 - 1 < 0", "allow"),
        ("args.n - 1 - 9_223_372_036_854_775_807 - 2 < 0", "error"),
        ("sum x in args.set { x + 9_223_372_036_854_775_800 } > 0", "error"),
        ("args.n >= 1 and args.n <= 1 and not (args.n > 1) and not (args.n < 1)", "allow"),
        ("args.n * 3 == 3 and args.n - 3 == -2 and -args.n == -1", "allow"),
    ],
)
def test_sums_and_bounds_in_both_meanings(condition: str, expected: str) -> None:
    found = World.of(f'@id("p") permit p {{ action == read; when {condition}; }}').decide()
    assert (found.kind if isinstance(found, Deny) else type(found).__name__.lower()) == expected
