"""Plain data to typed values and wire form, one converter per type, made once and kept."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

import orjson

from intended_core.canonical import Json
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang.nearest import did_you_mean
from intended_core.lang.netforms import parse_digest, parse_email, parse_host, parse_ip, parse_path, parse_url
from intended_core.lang.types import EntityType, EnumType, ListType, MapType, RecordType, Scalar, SetType, Type
from intended_core.values import (
    DECIMAL_MAX,
    SAFE_INT,
    Record,
    Value,
    format_datetime,
    format_decimal,
    parse_date,
    parse_datetime,
    parse_decimal,
    parse_time,
)

__all__ = ["MAX_STRING_BYTES", "Converter", "Refs", "converter", "decoder", "member_converter"]

MAX_STRING_BYTES: Final = 4096  # language.md § 1
MAX_SET: Final = 10_000  # a set without @max: bounded all the same

Refs: TypeAlias = set[EntityRef]
Converter: TypeAlias = Callable[[object, str, Refs], tuple[Value, Json]]


def _wrong(value: object, wanted: str, place: str) -> IntentError:
    names = {
        bool: "a Bool",
        int: "an Int",
        str: "a String",
        float: "a float",
        dict: "a record",
        list: "a list",
        type(None): "null",
    }
    shown = names.get(type(value), "an entity" if isinstance(value, EntityRef) else type(value).__name__)
    return IntentError(f"{wanted} is needed, this is {shown}", place=place)


def _text(value: object, wanted: str, place: str, limit: int = MAX_STRING_BYTES) -> str:
    if type(value) is not str:
        raise _wrong(value, wanted, place)
    if len(value) * 4 > limit or not value.isascii():
        try:
            size = len(value.encode("utf-8"))
        except UnicodeEncodeError:
            raise IntentError("text must be valid Unicode (no lone surrogates)", place=place) from None
        if size > limit:
            raise IntentError(f"a String has at most {limit} bytes", place=place)
    return value


def _bool(value: object, place: str, _refs: Refs) -> tuple[Value, Json]:
    if type(value) is not bool:
        raise _wrong(value, "a Bool", place)
    return value, value


def _int(value: object, place: str, _refs: Refs) -> tuple[Value, Json]:
    if type(value) is not int:
        raise _wrong(value, "an Int", place)
    if not -SAFE_INT <= value <= SAFE_INT:
        raise IntentError("an Int of an intent is within ±(2**53-1)", place=place)
    return value, f"i:{value}"


def _decimal(value: object, place: str, _refs: Refs) -> tuple[Value, Json]:
    if isinstance(value, decimal.Decimal):
        value = format(value, "f")
    if type(value) is not str:
        raise _wrong(value, 'a Decimal (a string such as "12.50")', place)
    try:
        scaled = parse_decimal(value)
    except IntentError as error:
        raise IntentError(error.problem, place=place) from None
    if abs(scaled) > DECIMAL_MAX:
        raise IntentError("a Decimal has at most 18 integer digits", place=place)
    return scaled, f"d:{format_decimal(scaled)}"


def _string(value: object, place: str, _refs: Refs) -> tuple[Value, Json]:
    text = _text(value, "a String", place)
    return text, f"s:{text}"


def _long_string(limit: int) -> Converter:
    def convert(value: object, place: str, _refs: Refs) -> tuple[Value, Json]:
        text = _text(value, "a String", place, limit)
        return text, f"s:{text}"

    return convert


def _parsed(parse: Callable[[str], Value], wanted: str, tag: str) -> Converter:
    """A converter for texts with one canonical form, which is also their wire form."""

    def convert(value: object, place: str, _refs: Refs) -> tuple[Value, Json]:
        text = _text(value, wanted, place)
        try:
            return parse(text), f"{tag}:{text}"
        except IntentError as error:
            raise IntentError(error.problem, place=place) from None

    return convert


def _datetime(value: object, place: str, _refs: Refs) -> tuple[Value, Json]:
    if type(value) is not str:
        raise _wrong(value, 'a Datetime (a string such as "2026-11-23T10:00:00Z")', place)
    try:
        millis = parse_datetime(value)
    except IntentError as error:
        raise IntentError(error.problem, place=place) from None
    return millis, f"t:{format_datetime(millis)}"


def _duration(value: object, place: str, _refs: Refs) -> tuple[Value, Json]:
    if type(value) is not int or not -SAFE_INT <= value <= SAFE_INT:
        raise _wrong(value, "a Duration (whole milliseconds)", place)
    return value, f"u:{value}"


_SCALARS: Final[dict[str, Converter]] = {
    "Bool": _bool, "Int": _int, "Decimal": _decimal, "String": _string, "Datetime": _datetime, "Duration": _duration,
    "Date": _parsed(parse_date, 'a Date (a string such as "2026-11-23")', "y"),
    "Time": _parsed(parse_time, 'a Time (a string such as "09:00:00")', "h"),
    "Ip": _parsed(parse_ip, "an Ip", "a"), "Host": _parsed(parse_host, "a Host", "s"), "Url": _parsed(parse_url, "a Url", "s"),
    "Path": _parsed(parse_path, "a Path", "s"), "Email": _parsed(parse_email, "an Email", "s"),
    "Digest": _parsed(parse_digest, "a Digest", "s"),
}  # fmt: skip


@lru_cache(maxsize=8192)
def converter(wanted: Type) -> Converter:
    """The function that takes plain data, a place for errors and a set that collects references, and answers value and wire form."""
    if isinstance(wanted, Scalar):
        return _SCALARS[wanted.name]
    if isinstance(wanted, EnumType):
        return _enum(wanted)
    if isinstance(wanted, EntityType):
        return _entity(wanted)
    if isinstance(wanted, SetType):
        return _set(wanted)
    if isinstance(wanted, ListType):
        return _listed(wanted)
    if isinstance(wanted, MapType):
        return _map(wanted)
    return _record(wanted)


def _enum(wanted: EnumType) -> Converter:
    known: dict[str, tuple[Value, Json]] = {
        name: (rank if wanted.ordered else name, f"s:{name}") for rank, name in enumerate(wanted.members)
    }

    def convert(value: object, place: str, _refs: Refs) -> tuple[Value, Json]:
        found = known.get(value) if type(value) is str else None
        if found is None:
            shown = value[:80] if isinstance(value, str) else type(value).__name__
            raise IntentError(f"{shown!r} is not a {wanted.name} {did_you_mean(shown, known)}".rstrip(), place=place)
        return found

    return convert


def _entity(wanted: EntityType) -> Converter:
    names = frozenset(wanted.names)
    said = " or ".join(wanted.names)

    def convert(value: object, place: str, refs: Refs) -> tuple[Value, Json]:
        if type(value) is dict and value.keys() == {"__entity"}:
            inner = value["__entity"]
            if type(inner) is dict and inner.keys() == {"type", "id"}:
                try:
                    value = EntityRef(inner["type"], inner["id"])
                except IntentError as error:
                    raise IntentError(error.problem, place=place) from None
        if not isinstance(value, EntityRef):
            raise _wrong(value, f"a reference to a {said}", place)
        if value.type not in names:
            raise IntentError(f"a {value.type} is not a {said}", place=place)
        refs.add(value)
        return value, {"@": [value.type, value.id]}

    return convert


def _set(wanted: SetType) -> Converter:
    element = converter(wanted.element)
    limit = MAX_SET if wanted.max_size is None else wanted.max_size

    def convert(value: object, place: str, refs: Refs) -> tuple[Value, Json]:
        if not isinstance(value, list | tuple | set | frozenset):
            raise _wrong(value, "a set (a list without repetition)", place)
        if len(value) > limit:
            raise IntentError(f"this set has at most {limit} elements", place=place)
        pairs = [element(item, f"{place}[{at}]", refs) for at, item in enumerate(value)]
        made = frozenset(pair[0] for pair in pairs)
        if len(made) != len(pairs):
            raise IntentError("a set holds each element once", place=place)
        try:
            wire = sorted((pair[1] for pair in pairs), key=lambda item: orjson.dumps(item, option=orjson.OPT_SORT_KEYS))
        except orjson.JSONEncodeError:
            raise IntentError("text must be valid Unicode (no lone surrogates)", place=place) from None
        return made, wire

    return convert


def _listed(wanted: ListType) -> Converter:
    element = converter(wanted.element)
    limit = MAX_SET if wanted.max_size is None else wanted.max_size

    def convert(value: object, place: str, refs: Refs) -> tuple[Value, Json]:
        if not isinstance(value, list | tuple):
            raise _wrong(value, "a list", place)
        if len(value) > limit:
            raise IntentError(f"this list has at most {limit} elements", place=place)
        pairs = [element(item, f"{place}[{at}]", refs) for at, item in enumerate(value)]
        return tuple(pair[0] for pair in pairs), [pair[1] for pair in pairs]

    return convert


def _map(wanted: MapType) -> Converter:
    key, held = converter(wanted.key), converter(wanted.value)
    limit = MAX_SET if wanted.max_size is None else wanted.max_size

    def convert(value: object, place: str, refs: Refs) -> tuple[Value, Json]:
        given = list(value.items()) if isinstance(value, Mapping) else value
        if not isinstance(given, list | tuple) or not all(isinstance(row, list | tuple) and len(row) == 2 for row in given):
            raise _wrong(value, "a map (a mapping, or a list of [key, value])", place)
        if len(given) > limit:
            raise IntentError(f"this map has at most {limit} rows", place=place)
        made: dict[Value, Value] = {}
        wire: list[list[Json]] = []
        for at, (name, item) in enumerate(given):
            one, two = key(name, f"{place}[{at}]", refs), held(item, f"{place}[{at}]", refs)
            if one[0] in made:
                raise IntentError("a map holds each key once", place=f"{place}[{at}]")
            made[one[0]] = two[0]
            wire.append([one[1], two[1]])
        try:
            wire.sort(key=lambda row: orjson.dumps(row[0], option=orjson.OPT_SORT_KEYS))
        except orjson.JSONEncodeError:
            raise IntentError("text must be valid Unicode (no lone surrogates)", place=place) from None
        return made, list(wire)

    return convert


def member_converter(wanted: Type, max_bytes: int | None) -> Converter:
    """The converter of a record's member; `max_bytes`: the length that its String may have, where the schema says one."""
    return converter(wanted) if max_bytes is None else _long_string(max_bytes)


