"""Long chains stay in order and shallow."""

from __future__ import annotations

from intended_core.lang.cedar import ast
from intended_core.lang.cedar.chains import chain, joined
from intended_core.lang.typed import Binary, Literal_, Span, TypedExpr
from intended_core.lang.types import INT
from tests.unit.intended_core.lang.cedar.cedar_support import expression, load

HERE = Span("a", 1, 1, 1, 1)


def leaves(expr: TypedExpr) -> list[object]:
    return [*leaves(expr.left), *leaves(expr.right)] if isinstance(expr, Binary) else [expr.value if isinstance(expr, Literal_) else None]


def depth(expr: TypedExpr) -> int:
    return 1 + max(depth(expr.left), depth(expr.right)) if isinstance(expr, Binary) else 0


def test_the_parts_of_a_chain() -> None:
    whole = expression("context.a || context.b && context.c || (context.d || context.e)")
    assert isinstance(whole, ast.Binary)
    assert len(chain(whole)) == 3


def test_joined_in_order_and_shallow() -> None:
    for size in (1, 2, 3, 7, 1000):
        made = joined("and", [Literal_(at, INT, HERE) for at in range(size)], HERE)
        assert leaves(made) == list(range(size))
        assert depth(made) <= 10


def test_two_thousand_alternatives_load() -> None:
    text = " || ".join(f'principal == User::"u{at}"' for at in range(2000))
    report = load(f'permit(principal, action == Action::"view", resource) when {{ {text} }};')
    assert report.loaded is not None, report.text


def test_a_path_of_has_is_bounded() -> None:
    report = load("permit(principal, action, resource) when { context has " + ".".join(["a"] * 3000) + " };")
    assert [found.code for found in report.diagnostics] == ["limit.nesting"]


def test_kinds_of_request_are_bounded() -> None:
    names = ", ".join(f"T{at}" for at in range(300))
    schema = f"entity {names}; action a appliesTo {{ principal: [{names}], resource: [{names}] }};"
    report = load("permit(principal, action, resource);", schema.encode())
    assert [found.code for found in report.diagnostics] == ["limit.cost"]
