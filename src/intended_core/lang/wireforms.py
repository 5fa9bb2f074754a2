"""Typed values back to wire form: what `lang.typedata` makes beside a value, made later from the value alone.

Only for the types of `lang.doorway`; the two ways are compared byte for byte by tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TypeAlias

import orjson

from intended_core.canonical import Json
from intended_core.ids import EntityRef
from intended_core.lang.types import EntityType, EnumType, ListType, RecordType, Scalar, SetType, Type
from intended_core.values import format_decimal

__all__ = ["Encoder", "encoder", "references"]

Encoder: TypeAlias = Callable[[Any], Json]


@lru_cache(maxsize=8192)
def encoder(wanted: Type) -> Encoder:
    """The function from a typed value to its wire form; raises TypeError for a type that has none here."""
    if isinstance(wanted, Scalar):
        found = _SCALARS.get(wanted.name)
        if found is None:
            raise TypeError(f"no wire form is made from a {wanted.name}")
        return found
    if isinstance(wanted, EnumType):
        members = wanted.members
        return (lambda rank: f"s:{members[rank]}") if wanted.ordered else _text
    if isinstance(wanted, EntityType):
        return lambda ref: {"@": [ref.type, ref.id]}
    if isinstance(wanted, SetType):
        each = encoder(wanted.element)
        return lambda items: sorted(map(each, items), key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
    if isinstance(wanted, ListType):
        one = encoder(wanted.element)
        return lambda items: [one(item) for item in items]
    if isinstance(wanted, RecordType):
        known = {member.name: encoder(member.type) for member in wanted.members}
        return lambda record: {name: known[name](item) for name, item in record.items()}
    raise TypeError("no wire form is made from a map")


def _text(value: str) -> Json:
    return f"s:{value}"


_SCALARS: dict[str, Encoder] = {
    "Bool": lambda value: value,
    "Int": lambda value: f"i:{value}",
    "Duration": lambda value: f"u:{value}",
    "Decimal": lambda value: f"d:{format_decimal(value)}",
    "String": _text,
}


def references(value: Any) -> Iterator[EntityRef]:
    """Every entity inside a typed value."""
    if isinstance(value, EntityRef):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, tuple | frozenset):
        for item in value:
            yield from references(item)
