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


# By class, the members that can hold expressions, in order of evaluation; places, types and texts never do.
_HOLDERS: Final[dict[type, tuple[str, ...]]] = {
    node: tuple(field.name for field in fields(node) if "TypedExpr" in str(field.type)) for node in _NODES
}
# By class, what the canonical form tells in general: no place, and no name of what a Let or a quantifier binds.
_TOLD: Final[dict[type, tuple[str, ...]]] = {
    node: tuple(
        field.name
        for field in fields(node)
        if field.name != "span" and not (node in (Let, Quantified, Aggregate) and field.name in ("name", "var"))
    )
    for node in _NODES
}


def parts(expr: TypedExpr) -> tuple[TypedExpr, ...]:
    """The expressions directly inside, in order of evaluation."""
    if isinstance(expr, RecordOf):
        return (*expr.spreads, *(item for _, item in expr.items))
    found: list[TypedExpr] = []
    for name in _HOLDERS[expr.__class__]:
        value = getattr(expr, name)
        if value.__class__ is tuple:
            found.extend(value)
        elif value is not None:
            found.append(value)
    return tuple(found)


def walk(expr: TypedExpr) -> Iterator[TypedExpr]:
    """The expression and everything inside, each before its parts."""
    pending = [expr]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(parts(node)))


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
    for field_name in _TOLD[expr.__class__]:
        value = getattr(expr, field_name)
        if isinstance(value, _NODES):
            _form(value, inner if field_name == "body" else bound, out)
        elif isinstance(value, tuple) and value and isinstance(value[0], _NODES):
            out.append(len(value))
            for item in value:
                _form(item, bound, out)
        elif not isinstance(value, _TYPES):
            out.append(list(value) if isinstance(value, tuple) else value)
