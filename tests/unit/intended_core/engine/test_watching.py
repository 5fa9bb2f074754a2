"""Whoever looks on is told everything and changes nothing."""

from __future__ import annotations

from typing import Any

from intended_core.engine.interpreter import interpret
from intended_core.engine.watching import Watch
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.intents import validate
from intended_core.lang.typed import Rule, TypedExpr
from tests.reference.policy_world import NOW_MS, World

RULES = """
@id("a") permit a { action == read; when args.n > 0; when args.n < 5; }
@id("b") permit b { action == read; principal == User::"bob"; when args.n > 0; }
@id("c") forbid c { action == read; when args.n + 9_223_372_036_854_775_807 > 0; }
"""


class Notes(Watch):
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def rule(self, rule: Rule) -> None:
        self.told.append(f"rule {rule.id}")

    def rule_failed(self, cause: str) -> None:
        self.told.append(f"rule failed: {cause}")

    def begin(self, expr: TypedExpr) -> None:
        self.told.append(f"begin {type(expr).__name__}")

    def end(self, value: Any) -> None:
        self.told.append(f"end {value[0]}")

    def failed(self, cause: str) -> None:
        self.told.append(f"failed: {cause}")


def test_a_watch_sees_each_rule_in_scope_and_each_value_and_changes_nothing() -> None:
    world = World.of(RULES)
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    notes = Notes()
    alone = interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS)
    assert interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS, watch=notes) == alone
    assert interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS, watch=Watch()) == alone
    number = ["begin MemberOf", "begin Root", "end record", "end int"]
    literal = ["begin Literal_", "end int"]
    compared = ["begin Binary", *number, *literal, "end bool"]
    failed = [
        "begin Binary", "begin Binary", *number, *literal, "failed: an Int overflows", "failed: an Int overflows", "rule failed: an Int overflows",
    ]  # fmt: skip
    assert notes.told == ["rule a", *compared, *compared, "rule c", *failed]
