"""Values as the interpreter sees them: tagged with their kind, so that nothing of one kind is ever taken for another."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from intended_core.lang.types import EntityType, EnumType, ListType, MapType, RecordType, Scalar, SetType, Type

__all__ = ["UNIT", "Erred", "tag_value"]

UNIT: Final = Fraction(1, 10**9)


class Erred(Exception):
    """The expression has no value."""


def tag_value(value: Any, kind: Type) -> Any:
    """The tagged form of a typed value: (kind, payload)."""
    match kind:
        case Scalar(name="Decimal"):
            return ("decimal", Fraction(value) * UNIT)
        case Scalar(name="Email" | "String" | "Host" | "Path" | "Digest"):
            return ("text", value)
        case Scalar(name="Url"):
            return ("url", value.text)
        case Scalar(name="Ip"):
            return ("ip", (value.version, value.low, value.high))
        case Scalar(name=name):
            return (name.lower(), value)
        case EnumType(ordered=True, members=labels):
            return ("rank", value, labels[value])
        case EnumType():
            return ("text", value)
        case EntityType():
            return ("entity", value.type, value.id)
        case SetType(element=element):
            return ("set", frozenset(tag_value(item, element) for item in value))
        case ListType(element=element):
            return ("list", tuple(tag_value(item, element) for item in value))
        case MapType(key=key, value=held):
            return ("map", tuple((tag_value(name, key), tag_value(item, held)) for name, item in value.items()))
        case RecordType(members=members):
            known = {member.name: member.type for member in members}
            return ("record", tuple(sorted((name, tag_value(item, known[name])) for name, item in value.items())))
    raise Erred("a value of no kind")
