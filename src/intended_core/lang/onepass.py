"""The quick way to a typed value and its wire form in one pass: one function per record type, for plain data that is mostly what it seems.

What authorize and redeem need of each intent and call is the value, the references in it and its canonical bytes. A taker makes the text
of the bytes beside the value, from the same look at each member, for the plain kinds; every other kind goes through its converter of
`lang.typedata` and is encoded there. A taker accepts only what the converter accepts and makes the same value and the same text; for
everything else it raises (NotPlainError, or what the converter raises), and the thorough way says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeAlias

import orjson

from intended_core.canonical import Json
from intended_core.ids import EntityRef
from intended_core.intent import ORIGINS
from intended_core.lang.doorway import MAX_TEXT, NotPlainError
from intended_core.lang.typedata import Converter, Refs, converter, member_converter
from intended_core.lang.types import EntityType, EnumType, RecordType, Scalar, Type
from intended_core.values import DECIMAL_DIGITS, SAFE_INT, Record

__all__ = ["Taker", "json_text", "origins_text", "pair_text", "taker"]

Taker: TypeAlias = Callable[[Any, Refs], tuple[Any, str]]
_DECIMAL: Final = re.compile(r"(-?(?:0|[1-9][0-9]{0,17}))(?:\.([0-9]{1,9}))?").fullmatch
_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*").fullmatch  # ASCII that JSON writes as it is
_WHOLE: Final = "0" * DECIMAL_DIGITS


def json_text(value: Json) -> str:
    """Canonical JSON of a value in wire form; raises orjson.JSONEncodeError for text that is not valid Unicode."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def pair_text(kind: str, name: str) -> str:
    """`["Type","id"]`, as the wire form writes an entity; raises NotPlainError for a text that is not exactly a str."""
    if kind.__class__ is not str or name.__class__ is not str:
        raise NotPlainError  # a class of its own could call itself equal to another text, and what is remembered would be wrong
    return _pair_text(kind, name)


@lru_cache(maxsize=4096)
def _pair_text(kind: str, name: str) -> str:
    return json_text([kind, name])


def origins_text(paths: frozenset[str], given: Any) -> tuple[dict[str, frozenset[str]], str]:
    """Where arguments came from: the checked sets of places and the canonical JSON text of them; raises NotPlainError."""
    if given.__class__ is not dict:
        raise NotPlainError
    origins: dict[str, frozenset[str]] = {}
    texts: dict[str, str] = {}
    for path, places in given.items():
        if path.__class__ is not str or path not in paths or (places.__class__ is not set and places.__class__ is not frozenset):
            raise NotPlainError
        for place in places:
            if place.__class__ is not str:
                raise NotPlainError  # see pair_text
        origins[path], texts[path] = _told(path, frozenset(places))
    if len(texts) < 2:
        return origins, f"{{{''.join(texts.values())}}}"
    return origins, f"{{{','.join([texts[path] for path in sorted(texts)])}}}"


@lru_cache(maxsize=4096)
def _told(path: str, places: frozenset[str]) -> tuple[frozenset[str], str]:
    if not places or not places <= ORIGINS:
        raise NotPlainError
    # What is not known may be content: leaving origins out, or calling one unknown, never widens.
    told = places | {"content"} if "unknown" in places else places
    return told, f"{json_text(path)}:{json_text([*sorted(told)])}"


@lru_cache(maxsize=1024)
def taker(wanted: RecordType) -> Taker:
    """The function that takes plain data and a set that collects references, and answers typed record and canonical JSON text."""
    members = sorted(wanted.members, key=lambda member: member.name)
    order = [member.name for member in wanted.members]
    moved = order != [member.name for member in members]
    known = tuple(
        (member.name, f"{json_text(member.name)}:", _member(member.type, member.max_bytes), member.optional) for member in members
    )

    def take(value: Any, refs: Refs) -> tuple[Any, str]:
        if value.__class__ is not dict:
            raise NotPlainError
        made: dict[str, Any] = {}
        texts = []
        for name, begun, convert, optional in known:
            if optional and name not in value:
                continue
            made[name], text = convert(value[name], refs)
            texts.append(begun + text)
        if len(made) != len(value):
            raise NotPlainError
        if moved:  # the typed record keeps the order of the declaration
            made = {name: made[name] for name in order if name in made}
        return Record(made), f"{{{','.join(texts)}}}"

    return take


def _member(wanted: Type, max_bytes: int | None) -> Taker:
    if isinstance(wanted, RecordType):
        return taker(wanted)
    if isinstance(wanted, EnumType):
        return _enum(wanted)
    if isinstance(wanted, EntityType):
        return _entity(wanted)
    thorough = member_converter(wanted, max_bytes)
    if isinstance(wanted, Scalar):
        if wanted.name == "String" and (max_bytes is None or max_bytes >= MAX_TEXT):
            return _string(thorough)
        return _SCALARS.get(wanted.name) or _encoded(thorough)
    return _encoded(thorough)


def _encoded(thorough: Converter) -> Taker:
    """Through the converter, and its wire form encoded."""

    def take(value: Any, refs: Refs) -> tuple[Any, str]:
        made, wire = thorough(value, "", refs)
        return made, json_text(wire)

    return take


def _bool(value: Any, _refs: Refs) -> tuple[Any, str]:
    if value is True:
        return value, "true"
    if value is False:
        return value, "false"
    raise NotPlainError


def _whole(tag: str) -> Taker:
    def take(value: Any, _refs: Refs) -> tuple[Any, str]:
        if value.__class__ is int and -SAFE_INT <= value <= SAFE_INT:
            return value, f'"{tag}:{value}"'
        raise NotPlainError

    return take


def _decimal(value: Any, _refs: Refs) -> tuple[Any, str]:
    found = _DECIMAL(value) if value.__class__ is str else None
    if found is None:
        raise NotPlainError
    whole, fraction = found.groups()
    if fraction is None:
        scaled = int(whole + _WHOLE)
    else:
        scaled = int(whole + fraction.ljust(DECIMAL_DIGITS, "0"))
        kept = fraction.rstrip("0")
        if kept:
            return scaled, f'"d:{whole}.{kept}"'
    return scaled, f'"d:{whole if scaled else 0}"'  # zero has one spelling, without a sign


_SCALARS: Final[dict[str, Taker]] = {
    "Bool": _bool, "Int": _whole("i"), "Duration": _whole("u"), "Decimal": _decimal,
}  # fmt: skip


def _string(thorough: Converter) -> Taker:
    encoded = _encoded(thorough)

    def take(value: Any, refs: Refs) -> tuple[Any, str]:
        if value.__class__ is str and len(value) <= MAX_TEXT and _PLAIN(value) is not None:
            return value, f'"s:{value}"'
        return encoded(value, refs)

    return take


def _enum(wanted: EnumType) -> Taker:
    known = {
        name: (rank if wanted.ordered else name, json_text(f"s:{name}")) for rank, name in enumerate(wanted.members)
    }

    def take(value: Any, _refs: Refs) -> tuple[Any, str]:
        if value.__class__ is str and value in known:
            return known[value]
        raise NotPlainError

    return take


def _entity(wanted: EntityType) -> Taker:
    names = frozenset(wanted.names)
    encoded = _encoded(converter(wanted))

    def take(value: Any, refs: Refs) -> tuple[Any, str]:
        if value.__class__ is not EntityRef:
            return encoded(value, refs)
        if value.type not in names:
            raise NotPlainError
        refs.add(value)
        return value, f'{{"@":{pair_text(value.type, value.id)}}}'

    return take
