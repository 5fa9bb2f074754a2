"""Typed expressions: every node is frozen and carries its type; a place reads as file, line and column."""

from __future__ import annotations

import dataclasses

from intended_core.lang import typed_expr
from intended_core.lang.typed_expr import Span, TypedExpr
from intended_core.lang.types import BOOL
from tests.unit.intended_core.lang.support import condition


def test_a_place_is_written_as_editors_read_it() -> None:
    assert str(Span("a.policy", 3, 7, 3, 9)) == "a.policy:3:7"


def test_every_node_is_frozen_and_has_its_type() -> None:
    nodes = [getattr(typed_expr, name) for name in typed_expr.__all__ if name not in ("Span", "TypedExpr")]
    for node in nodes:
        assert node.__dataclass_params__.frozen, node
        assert "type" in {field.name for field in dataclasses.fields(node)}, node
    assert TypedExpr is not None


def test_a_condition_is_a_bool_at_its_place() -> None:
    made = condition("context.risk > 1")
    assert made.type == BOOL
    assert isinstance(made, typed_expr.Binary)
    assert (made.left.type.name, made.right.type.name) == ("Int", "Int")  # type: ignore[union-attr]
