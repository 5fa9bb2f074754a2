"""What an expression is when one optional member is absent and everything else is unknown: for the polarity rule only.

Answers a value only when it is sure; `UNKNOWN` is never wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from intended_core.lang.builtins import METHODS, apply_method, kind_of
from intended_core.lang.patterns import glob
from intended_core.lang.typed import (
    Binary,
    Default,
    If,
    Let,
    Like,
    Literal_,
    Method,
    Quantified,
    SetIn,
    SetOf,
    TypedExpr,
    Unary,
    Var,
)
from intended_core.lang.types import DECIMAL, ListType

__all__ = ["UNKNOWN", "constant_of"]


UNKNOWN: Final[Any] = object()


def constant_of(expr: TypedExpr, absent: Default | None = None, lets: Mapping[str, TypedExpr] | None = None) -> Any:
    """The value of `expr` whatever the intent (when `absent` takes its default, if one is given), or UNKNOWN."""
    return _Fold(absent).value(expr, dict(lets or {}))


class _Fold:
    def __init__(self, absent: Default | None) -> None:
        self.absent = absent

    def value(self, expr: TypedExpr, lets: Mapping[str, TypedExpr]) -> Any:
        if isinstance(expr, Literal_):
            return expr.value
        if isinstance(expr, Default):
            return self.value(expr.fallback, lets) if expr == self.absent else UNKNOWN
        if isinstance(expr, Var):
            return self.value(lets[expr.name], lets) if expr.name in lets else UNKNOWN
        if isinstance(expr, Let):
            return self.value(expr.body, {**lets, expr.name: expr.value})
        if isinstance(expr, SetOf):
            items = [self.value(item, lets) for item in expr.items]
            if any(item is UNKNOWN for item in items):
                return UNKNOWN
            return tuple(items) if isinstance(expr.type, ListType) else frozenset(items)
        if isinstance(expr, Unary) and expr.op == "not":
            inner = self.value(expr.operand, lets)
            return UNKNOWN if inner is UNKNOWN else not inner
        if isinstance(expr, Binary):
            return self._binary(expr, lets)
        if isinstance(expr, SetIn):
            element, among = self.value(expr.element, lets), self.value(expr.set, lets)
            if among is not UNKNOWN and not among:
                return False
            return UNKNOWN if element is UNKNOWN or among is UNKNOWN else element in among
        if isinstance(expr, Like):
            return (
                UNKNOWN
                if self.value(expr.operand, lets) is UNKNOWN
                else glob(self.value(expr.operand, lets), expr.parts)
            )
        if isinstance(expr, If):
            chosen = self.value(expr.condition, lets)
            return UNKNOWN if chosen is UNKNOWN else self.value(expr.first if chosen else expr.second, lets)
        if isinstance(expr, Method):
            if not METHODS[kind_of(expr.base.type), expr.name].total:
                return UNKNOWN
            values = [self.value(item, lets) for item in (expr.base, *expr.args)]
            return (
                UNKNOWN if any(item is UNKNOWN for item in values) else apply_method(expr.base.type, expr.name, *values)
            )
        if isinstance(expr, Quantified):
            over = self.value(expr.over, lets)
            return expr.kind == "all" if over is not UNKNOWN and not over else UNKNOWN
        return UNKNOWN

    def _binary(self, expr: Binary, lets: Mapping[str, TypedExpr]) -> Any:
        left, right = self.value(expr.left, lets), self.value(expr.right, lets)
        if expr.op == "and":
            return (
                False
                if left is False or (left is True and right is False)
                else True
                if left is True and right is True
                else UNKNOWN
            )
        if expr.op == "or":
            return (
                True
                if left is True or (left is False and right is True)
                else False
                if left is False and right is False
                else UNKNOWN
            )
        if left is UNKNOWN or right is UNKNOWN or (expr.op == "mul" and expr.type == DECIMAL):
            return UNKNOWN
        match expr.op:
            case "eq":
                return left == right
            case "ne":
                return left != right
            case "lt":
                return left < right
            case "le":
                return left <= right
            case "gt":
                return left > right
            case "ge":
                return left >= right
            case _:
                return UNKNOWN

