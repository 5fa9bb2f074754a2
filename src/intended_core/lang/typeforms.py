"""The size of a type, its form as plain data, and the digest of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from intended_core.canonical import canonical_json, digest
from intended_core.lang.report import refuse
from intended_core.lang.typed import Span
from intended_core.lang.types import ActionDecl, EntityDecl, EntityType, EnumType, RecordType, Scalar, SetType, Type

__all__ = ["MAX_TYPE_DEPTH", "MAX_TYPE_SIZE", "measure", "schema_digest", "type_json"]

MAX_TYPE_DEPTH: Final = 8  # nesting of records; keeps canonical forms of intents below their depth limit
MAX_TYPE_SIZE: Final = 1_000  # members of a record and all inside; records that repeat others grow quickly


def measure(type_: Type, span: Span) -> tuple[int, int]:
    """Depth and size of a type whose parts were measured before; raises Refused beyond the limits."""
    depth, size = 0, 1
    inner = (type_.element,) if isinstance(type_, SetType) else ()
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
        return {"enum": sorted(type_.members), "name": type_.name}
    if isinstance(type_, EntityType):
        return {"entity": list(type_.names)}
    if isinstance(type_, SetType):
        return {"max": type_.max_size, "set": type_json(type_.element)}
    members = [[item.name, type_json(item.type), item.optional, item.from_caller] for item in type_.members]
    return {"record": sorted(members, key=lambda item: str(item[0]))}


def schema_digest(entities: Mapping[str, EntityDecl], actions: Mapping[str, ActionDecl]) -> bytes:
    plain = {
        "actions": [
            [item.name, list(item.principals), list(item.resources), type_json(item.args), type_json(item.context)]
            for _, item in sorted(actions.items())
        ],
        "entities": [
            [item.name, list(item.parents), type_json(item.attributes), item.root]
            for _, item in sorted(entities.items())
        ],
    }
    return digest("intended.schema.v0", canonical_json(plain))
