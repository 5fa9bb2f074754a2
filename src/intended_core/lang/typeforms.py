"""The size of a type, its form as plain data, and the digest of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from intended_core.canonical import canonical_json, digest
from intended_core.ids import EntityRef
from intended_core.lang.report import refuse
from intended_core.lang.typed import Span
from intended_core.lang.types import (
    ActionDecl,
    EntityDecl,
    EntityType,
    EnumType,
    ListType,
    MapType,
    Member,
    ParamDecl,
    RecordType,
    Scalar,
    SetType,
    TableDecl,
    Type,
)
from intended_core.values import IpValue, Record, UrlValue

__all__ = ["MAX_TYPE_DEPTH", "MAX_TYPE_SIZE", "measure", "schema_digest", "type_json", "value_json"]

MAX_TYPE_DEPTH: Final = 8  # nesting of records; keeps canonical forms of intents below their depth limit
MAX_TYPE_SIZE: Final = 1_000  # members of a record and all inside; records that repeat others grow quickly


def measure(type_: Type, span: Span) -> tuple[int, int]:
    """Depth and size of a type whose parts were measured before; raises Refused beyond the limits."""
    depth, size = 0, 1
    inner: tuple[Type, ...] = (type_.element,) if isinstance(type_, SetType | ListType) else ()
    if isinstance(type_, MapType):
        inner = (type_.key, type_.value)
    for part in (*inner, *(member.type for member in type_.members)) if isinstance(type_, RecordType) else inner:
        below, count = measure(part, span)
        depth, size = max(depth, below), size + count
    depth += isinstance(type_, RecordType)
    if depth > MAX_TYPE_DEPTH:
        raise refuse("limit.nesting", f"types are nested deeper than {MAX_TYPE_DEPTH}", span)
    if size > MAX_TYPE_SIZE:
        raise refuse("limit.nesting", f"this type has more than {MAX_TYPE_SIZE:,} members, those inside counted", span)
    return depth, size


def type_json(type_: Type) -> object:
    """Plain data that names a type in full, for digests."""
    if isinstance(type_, Scalar):
        return type_.name
    if isinstance(type_, EnumType):
        if type_.ordered:
            return {"lattice": list(type_.members), "name": type_.name}
        return {"enum": sorted(type_.members), "name": type_.name}
    if isinstance(type_, EntityType):
        return {"entity": list(type_.names)}
    if isinstance(type_, SetType):
        return {"max": type_.max_size, "set": type_json(type_.element)}
    if isinstance(type_, ListType):
        return {"list": type_json(type_.element), "max": type_.max_size}
    if isinstance(type_, MapType):
        return {"map": [type_json(type_.key), type_json(type_.value)], "max": type_.max_size}
    members = [_member_json(item) for item in type_.members]
    return {"record": sorted(members, key=lambda item: str(item[0]))}


def _member_json(item: Member) -> list[object]:
    found: list[object] = [item.name, type_json(item.type), item.optional, item.from_caller]
    if item.presentational or item.max_bytes is not None:
        found += [item.presentational, item.max_bytes]
    return found


def value_json(value: object) -> object:
    """Plain data that names a run-time value of a known type, for digests."""
    if isinstance(value, EntityRef):
        return ["entity", value.type, value.id]
    if isinstance(value, UrlValue):
        return value.text
    if isinstance(value, IpValue):
        return [str(part) for part in value]
    if isinstance(value, Record):
        return [[name, value_json(value[name])] for name in sorted(value)]
    if isinstance(value, frozenset):
        return sorted((value_json(item) for item in value), key=repr)
    if isinstance(value, tuple):
        return [value_json(item) for item in value]
    return value if isinstance(value, bool) or not isinstance(value, int) else str(value)


def schema_digest(
    entities: Mapping[str, EntityDecl],
    actions: Mapping[str, ActionDecl],
    params: Mapping[str, ParamDecl],
    tables: Mapping[str, TableDecl],
) -> bytes:
    """32 bytes over everything declared: entities, actions, params with their defaults, tables."""
    plain: dict[str, object] = {
        "actions": [
            [
                item.name, list(item.principals), list(item.resources), type_json(item.args), type_json(item.context),
                *(["intersect"] if item.delegation else []), *(["discloses"] if item.discloses else []),
            ]
            for _, item in sorted(actions.items())
        ],
        "entities": [
            [item.name, list(item.parents), type_json(item.attributes), item.root]
            for _, item in sorted(entities.items())
        ],
    }
    if params:
        plain["params"] = [
            [item.name, type_json(item.type), None if item.default is None else [value_json(item.default)]]
            for _, item in sorted(params.items())
        ]
    if tables:
        age = {name: None if item.max_age_ms is None else str(item.max_age_ms) for name, item in tables.items()}
        plain["tables"] = [[item.name, type_json(item.type), age[name]] for name, item in sorted(tables.items())]
    return digest("intended.schema.v1", canonical_json(plain))
