"""Whoever looks on is told everything and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core.engine.interpreter import interpret
from intended_core.engine.watching import Watch
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.data import TableRows, type_data
from intended_core.lang.intents import validate
from intended_core.lang.surroundings import Surroundings
from intended_core.lang.typed import Approval, MeterTest, Rule, TypedExpr
from tests.reference.policy_world import NOW_MS, SCHEMA, World

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

    def compared(self, test: MeterTest, over: bool) -> None:
        self.told.append(f"compared {test.meter} {over}")

    def asking(self, block: Approval) -> None:
        self.told.append(f"asking {block.key}")

    def asked(self, block: Approval) -> None:
        self.told.append(f"asked {block.key}")


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


LIMITS = """
meter m { on: [read]; key: [principal]; window: sliding(1m); amount: args.n; }
@id("d") forbid d { meter m > 5; }
@id("e") escalate e { action == read; approval { from: Group::"board"; quorum: args.n; expires: 1h; } }
"""


def test_a_watch_sees_ceilings_and_approvals() -> None:
    world = World.of(LIMITS)
    for n, after in ((1, ["asking e#1", "asked e#1"]), (17, ["asking e#1", "rule failed: an approval out of range"])):
        valid = validate(world.checked.schema, TEST_SCOPE, world.intent(args={"n": n}))
        notes = Notes()
        interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS, readings={"m": 0}, watch=notes)
        seen = [line for line in notes.told if line.startswith(("compared", "ask", "rule failed"))]
        assert seen == [f"compared m {n > 5}", *after]


@pytest.mark.parametrize(
    ("condition", "cause"),
    [
        ("rate[args.s] == 1", "a key that is not there"),
        ("(args.n * 1_000_000_000_000_000_000).decimal() > 0.0", "a Decimal overflows"),
        ("args.n + 9_223_372_036_854_775_807 > 0", "an Int overflows"),
        ("floor == 1", "a param without a value"),
    ],
)
def test_a_watch_is_told_the_cause(condition: str, cause: str) -> None:
    schema = SCHEMA + "table rate: Map<String, Int>; param floor: Int;"
    world = World.of(f'@id("f") forbid f {{ action == read; when {condition}; }}', schema=schema)
    made = type_data(world.checked.schema, version="1", params={}, tables={"rate": TableRows(rows={"other": 1}, updated_ms=NOW_MS)})
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    notes = Notes()
    around = Surroundings(tenant="acme", data=made.cells)
    interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS, surroundings=around, watch=notes)
    assert notes.told[-1] == f"rule failed: {cause}"
