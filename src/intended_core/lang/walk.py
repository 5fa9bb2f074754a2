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
_NODE_CLASSES: Final = frozenset(_NODES)
_TYPES: Final = frozenset({Scalar, EnumType, EntityType, SetType, ListType, MapType, RecordType})
_SPECIAL: Final = frozenset({Literal_, Var, ParamOf, TableOf, SetOf, RecordOf})  # whose canonical form is not that of their fields


# By class, the members that can hold expressions, in order of evaluation; places, types and texts never do.
_HOLDERS: Final[dict[type, tuple[str, ...]]] = {
    node: tuple(field.name for field in fields(node) if "TypedExpr" in str(field.type)) for node in _NODES
}
_NONE: Final[tuple[TypedExpr, ...]] = ()
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
    names = _HOLDERS[expr.__class__]
    if not names:
        return _NONE
    if expr.__class__ is RecordOf:
        return (*expr.spreads, *(item for _, item in expr.items))
    found: list[TypedExpr] = []
    for name in names:
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
        if _HOLDERS[node.__class__]:
            pending.extend(reversed(parts(node)))


def cost(expr: TypedExpr) -> int:
    """Worst-case evaluation steps: one per node, the body of a quantifier once per element."""
    if expr.__class__ is Quantified or expr.__class__ is Aggregate:
        size = expr.over.type.max_size if isinstance(expr.over.type, SetType | ListType) else None
        return 1 + cost(expr.over) + (0 if size is None else size * cost(expr.body))
    steps = 1
    for part in parts(expr):
        steps += cost(part) if _HOLDERS[part.__class__] else 1
    return steps


def semantic_form(expr: TypedExpr) -> list[object]:
    """The expression as flat plain data in prefix order: no spans, variables numbered by where they are bound."""
    out: list[object] = []
    _form(expr, {}, out)
    return out


def _form(expr: TypedExpr, bound: Mapping[str, int], out: list[object]) -> None:
    kind = expr.__class__
    out.append(kind.__name__)
    if kind in _SPECIAL:
        _special(expr, bound, out)
        return
    inner = bound
    if kind is Let or kind is Quantified or kind is Aggregate:
        name = expr.name if isinstance(expr, Let) else expr.var  # type: ignore[union-attr]
        inner = {**bound, name: len(bound)}
    for field_name in _TOLD[kind]:
        value = getattr(expr, field_name)
        known = value.__class__
        if known in _NODE_CLASSES:
            _form(value, inner if field_name == "body" else bound, out)
        elif isinstance(value, tuple) and value and value[0].__class__ in _NODE_CLASSES:
            out.append(len(value))
            for item in value:
                _form(item, bound, out)
        elif known not in _TYPES:
            out.append(list(value) if isinstance(value, tuple) else value)


def _special(expr: TypedExpr, bound: Mapping[str, int], out: list[object]) -> None:
    if isinstance(expr, Literal_):
        out += [type_json(expr.type), value_json(expr.value)]
    elif isinstance(expr, Var):
        out.append(bound.get(expr.name, -1))
    elif isinstance(expr, ParamOf | TableOf):
        out.append(expr.name)  # its type, default and age are in the schema's digest
    elif isinstance(expr, SetOf):
        forms: list[list[object]] = []
        for item in expr.items:
            form: list[object] = []
            _form(item, bound, form)
            forms.append(form)
        out.append(len(forms))
        for form in forms if isinstance(expr.type, ListType) else sorted(forms, key=repr):
            out.extend(form)
    elif isinstance(expr, RecordOf):
        out += [len(expr.spreads), len(expr.items)]
        for item in expr.spreads:
            _form(item, bound, out)
        for name, item in sorted(expr.items, key=lambda pair: pair[0]):
            out.append(name)
            _form(item, bound, out)
