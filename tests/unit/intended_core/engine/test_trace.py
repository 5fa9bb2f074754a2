"""A trace shows what the interpreter did: every rule of the action, every clause with its answer, every part with its value."""

from __future__ import annotations

from fractions import Fraction

import pytest

from intended_core import EntityRef
from intended_core.engine import trace as room
from intended_core.engine.interpreter import interpret
from intended_core.engine.trace import RuleTrace, Step, Trace, show_value, trace
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.intents import validate
from tests.reference.policy_world import BOB, NOW_MS, World

RULES = """
@id("a") permit a { principal is User; action == read; when args.n > 0 and principal.vip; when args.n > 99; }
@id("b") permit b { principal == User::"bob"; action == read; when true; }
@id("c") forbid c { action == read; unless args.n == 1; }
@id("d") forbid d { action == read; when args.n + 9223372036854775807 > 0; }
@id("e") escalate e { action == read; when args.n == 1; approval { from: Group::"board"; quorum: args.n; expires: 90m; } }
@id("w") permit w { action == write; }
"""


def traced(rules: str = RULES, **more: object) -> Trace:
    world = World.of(rules)
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent(**more))  # type: ignore[arg-type]
    found = trace(world.checked, valid, world.snapshot, now_ms=NOW_MS)
    assert found.meaning == interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS)
    return found


def by_id(found: Trace) -> dict[str, RuleTrace]:
    return {rule.id: rule for rule in found.rules}


def inner(rule: RuleTrace, clause: int = 0) -> tuple[Step, ...]:
    step = rule.clauses[clause].step
    assert step is not None
    return step.inner


def test_every_rule_of_the_action_is_there_with_what_became_of_it() -> None:
    rules = by_id(traced())
    assert {name: rule.result for name, rule in rules.items()} == {
        "a": "false", "b": "scope", "c": "false", "d": "error", "e": "holds",
    }  # fmt: skip
    assert by_id(traced(principal=BOB))["b"].result == "holds"


def test_a_clause_that_was_not_needed_is_skipped_and_one_without_value_says_why() -> None:
    rules = by_id(traced())
    assert [clause.answer for clause in rules["a"].clauses] == ["false", "skipped"]
    assert [clause.answer for clause in rules["b"].clauses] == ["skipped"]
    assert [clause.answer for clause in rules["d"].clauses] == ["error"]
    assert rules["d"].cause == "an Int overflows"
    assert rules["d"].clauses[0].step is not None
    assert rules["d"].clauses[0].step.error == "an Int overflows"


def test_an_unless_holds_when_what_it_names_does_not() -> None:
    clause = by_id(traced())["c"].clauses[0]
    assert (clause.kind, clause.answer) == ("unless", "false")


def test_parts_carry_their_values_in_order_and_what_was_short_cut_is_absent() -> None:
    first, second = inner(by_id(traced())["a"])
    assert (first.shown, second.shown) == ("true", "false")
    assert [part.shown for part in first.inner] == ["1", "0"]
    assert len(inner(by_id(traced(args={"n": 0}))["a"])) == 1


def test_the_parts_of_an_approval_have_values() -> None:
    clauses = by_id(traced())["e"].clauses
    assert [(clause.kind, clause.answer) for clause in clauses] == [("when", "true")] + [("approval", "value")] * 3
    assert [clause.step.shown for clause in clauses[1:] if clause.step] == ['Group::"board"', "1", "90m"]
    outside = by_id(traced(RULES.replace("quorum: args.n", "quorum: args.n + 16")))["e"]
    assert (outside.result, outside.cause) == ("error", "an approval out of range")


def test_unknown_entities_ask_no_rule() -> None:
    found = traced(principal=EntityRef("User", "ghost"))
    assert found.meaning.kind == "error"
    assert {rule.result for rule in found.rules} == {"scope"}


def test_a_trace_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_STEPS", 2)
    rules = by_id(traced())
    assert rules["a"].result == "false"
    assert sum(len(inner(rule)) for rule in rules.values() if rule.result == "false") < 4


@pytest.mark.parametrize(
    ("tagged", "shown"),
    [
        (("bool", True), "true"), (("int", -3), "-3"), (("decimal", Fraction(25, 2)), "12.5"), (("decimal", Fraction(2)), "2.0"),
        (("datetime", 0), 'datetime("1970-01-01T00:00:00Z")'), (("datetime", 10**18), "datetime(1000000000000000000 ms)"),
        (("duration", 5_400_000), "90m"), (("duration", 0), "0ms"), (("duration", 86_400_000), "1d"),
        (("text", 'a"\\\n'), '"a\\"\\\\\\u{a}"'), (("entity", "User", "ann"), 'User::"ann"'),
        (("set", frozenset({("int", 2), ("int", 1)})), "[1, 2]"), (("list", (("int", 2), ("int", 1))), "[2, 1]"),
        (("map", ((("text", "a"), ("int", 1)),)), '{"a": 1}'), (("rank", 1, "high"), '"high"'), (("ip", (4, 0, 255)), '"0.0.0.0/24"'),
        (("date", 0), "1970-01-01"), (("date", 10**9), "date 1000000000"), (("time", 32_400_250), "09:00:00.250"), (("url", "https://a.example/"), '"https://a.example/"'), (("record", (("n", ("int", 1)),)), "{n: 1}"),
    ],
)  # fmt: skip
def test_values_are_shown_as_a_policy_writes_them(tagged: object, shown: str) -> None:
    assert show_value(tagged) == shown
