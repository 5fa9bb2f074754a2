"""Entities as a schema accepts them: typed attributes, full ancestor closure, one canonical form with its digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson

from intended_core.canonical import Json, digest, parse_canonical
from intended_core.entities import Entity, EntitySnapshot
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang.typedata import Refs, converter, decoder
from intended_core.lang.types import Schema
from intended_core.values import Record

__all__ = ["EntityTable", "TypedEntity", "TypedSnapshot", "parse_snapshot", "ref_key", "type_entity", "type_snapshot"]

EntityTable: TypeAlias = Mapping[str, Mapping[str, tuple[Record, frozenset[str]]]]

MAX_SNAPSHOT_BYTES: Final = 16 * 1024 * 1024  # 10,000 entities of 1.6 KB


@dataclass(frozen=True, slots=True)
class TypedEntity:
    """One entity with typed attributes; `wire` is its canonical plain form."""

    ref: EntityRef
    parents: frozenset[EntityRef]
    attributes: Record
    wire: Json


@dataclass(frozen=True, slots=True)
class TypedSnapshot:
    """Typed entities, closed under parents. `attributes` and `ancestors` by reference; `wire` canonical bytes; `digest` 32 bytes.

    `table` is the same once more for the compiled engine: by type and id, the attributes and the keys (`ref_key`) of all ancestors.
    """

    version: str
    attributes: Mapping[EntityRef, Record]
    ancestors: Mapping[EntityRef, frozenset[EntityRef]]
    wire: bytes
    digest: bytes
    table: EntityTable = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        table: dict[str, dict[str, tuple[Record, frozenset[str]]]] = {}
        for ref, attributes in self.attributes.items():
            above = frozenset([ref_key(group) for group in self.ancestors[ref]])
            table.setdefault(ref.type, {})[ref.id] = (attributes, above)
        object.__setattr__(self, "table", table)


def ref_key(ref: EntityRef) -> str:
    """A text that names one entity: no type holds a NUL, so no two entities share one."""
    return f"{ref.type}\0{ref.id}"


def type_entity(schema: Schema, entity: Entity) -> TypedEntity:
    """The entity as its declaration accepts it; raises IntentError naming the entity and the member."""
    place = str(entity.ref)
    declared = schema.entities.get(entity.ref.type)
    if declared is None:
        raise IntentError(f"{entity.ref.type} is not a declared entity type", place=place)
    for parent in entity.parents:
        if parent.type not in declared.parents:
            raise IntentError(f"a {entity.ref.type} cannot be in a {parent.type}", place=place)
    refs: Refs = set()
    attributes, wire = converter(declared.attributes)(entity.attributes, place, refs)
    if not isinstance(attributes, Record):
        raise IntentError("attributes are a record", place=place)
    packed: Json = {
        "attributes": wire,
        "parents": [[parent.type, parent.id] for parent in sorted(entity.parents)],
        "ref": [entity.ref.type, entity.ref.id],
    }
    return TypedEntity(entity.ref, entity.parents, attributes, packed)


def type_snapshot(schema: Schema, snapshot: EntitySnapshot) -> TypedSnapshot:
    """The whole snapshot; raises IntentError for an entity that does not fit, a dangling parent or a cycle."""
    typed: dict[EntityRef, TypedEntity] = {}
    for ref, entity in snapshot.entities.items():
        if ref != entity.ref:
            raise IntentError("an entity stands under another's name", place=str(ref))
        typed[ref] = type_entity(schema, entity)
    ancestors = _ancestors(typed)
    try:
        wire = orjson.dumps([typed[ref].wire for ref in sorted(typed)], option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise IntentError("text must be valid Unicode (no lone surrogates)", place="entities") from None
    return TypedSnapshot(
        version=snapshot.version,
        attributes={ref: entity.attributes for ref, entity in typed.items()},
        ancestors=ancestors,
        wire=wire,
        digest=digest("intended.entities/v1", schema.digest, wire),
    )


def _ancestors(typed: Mapping[EntityRef, TypedEntity]) -> dict[EntityRef, frozenset[EntityRef]]:
    found: dict[EntityRef, frozenset[EntityRef]] = {}
    for start in typed:
        seen: set[EntityRef] = set()
        pending = list(typed[start].parents)
        while pending:
            ref = pending.pop()
            if ref == start:
                raise IntentError("is its own ancestor", place=str(start))
            if ref in seen:
                continue
            seen.add(ref)
            parent = typed.get(ref)
            if parent is None:
                raise IntentError(f"is in {ref}, which is not known", place=str(start))
            pending.extend(parent.parents)
        found[start] = frozenset(seen)
    return found


def parse_snapshot(schema: Schema, wire: bytes) -> TypedSnapshot:
    """The snapshot whose canonical wire form is `wire`; raises IntentError unless these are exactly its bytes."""
    data: Any = parse_canonical(wire, max_bytes=MAX_SNAPSHOT_BYTES)
    entities: dict[EntityRef, Entity] = {}
    try:
        for item in data:
            kind, name = item["ref"]
            ref = EntityRef(kind, name)
            declared = schema.entities.get(ref.type)
            if declared is None:
                raise IntentError(f"{ref.type} is not a declared entity type", place=str(ref))
            attributes = decoder(declared.attributes)(item["attributes"])
            if not isinstance(attributes, dict):
                raise TypeError("record")
            parents = frozenset(EntityRef(parent, label) for parent, label in item["parents"])
            entities[ref] = Entity(ref=ref, parents=parents, attributes=attributes)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise IntentError("not the wire form of an entity snapshot", place="entities") from None
    made = type_snapshot(schema, EntitySnapshot(version="recorded", entities=entities))
    if made.wire != wire:
        raise IntentError("not the canonical wire form of an entity snapshot", place="entities")
    return made
