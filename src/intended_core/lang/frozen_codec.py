"""Checked rules and schemas as bytes and back: plain data of a closed table of classes, never code.

Layout: the length of the atoms and how many numbers there are (4 bytes each), the atoms (one JSON list of texts, truth values, null and
integers of 64 bits), then the numbers of 4 bytes each, all little-endian. The numbers are nodes one after the other: what it is (`_ATOM`,
`_TUPLE`, … or a class), how many parts where that varies, and its parts, which are numbers of nodes before it. So there is no recursion to
read it, nothing can be cyclic, and what was one object stays one object.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import orjson

from intended_core.canonical import digest
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang import typed, types
from intended_core.lang.typed_expr import Span, TypedExpr
from intended_core.quick import maker
from intended_core.values import IpValue, Record, UrlValue

__all__ = ["FrozenError", "decode", "encode", "table_digest"]

MAX_BYTES: Final = 64 * 1024 * 1024  # 10,000 rules are about 5 MB
MAX_NUMBERS: Final = 12_000_000  # 10,000 rules are about 1.3 million
MAX_DEPTH: Final = 400  # far beyond what the parser lets through
_ATOM, _BIG, _BYTES, _TUPLE, _SET, _DICT, _RECORD = range(7)
_NAMED: Final = (EntityRef, IpValue, UrlValue)
_DATA: Final = (
    typed.ScopeTest, typed.Clause, typed.Approval, typed.MeterTest, typed.Oblige, typed.RuleBody, typed.MeterBody, typed.Meter,
    typed.ObligationType, typed.Rule, Span, types.Scalar, types.EnumType, types.EntityType, types.SetType, types.ListType, types.MapType,
    types.Member, types.RecordType, types.EntityDecl, types.ActionDecl, types.ParamDecl, types.TableDecl, types.Schema,
)  # fmt: skip
_CLASSES: Final[tuple[type, ...]] = (*_NAMED, *_DATA, *TypedExpr.__args__)
_CODES: Final[Mapping[type, int]] = MappingProxyType({cls: at for at, cls in enumerate(_CLASSES, start=_RECORD + 1)})
_NODES: Final = frozenset(TypedExpr.__args__)  # these keep who shares whom; everything else is one object wherever it is equal
_VALUES: Final = frozenset({bool, int, str, EntityRef, IpValue, UrlValue, frozenset, tuple, dict, Record})
_Entry: TypeAlias = tuple[Callable[..., Any], int, tuple[frozenset[type], ...]]


def _names(cls: type) -> tuple[str, ...]:
    if cls in (IpValue, UrlValue):
        return tuple(cls._fields)
    return tuple(item.name for item in fields(cls) if item.init)


_FIELDS: Final[Mapping[type, tuple[str, ...]]] = MappingProxyType({cls: _names(cls) for cls in _CLASSES})


class FrozenError(Exception):
    """Bytes that no `encode` of this version wrote, or a value outside its table."""


def _takes(hint: Any) -> frozenset[type]:
    """The classes that a field of this annotation may hold."""
    if hint in (types.Type, typed.TypedExpr):
        return frozenset(get_args(hint))
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return frozenset().union(*(_takes(part) for part in get_args(hint)))
    if origin is Literal:
        return frozenset({str})
    if origin is tuple:
        return frozenset({tuple})
    if origin is frozenset:
        return frozenset({frozenset})
    if origin is not None:
        return frozenset({dict})
    if isinstance(hint, str):  # a name inside the union of values
        return _VALUES
    return frozenset({NoneType if hint is None else hint})


@cache
def _table() -> tuple[_Entry | None, ...]:
    """By code: what makes the class, how many fields it has and what each may hold."""
    made: list[_Entry | None] = [None] * (_RECORD + 1)
    for cls in _CLASSES:
        hints = get_type_hints(cls, localns={"Value": object})  # the alias is a text; its fields are known by name
        allowed = tuple(_VALUES | {NoneType} if "Value" in str(cls.__annotations__.get(name, "")) else _takes(hints[name])
                        for name in _FIELDS[cls])  # fmt: skip
        try:
            make: Callable[..., Any] = maker(cls)
        except TypeError:
            make = cls
        made.append((make, len(allowed), allowed))
    return tuple(made)


@cache
def table_digest() -> bytes:
    """32 bytes over the table: classes, fields and what they hold. Data of another table is not read."""
    plain = [[cls.__name__, [[name, str(cls.__annotations__.get(name, ""))] for name in _FIELDS[cls]]] for cls in _CLASSES]
    return digest("intended.frozen.table.v1", orjson.dumps(plain))


class _Writer:
    __slots__ = ("atoms", "known", "mine", "nodes", "numbers")

    def __init__(self) -> None:
        self.atoms: list[object] = []
        self.numbers = array("I")
        self.nodes = 0
        self.known: dict[object, int] = {}
        self.mine: dict[int, int] = {}

    def put(self, value: Any, depth: int = 0) -> int:
        if depth > MAX_DEPTH:
            raise FrozenError("nested too deeply to be kept")
        kind = value.__class__
        if kind in _NODES:
            found = self.mine.get(id(value))
            if found is None:
                found = self.mine[id(value)] = self._add(_CODES[kind], self._parts(value, depth), None)
            return found
        if kind in _CODES:
            return self._keep((_CODES[kind], *self._parts(value, depth)), counted=False)
        if kind is tuple:
            return self._keep((_TUPLE, *[self.put(item, depth + 1) for item in value]), counted=True)
        if kind is frozenset:
            return self._keep((_SET, *sorted(self.put(item, depth + 1) for item in value)), counted=True)
        if kind is dict or kind is MappingProxyType or kind is Record:
            pairs = [self.put(part, depth + 1) for pair in value.items() for part in pair]
            return self._keep((_RECORD if kind is Record else _DICT, *pairs), counted=True)
        return self._atom(kind, value)

    def _parts(self, value: Any, depth: int) -> list[int]:
        put = self.put
        return [put(getattr(value, name), depth + 1) for name in _FIELDS[value.__class__]]

    def _atom(self, kind: type, value: Any) -> int:
        code, plain = _ATOM, value
        if kind is bytes:
            code, plain = _BYTES, value.hex()
        elif kind is int and not -(2**63) <= value < 2**63:
            code, plain = _BIG, hex(value)
        elif value is not None and kind not in (bool, int, str):
            raise FrozenError(f"a {kind.__name__} has no place in a kept set")
        key = (code, kind, plain)
        found = self.known.get(key)
        if found is None:
            self.atoms.append(plain)
            found = self.known[key] = self._add(code, [len(self.atoms) - 1], None)
        return found

    def _keep(self, key: tuple[int, ...], *, counted: bool) -> int:
        found = self.known.get(key)
        if found is None:
            parts = list(key[1:])
            found = self.known[key] = self._add(key[0], parts, len(parts) if counted else None)
        return found

    def _add(self, code: int, parts: list[int], count: int | None) -> int:
        self.numbers.append(code)
        if count is not None:
            self.numbers.append(count)
        self.numbers.extend(parts)
        self.nodes += 1
        return self.nodes - 1


def encode(value: object) -> bytes:
    """The bytes of a value made of the table's classes, tuples, sets, mappings, texts, bytes, integers. FrozenError for anything else."""
    writer = _Writer()
    writer.put(value)
    if sys.byteorder == "big":
        writer.numbers.byteswap()
    atoms = orjson.dumps(writer.atoms)
    lengths = (len(atoms).to_bytes(4, "little"), len(writer.numbers).to_bytes(4, "little"))
    return b"".join((*lengths, atoms, writer.numbers.tobytes()))


