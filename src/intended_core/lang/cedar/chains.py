"""Chains of `&&` and `||`: read without recursion, joined without depth. Both are associative, so the order of evaluation stays."""

from __future__ import annotations

from typing import Any

from intended_core.lang.cedar import ast
from intended_core.lang.typed import Binary, Span, TypedExpr
from intended_core.lang.types import BOOL

__all__ = ["chain", "joined"]


def chain(node: ast.Binary) -> list[ast.Expr]:
    """The parts of `a && b && c` (or of `||`), left to right, however many."""
    parts: list[ast.Expr] = [node.right]
    left = node.left
    while isinstance(left, ast.Binary) and left.op == node.op:
        parts.append(left.right)
        left = left.left
    return [left, *reversed(parts)]


def joined(op: Any, parts: list[TypedExpr], span: Span) -> TypedExpr:
    """The parts joined, halves by halves: they are asked in the same order, and a long chain stays shallow."""
    while len(parts) > 1:
        pairs = [Binary(op, parts[at], parts[at + 1], BOOL, span) for at in range(0, len(parts) - 1, 2)]
        parts = [*pairs, *parts[len(pairs) * 2 :]]
    return parts[0]
