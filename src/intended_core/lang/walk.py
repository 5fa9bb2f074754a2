"""Reading typed expressions: parts, cost, and the canonical form that the semantic digest is made over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Final

from intended_core.lang.typed import (
    Aggregate,
    Let,
    Literal_,
    ParamOf,
    Quantified,
    RecordOf,
    SetOf,
    Span,
    TableOf,
    TypedExpr,
    Var,
)
from intended_core.lang.typeforms import type_json, value_json
from intended_core.lang.types import EntityType, EnumType, ListType, MapType, RecordType, Scalar, SetType

__all__ = ["MAX_COST", "cost", "parts", "semantic_form", "walk"]

MAX_COST: Final = 50_000  # language.md § 1: steps per rule set and action
_NODES: Final = TypedExpr.__args__
_TYPES: Final = (Scalar, EnumType, EntityType, SetType, ListType, MapType, RecordType)


def parts(expr: TypedExpr) -> tuple[TypedExpr, ...]:
    """The expressions directly inside, in order of evaluation."""
    if isinstance(expr, RecordOf):
        return (*expr.spreads, *(item for _, item in expr.items))
    found: list[TypedExpr] = []
    for field in fields(expr):
        value = getattr(expr, field.name)
        if isinstance(value, _NODES):
            found.append(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], _NODES):
            found.extend(value)
    return tuple(found)


def walk(expr: TypedExpr) -> Iterator[TypedExpr]:
    """The expression and everything inside."""
    yield expr
    for part in parts(expr):
        yield from walk(part)


def cost(expr: TypedExpr) -> int:
    """Worst-case evaluation steps: one per node, the body of a quantifier once per element."""
    if isinstance(expr, Quantified | Aggregate):
        size = expr.over.type.max_size if isinstance(expr.over.type, SetType | ListType) else None
        return 1 + cost(expr.over) + (0 if size is None else size * cost(expr.body))
    return 1 + sum(cost(part) for part in parts(expr))


def semantic_form(expr: TypedExpr) -> list[object]:
    """The expression as flat plain data in prefix order: no spans, variables numbered by where they are bound."""
    out: list[object] = []
    _form(expr, {}, out)
    return out


def _form(expr: TypedExpr, bound: Mapping[str, int], out: list[object]) -> None:
    out.append(type(expr).__name__)
    if isinstance(expr, Literal_):
        out += [type_json(expr.type), value_json(expr.value)]
        return
    if isinstance(expr, Var):
        out.append(bound.get(expr.name, -1))
        return
    if isinstance(expr, ParamOf | TableOf):
        out.append(expr.name)  # its type, default and age are in the schema's digest
        return
    inner = bound
    if isinstance(expr, Let | Quantified | Aggregate):
        name = expr.name if isinstance(expr, Let) else expr.var
        inner = {**bound, name: len(bound)}
    if isinstance(expr, SetOf):
        forms: list[list[object]] = []
        for item in expr.items:
            form: list[object] = []
            _form(item, bound, form)
            forms.append(form)
        out.append(len(forms))
        for form in forms if isinstance(expr.type, ListType) else sorted(forms, key=repr):
            out.extend(form)
        return
    if isinstance(expr, RecordOf):
        out += [len(expr.spreads), len(expr.items)]
        for item in expr.spreads:
            _form(item, bound, out)
        for name, item in sorted(expr.items, key=lambda pair: pair[0]):
            out.append(name)
            _form(item, bound, out)
        return
    for field in fields(expr):
        value = getattr(expr, field.name)
        if isinstance(value, _NODES):
            _form(value, inner if field.name == "body" else bound, out)
        elif isinstance(value, tuple) and value and isinstance(value[0], _NODES):
            out.append(len(value))
            for item in value:
                _form(item, bound, out)
        elif isinstance(value, (Span, *_TYPES)) or (
            isinstance(expr, Let | Quantified | Aggregate) and field.name in ("name", "var")
        ):
            continue
        else:
            out.append(list(value) if isinstance(value, tuple) else value)
