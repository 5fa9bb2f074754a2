"""Every row of the table of attacks names tests, and every test that it names is there."""

from __future__ import annotations

import ast

import pytest

from tests.attacks.policy.rows import ROWS
from tests.house.source import ROOT


@pytest.mark.parametrize("row", sorted(ROWS))
def test_a_row_has_its_tests(row: str) -> None:
    assert ROWS[row]
    for place in ROWS[row]:
        file, _, name = place.partition("::")
        functions = {item.name for item in ast.parse((ROOT / file).read_text(encoding="utf-8")).body if isinstance(item, ast.FunctionDef)}
        assert name in functions, place


def test_every_named_case_stands_in_a_row() -> None:
    """A test that tries somebody else's fault is in the table, so that the table shows what is tried."""
    named = {place for places in ROWS.values() for place in places}
    for file in ("test_seen_elsewhere.py", "test_conditions_elsewhere.py"):
        path = ROOT / "tests" / "attacks" / "policy" / file
        for item in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(item, ast.FunctionDef) and any(part.isdigit() for part in item.name.split("_")[:4]):
                assert f"tests/attacks/policy/{file}::{item.name}" in named, item.name