def decode(data: bytes) -> Any:
    """The value that `encode` wrote. FrozenError for bytes of any other form, within time and memory in proportion to their length."""
    if len(data) > MAX_BYTES:
        raise FrozenError("more than a kept set may hold")
    end, count = 8 + int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")
    if len(data) != end + 4 * count or not 0 < count <= MAX_NUMBERS:
        raise FrozenError("not a kept set")
    try:
        atoms = orjson.loads(data[8:end])
        numbers = array("I", data[end:])
        if sys.byteorder == "big":
            numbers.byteswap()
        if atoms.__class__ is not list:
            raise FrozenError("not a kept set")
        return _nodes(numbers, atoms)
    except (ValueError, TypeError, IndexError, KeyError, IntentError):
        raise FrozenError("not a kept set") from None


def _nodes(numbers: array[int], atoms: list[Any]) -> Any:
    table = _table()
    values: list[Any] = []
    seen: set[tuple[Any, ...]] = set()
    at, end = 0, len(numbers)
    while at < end:
        code = numbers[at]
        if code > _RECORD:
            entry = table[code]
            if entry is None:
                raise FrozenError("not a kept set")
            make, arity, allowed = entry
            parts = [values[part] for part in numbers[at + 1 : at + 1 + arity]]
            at += 1 + arity
            kinds = (code, *[part.__class__ for part in parts])
            if kinds not in seen:
                _check(kinds[1:], allowed)
                seen.add(kinds)
            values.append(make(*parts))
        elif code >= _TUPLE:
            count = numbers[at + 1]
            if at + 2 + count > end:
                raise FrozenError("not a kept set")
            values.append(_many(code, [values[part] for part in numbers[at + 2 : at + 2 + count]]))
            at += 2 + count
        else:
            values.append(_plain(code, atoms[numbers[at + 1]]))
            at += 2
    return values[-1]


def _check(kinds: Iterable[type], allowed: tuple[frozenset[type], ...]) -> None:
    for kind, fits in zip(kinds, allowed, strict=True):
        if kind not in fits:
            raise FrozenError("not a kept set")


def _many(code: int, parts: list[Any]) -> Any:
    if code == _TUPLE:
        return tuple(parts)
    if code == _SET:
        return frozenset(parts)
    pairs = dict(zip(parts[::2], parts[1::2], strict=True))
    return Record(pairs) if code == _RECORD else pairs


def _plain(code: int, atom: Any) -> Any:
    if code == _BYTES:
        return bytes.fromhex(atom)
    if code == _BIG:
        return int(atom, 16)
    if atom is not None and atom.__class__ not in (bool, int, str):
        raise FrozenError("not a kept set")
    return atom
