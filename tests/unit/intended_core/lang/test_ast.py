"""Nodes are values: frozen, equal by content."""

from __future__ import annotations

import dataclasses

import pytest

from intended_core.lang import ast
from intended_core.lang.typed import Span

HERE = Span("a", 1, 1, 1, 1)


def test_nodes_are_frozen_and_equal_by_content() -> None:
    node = ast.PackDecl("a", "1", HERE)
    assert node == ast.PackDecl("a", "1", HERE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        node.name = "b"  # type: ignore[misc]


def test_every_node_has_a_span_and_is_exported() -> None:
    for name in ast.__all__:
        node = getattr(ast, name)
        if isinstance(node, type) and dataclasses.is_dataclass(node) and name != "ApprovalDecl":
            assert "span" in {field.name for field in dataclasses.fields(node)}, name
