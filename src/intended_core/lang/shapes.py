"""The shape of typed expressions: what stays when the constants are taken out. Equal shapes share one code object.

`take(expr)` answers nothing and appends to `key`; constants gather in `literals` in the order met. Two equal keys mean that the same code
serves both, with the first's literals replaced by the second's, position by position. What a key leaves out (places, names of entity
types, values of literals) never reaches generated code except through `literals` and `names`; everything else stands in it by value.
"""

from __future__ import annotations

from dataclasses import fields
from itertools import count
from typing import Any, Final

from intended_core.lang.typed_expr import Literal_, Span, TypedExpr
from intended_core.lang.types import EntityType, Scalar, SetType, Type
from intended_core.values import Record

__all__ = ["MAX_SHAPES", "Shape"]

MAX_SHAPES: Final = 20_000  # shapes remembered; more are made again
_NODES: Final = TypedExpr.__args__
_FIELDS: Final[dict[type, tuple[str, ...]]] = {
    node: tuple(field.name for field in fields(node) if field.name not in ("span", "type")) for node in _NODES
}
_TYPE_KEYS: dict[int, tuple[Any, int]] = {}
_TYPE_VALUES: dict[Any, int] = {}
_NUMBERS: Final = count()  # never used twice, so that a key from before a clearing cannot be met again


class Shape:
    """Collects the shape of one piece of code. `names`: entity types in order of first sight; `literals`: constants likewise."""

    __slots__ = ("key", "literals", "names", "places")

    def __init__(self) -> None:
        self.key: list[object] = []
        self.literals: list[Literal_] = []
        self.names: dict[str, int] = {}
        self.places: dict[int, int] = {}

    def name(self, text: str) -> int:
        """The number of an entity type's name, for the key."""
        return self.names.setdefault(text, len(self.names))

    def take(self, expr: Any) -> None:
        """Walk `expr` in order of its fields. Raises TypeError for what cannot be part of a key."""
        key = self.key
        kind = expr.__class__
        if kind is Literal_:
            seen = self.places.get(id(expr))
            if seen is not None:
                key.append(("again", seen))
                return
            self.places[id(expr)] = len(self.literals)
            self.literals.append(expr)
            key.append("literal")
            self._type(expr.type)
            self._value(expr.value)
            return
        key.append(kind)
        self._type(expr.type)
        for name in _FIELDS[kind]:
            value = getattr(expr, name)
            if value.__class__ is str:  # by far the most, and equal to nothing but its like
                key.append(value)
            elif value.__class__ in _FIELDS:
                self.take(value)
            else:
                self._field(value)

    def _field(self, value: Any) -> None:
        key = self.key
        if value.__class__ in _FIELDS:
            self.take(value)
        elif value.__class__ is tuple:
            key.append(len(value))
            for item in value:
                self._field(item)
        elif isinstance(value, dict) and not isinstance(value, Record):
            key.append(object())  # has no hash, so this code is shared with nobody
        elif not isinstance(value, Span):
            key.append((value.__class__, value))

    def _value(self, value: Any) -> None:
        # Which code suits an entity depends on whether its type is the type of what it meets, so the pattern of names is shape.
        kind = getattr(value, "type", None)
        if kind.__class__ is str:
            self.key.append(self.name(kind))
        elif value.__class__ is frozenset:
            self.key.append(tuple(sorted({self.name(item.type) for item in value if getattr(item, "type", None)})))

    def _type(self, found: Type) -> None:
        kind = found.__class__
        if kind is Scalar:
            self.key.append(found.name)  # type: ignore[union-attr]
        elif kind is EntityType:
            names = found.names  # type: ignore[union-attr]
            self.key.append(self.name(names[0]) if len(names) == 1 else tuple([self.name(name) for name in names]))
        elif kind is SetType:
            self.key.append("set")
            self._type(found.element)  # type: ignore[union-attr]
        else:
            self.key.append(("type", _number(found)))


def _number(found: Type) -> int:
    """A number that equal types share. Types are kept, so that no identity is ever used twice."""
    known = _TYPE_KEYS.get(id(found))
    if known is not None and known[0] is found:
        return known[1]
    if len(_TYPE_KEYS) >= 4 * MAX_SHAPES:
        _TYPE_KEYS.clear()
        _TYPE_VALUES.clear()
    number = _TYPE_VALUES.setdefault(found, next(_NUMBERS))
    _TYPE_KEYS[id(found)] = (found, number)
    return number
