"""What records keep of a decision, back as plain data: to ask another set the same thing.

The bytes are believed only as far as their digests were checked before; nothing here decides. `parse_wire`, `parse_snapshot` and
`parse_data` are the ways for bytes that must be exactly what a schema writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from intended_core.canonical import parse_canonical
from intended_core.entities import Entity
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.intent import Intent
from intended_core.lang.data import MAX_DATA_BYTES, TableRows
from intended_core.lang.grants import chain_from_wire
from intended_core.lang.intents import MAX_INTENT_BYTES
from intended_core.lang.snapshot import MAX_SNAPSHOT_BYTES
from intended_core.lang.typedata import decoder
from intended_core.lang.types import Schema

__all__ = ["recorded_data", "recorded_entities", "recorded_intent"]

T = TypeVar("T")


def _read(wire: bytes, limit: int, what: str, take: Callable[[Any], T]) -> T:
    try:
        return take(parse_canonical(wire, max_bytes=limit))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise IntentError(f"not the wire form of {what}", place=what) from None


def recorded_intent(schema: Schema, wire: bytes) -> Intent:
    """The intent that `schema` wrote as `wire`; raises IntentError."""

    def take(data: Any) -> Intent:
        action = schema.actions[data["action"]]
        return Intent(
            principal=EntityRef(*data["principal"]), action=data["action"], resource=EntityRef(*data["resource"]),
            args=_record(decoder(action.args)(data["args"])), context=_record(decoder(action.context)(data["context"])),
            origins={path: frozenset(places) for path, places in data["origins"].items()},
            caller_context=frozenset(data["caller"]), chain=chain_from_wire(data["chain"]) if "chain" in data else (),
        )  # fmt: skip

    return _read(wire, MAX_INTENT_BYTES, "intent", take)


def recorded_entities(schema: Schema, wire: bytes) -> dict[EntityRef, Entity]:
    """The entities that `schema` wrote as `wire`; raises IntentError."""

    def take(data: Any) -> dict[EntityRef, Entity]:
        found: dict[EntityRef, Entity] = {}
        for item in data:
            ref = EntityRef(*item["ref"])
            attributes = _record(decoder(schema.entities[ref.type].attributes)(item["attributes"]))
            parents = frozenset(EntityRef(kind, name) for kind, name in item["parents"])
            found[ref] = Entity(ref=ref, parents=parents, attributes=attributes)
        return found

    return _read(wire, MAX_SNAPSHOT_BYTES, "entities", take)


def recorded_data(schema: Schema, wire: bytes) -> tuple[dict[str, object], dict[str, TableRows]]:
    """Params and tables that `schema` wrote as `wire`; raises IntentError."""

    def take(data: Any) -> tuple[dict[str, object], dict[str, TableRows]]:
        params = {name: decoder(schema.params[name].type)(value) for name, value in data["params"].items()}
        tables = {
            name: TableRows(rows=decoder(schema.tables[name].type)(item["rows"]), updated_ms=int(item["updated"][2:]))
            for name, item in data["tables"].items()
        }
        return params, tables

    return _read(wire, MAX_DATA_BYTES, "data", take)


def _record(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError("record")
    return value
