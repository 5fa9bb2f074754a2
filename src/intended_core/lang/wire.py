"""Typed values in their wire form: what `typedata.converter` would have given for them.

For values that a policy computes itself, and for intents that came through a door (`lang.doorway`), whose wire form is made when it is
first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

import orjson

from intended_core.canonical import Json
from intended_core.ids import EntityRef
from intended_core.lang.faults import EvaluationError
from intended_core.lang.netforms import format_ip
from intended_core.lang.types import EntityType, EnumType, ListType, RecordType, Scalar, SetType, Type
from intended_core.values import format_date, format_datetime, format_decimal, format_time

__all__ = ["references", "wire_of"]

_SCALARS: Final[dict[str, Callable[[Any], Json]]] = {
    "Bool": lambda value: value,
    "Int": lambda value: f"i:{value}",
    "Decimal": lambda value: f"d:{format_decimal(value)}",
    "String": lambda value: f"s:{value}",
    "Email": lambda value: f"s:{value}",
    "Datetime": lambda value: f"t:{format_datetime(value)}",
    "Duration": lambda value: f"u:{value}",
    "Date": lambda value: f"y:{format_date(value)}",
    "Time": lambda value: f"h:{format_time(value)}",
    "Ip": lambda value: f"a:{format_ip(value)}",
    "Url": lambda value: f"s:{value.text}",
    **dict.fromkeys(("Host", "Path", "Digest"), lambda value: f"s:{value}"),
}


@lru_cache(maxsize=8192)
def wire_of(kind: Type) -> Callable[[Any], Json]:
    """The function from values of this type to their wire form; it raises EvaluationError for a value that has none."""
    if isinstance(kind, Scalar) and kind.name in _SCALARS:
        return _SCALARS[kind.name]
    if isinstance(kind, EnumType):
        members = kind.members
        if kind.ordered:
            return lambda value: f"s:{members[value]}"
        return lambda value: f"s:{value}"
    if isinstance(kind, EntityType):
        return lambda value: {"@": [value.type, value.id]}
    if isinstance(kind, SetType):
        element = wire_of(kind.element)
        return lambda value: sorted((element(item) for item in value), key=_bytes)
    if isinstance(kind, ListType):
        item_of = wire_of(kind.element)
        return lambda value: [item_of(item) for item in value]
    if isinstance(kind, RecordType):
        fields = {member.name: wire_of(member.type) for member in kind.members}
        return lambda value: {name: fields[name](item) for name, item in value.items()}
    raise EvaluationError("a value of this type has no written form")


def _bytes(item: Json) -> bytes:
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)


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