def _record(wanted: RecordType) -> Converter:
    members = tuple(
        (member.name, member_converter(member.type, member.max_bytes), member.optional) for member in wanted.members
    )
    names = frozenset(member.name for member in wanted.members)

    def convert(value: object, place: str, refs: Refs) -> tuple[Value, Json]:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise _wrong(value, "a record", place)
        made: dict[str, Value] = {}
        wire: dict[str, Json] = {}
        for name, convert_member, optional in members:
            if name in value:
                made[name], wire[name] = convert_member(value[name], f"{place}.{name}", refs)
            elif not optional:
                raise IntentError("is required", place=f"{place}.{name}")
        if len(made) != len(value):
            extra = min(str(name) for name in value if name not in names)[:80]
            raise IntentError(f"is not a member here {did_you_mean(extra, names)}".rstrip(), place=f"{place}.{extra}")
        return Record(made), wire

    return convert


def _untag(value: Json, tag: str) -> str:
    if not isinstance(value, str) or not value.startswith(tag):
        raise ValueError("tag")
    return value[len(tag) :]


@lru_cache(maxsize=8192)
def decoder(wanted: Type) -> Callable[[Json], object]:
    """The inverse: wire form to the plain data that `converter` takes. Raises ValueError, TypeError or KeyError."""
    if isinstance(wanted, Scalar):
        return _SCALAR_DECODERS[wanted.name]
    if isinstance(wanted, EnumType):
        return lambda value: _untag(value, "s:")
    if isinstance(wanted, EntityType):
        return _decode_entity
    if isinstance(wanted, SetType | ListType):
        element = decoder(wanted.element)
        return lambda value: [element(item) for item in _list(value)]
    if isinstance(wanted, MapType):
        key, held = decoder(wanted.key), decoder(wanted.value)
        return lambda value: [[key(_list(row)[0]), held(_list(row)[1])] for row in _list(value)]
    members = {member.name: decoder(member.type) for member in wanted.members}
    return lambda value: {name: members[name](item) for name, item in _dict(value).items()}


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError("list")
    return value


def _dict(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise TypeError("record")
    return value


def _decode_entity(value: Json) -> EntityRef:
    kind, name = _list(_dict(value)["@"])
    if not isinstance(kind, str) or not isinstance(name, str):
        raise TypeError("entity")
    return EntityRef(kind, name)


_SCALAR_DECODERS: Final[dict[str, Callable[[Json], object]]] = {
    "Bool": lambda value: value,
    "Int": lambda value: int(_untag(value, "i:")),
    "Decimal": lambda value: _untag(value, "d:"),
    "String": lambda value: _untag(value, "s:"),
    "Date": lambda value: _untag(value, "y:"),
    "Time": lambda value: _untag(value, "h:"),
    "Ip": lambda value: _untag(value, "a:"),
    **dict.fromkeys(("Host", "Url", "Path", "Email", "Digest"), lambda value: _untag(value, "s:")),
    "Datetime": lambda value: _untag(value, "t:"),
    "Duration": lambda value: int(_untag(value, "u:")),
}
