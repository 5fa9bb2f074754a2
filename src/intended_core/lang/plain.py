"""Typed values back to plain data, as a host would give them: the inverse of the door, for tests of policies and what people are shown."""

from __future__ import annotations

from collections.abc import Mapping

from intended_core.ids import EntityRef
from intended_core.lang.netforms import format_ip
from intended_core.lang.types import (
    DATE,
    DATETIME,
    DECIMAL,
    IP,
    TIME,
    URL,
    EnumType,
    ListType,
    MapType,
    RecordType,
    SetType,
    Type,
)
from intended_core.values import (
    IpValue,
    UrlValue,
    Value,
    format_date,
    format_datetime,
    format_decimal,
    format_time,
)

__all__ = ["plain_value"]


def plain_value(value: Value, type_: Type) -> object:
    """The plain form of a value of this type; what `typedata.converter(type_)` takes to make it again.

    Sets come as lists in no order that means anything, maps as lists of [key, value].
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(value, type_)
    if isinstance(value, IpValue) and type_ == IP:
        return format_ip(value)
    if isinstance(value, UrlValue) and type_ == URL:
        return value.text
    if isinstance(value, str | bool | EntityRef):
        return value
    if isinstance(type_, SetType | ListType) and isinstance(value, frozenset | tuple):
        return [plain_value(item, type_.element) for item in value]
    if isinstance(type_, MapType) and isinstance(value, Mapping):
        return [[plain_value(key, type_.key), plain_value(item, type_.value)] for key, item in value.items()]
    if isinstance(type_, RecordType) and isinstance(value, Mapping):
        return {member.name: plain_value(value[member.name], member.type) for member in type_.members if member.name in value}
    raise TypeError("a value of another type")


def _number(value: int, type_: Type) -> object:
    if type_ == DECIMAL:
        return format_decimal(value)
    if type_ == DATETIME:
        return format_datetime(value)
    if type_ == DATE:
        return format_date(value)
    if type_ == TIME:
        return format_time(value)
    return type_.members[value] if isinstance(type_, EnumType) else value
