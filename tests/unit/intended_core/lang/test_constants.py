"""What is sure when an optional member is absent."""

from __future__ import annotations

import pytest

from intended_core.lang.constants import UNKNOWN, constant_of
from intended_core.lang.typed import Default
from intended_core.lang.walk import walk
from tests.unit.intended_core.lang.support import condition

BOX = "(args?.box ?? { size: 1 })"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('(args?.reason ?? "x") == "x"', True),
        ('(args?.reason ?? "x") != "x"', False),
        ('(args?.reason ?? "x") == context.ticket', None),
        ('(args?.reason ?? "ab*c") like "a*c"', True),
        ('(args?.reason ?? "ab") like "a*c"', False),
        ('(args?.reason ?? "aba") like "ab*ba"', False),
        ('(args?.reason ?? "abc") like "a*b*c"', True),
        ('(args?.reason ?? "x") in ["x", "y"]', True),
        ('(args?.reason ?? "z") in ["x", "y"]', False),
        ("(args?.cc ?? []).size() == 0", True),
        ('any a in (args?.cc ?? []) { a == "a@b.example" }', False),
        ('all a in (args?.cc ?? []) { a == "a@b.example" }', True),
        ('"a@b.example" in (args?.cc ?? [])', False),
        ('not ((args?.reason ?? "x") == "x")', False),
        ('(if (args?.reason ?? "x") == "x" then 1 else context.risk) < 2', True),
        ('(args?.reason ?? "x").size() > 0', True),
        ('(args?.reason ?? "x") == "x" or context.risk > 3', True),
        ('(args?.reason ?? "x") == "y" and context.risk > 3', False),
        ('(args?.reason ?? "x") == "x" and context.risk > 3', None),
        ('(args?.reason ?? "x") == "y" or context.risk > 3', None),
    ],
)
def test_folding(text: str, value: bool | None) -> None:
    text = text.replace("context.ticket", '(context?.ticket ?? "x")')
    expr = condition(text)
    absent = next(node for node in walk(expr) if isinstance(node, Default))
    found = constant_of(expr, absent, {})
    assert found is (UNKNOWN if value is None else value)
