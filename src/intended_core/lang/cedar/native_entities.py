"""Cedar's entities and requests as plain data for an imported set.

Natively every parent and every entity that a policy names must be known. Those that Cedar leaves untold are made where their type
requires no attributes; others are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from intended_core.canonical import Json
from intended_core.entities import Entity, EntitySnapshot
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.intent import Intent, ValidIntent
from intended_core.lang.cedar.importing import ImportedSet
from intended_core.lang.cedar.types import BoolT, CedarSchema, CedarType, EntityT, ExtT, Plain, RecordT, SetT
from intended_core.lang.compiler import compile_set
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.values import SAFE_INT, Record, Value, format_datetime

__all__ = ["native_entities", "native_intent"]


def native_entities(schema: CedarSchema, snapshot: TypedSnapshot, imported: ImportedSet) -> list[Json]:
    """The entities as `intended` reads them from JSON, by type and id; raises IntentError with the place."""
    types = imported.names.types
    made: dict[tuple[str, str], Json] = {}
    mentioned: set[EntityRef] = set()
    for ref, attributes in snapshot.attributes.items():
        info = schema.entities.get(ref.type)
        if info is None:
            continue  # actions, and the tags that no imported policy can read
        parents = [above for above in snapshot.ancestors[ref] if above.type in types]
        mentioned.update(parents)
        mentioned.update(_references(attributes))
        plain = _plain(info.attributes, attributes, str(ref), types)
        made[types[ref.type], ref.id] = _item(types[ref.type], ref.id, parents, plain, types)
    mentioned |= set(_enumerated(schema))
    back = {native: cedar for cedar, native in types.items()}
    wanted = {(types[ref.type], ref.id) for ref in mentioned if ref.type in types}
    named = {(ref.type, ref.id) for ref in compile_set(imported.checked).constants}
    for kind, name in sorted((wanted | named) - set(made)):
        info = schema.entities[back[kind]]
        if any(required for _, _, required in info.attributes.members):
            if (kind, name) in named:
                raise IntentError(
                    f"a policy names it, and it has attributes that are not told; add {kind} {name!r}", place="entities"
                )
            continue
        if name:
            made[kind, name] = _item(kind, name, [], {}, types)
    entities = {EntityRef(*key): _entity(EntityRef(*key), made[key]) for key in made}
    type_snapshot(
        imported.checked.schema, EntitySnapshot(version="imported", entities=entities)
    )  # raises for what cannot be held
    return [made[key] for key in sorted(made)]


def _entity(ref: EntityRef, item: Any) -> Entity:
    parents = frozenset(EntityRef(above["type"], above["id"]) for above in item["parents"])
    return Entity(ref=ref, parents=parents, attributes=_refs(item["attributes"]))


def _item(kind: str, name: str, parents: list[EntityRef], attributes: Json, types: Mapping[str, str]) -> Json:
    if not name:
        raise IntentError("an entity with an empty id cannot be known natively", place=kind)
    above: list[Json] = [
        {"type": types[ref.type], "id": ref.id} for ref in sorted(parents, key=lambda ref: (ref.type, ref.id))
    ]
    return {"type": kind, "id": name, "parents": above, "attributes": attributes}


def _enumerated(schema: CedarSchema) -> Iterator[EntityRef]:
    for info in schema.entities.values():
        for name in info.ids or ():
            if name:
                yield EntityRef(info.name, name)


def _references(value: Value) -> Iterator[EntityRef]:
    if isinstance(value, EntityRef):
        yield value
    elif isinstance(value, Record):
        for held in value.values():
            yield from _references(held)
    elif isinstance(value, frozenset):
        for held in value:
            yield from _references(held)


def native_intent(
    schema: CedarSchema, intent: ValidIntent, *, types: Mapping[str, str], actions: Mapping[str, str]
) -> Intent:
    """A Cedar request as an intent of the imported set, by the set's names of types and actions; raises IntentError."""
    action = next(ref for ref in schema.actions if str(ref) == intent.action)
    context = _plain(schema.actions[action].context, intent.context, "context", types)
    return Intent(
        principal=EntityRef(types[intent.principal.type], intent.principal.id), action=actions[intent.action],
        resource=EntityRef(types[intent.resource.type], intent.resource.id), context=_refs(context),
    )  # fmt: skip


def _refs(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"__entity"}:
            return EntityRef(value["__entity"]["type"], value["__entity"]["id"])
        return {name: _refs(held) for name, held in value.items()}
    return [_refs(held) for held in value] if isinstance(value, list) else value


def _plain(type_: CedarType, value: Any, place: str, types: Mapping[str, str]) -> Json:
    match type_:
        case BoolT() | Plain(name="String"):
            return value  # type: ignore[no-any-return]
        case Plain() | ExtT(name="duration"):
            if abs(value) > SAFE_INT:
                raise IntentError("an Int of an entity or intent is within ±(2**53-1)", place=place)
            return value  # type: ignore[no-any-return]
        case EntityT(name=name):
            return {"__entity": {"type": types[name], "id": value.id}}
        case ExtT(name="decimal"):
            whole, rest = divmod(abs(value), 10_000)
            return f"{'-' if value < 0 else ''}{whole}.{rest:04d}"
        case ExtT(name="datetime"):
            try:
                return format_datetime(value)
            except (ValueError, OverflowError):
                raise IntentError("this moment is outside the native calendar", place=place) from None
        case ExtT():
            address, _, prefix = str(value).partition("/")
            return address if prefix == ("128" if ":" in address else "32") else str(value)
        case SetT(element=element):
            items = [_plain(element, held, place, types) for held in value]
            return sorted(items, key=repr)
        case RecordT(members=members):
            return {
                name: _plain(held, value[name], f"{place}.{name}", types) for name, held, _ in members if name in value
            }
