"""Lists, records with spreads, count and sum: on both engines."""

from __future__ import annotations

import pytest

from intended_core import Allow, Deny
from intended_core.lang.checker import check_all
from intended_core.lang.source import Source
from tests.reference.policy_world import SCHEMA, World


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("(count x in args.set { x > 1 }) == 1", True),
        ("(count x in args.set { x > 5 }) == 0", True),
        ("(sum x in args.set { x }) == 3", True),
        ("(sum x in args.set { x * 2 }) > 6", False),
        ("(sum x in args.set { args.d }) == 3.0", True),
        ("(sum x in args.set { 1h }) == 2h", True),
        ("(sum x in args.set { 9_223_372_036_854_775_807 }) > 0", None),
        ("({ ...{ a: 1, b: 2 }, a: 3 }) == { a: 3, b: 2 }", True),
        ("({ ...{ a: args.n }, b: 2 }).a == 1", True),
    ],
)
def test_conditions(condition: str, holds: bool | None) -> None:
    found = World.of(f'@id("p") permit p {{ action == read; when {condition}; }}').decide()
    assert isinstance(found, Allow) is (holds is True)
    assert isinstance(found, Deny) is (holds is not True)
    if isinstance(found, Deny):
        assert found.kind == ("error" if holds is None else "default")


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("args.set[1] == 2", "type.operator"),
        ("(sum x in args.set { true }) > 1", "type.operator"),
        ("(count x in args.set { count y in args.set { sum z in args.set { z } > 1 } > 1 }) > 1", "limit.nesting"),
        ("({ ...args.n }).a == 1", "type.mismatch"),
        ("args == args", "type.operator"),
        ("rows == rows", "type.operator"),
        ("[rows] == [rows]", "type.mismatch"),
        ("({ a: rows }).a.size() == 1", "type.mismatch"),
    ],
)
def test_refused(condition: str, code: str) -> None:
    text = SCHEMA + "table rows: Map<String, Int>; " + f'@id("p") permit p {{ action == read; when {condition}; }}'
    assert code in [item.code for item in check_all([Source.from_text("t.policy", text)])[1]]
