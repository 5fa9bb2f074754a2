"""Cedar's entities and values from JSON, as the schema accepts them.

Directed by the schema: where an entity or an extension value is declared, its short form (`{"type", "id"}`, plain text) reads as well as
the explicit one (`__entity`, `__extn`). An entity that is not told is below nothing and has nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from intended_core.canonical import digest
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang.cedar.extensions import CONSTRUCTORS, ExtensionError
from intended_core.lang.cedar.plain import read_json
from intended_core.lang.cedar.refs import CedarRef, tags_of
from intended_core.lang.cedar.types import BoolT, CedarSchema, CedarType, EntityT, ExtT, Plain, RecordT, SetT, show
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.values import INT_MAX, INT_MIN, Record, Value

__all__ = ["read_entities", "read_ref", "read_value"]

_ITEM: Final = frozenset({"uid", "attrs", "parents", "tags"})
_NONE: Final[frozenset[EntityRef]] = frozenset()


class _Ancestors(dict[EntityRef, frozenset[EntityRef]]):
    """Ancestors by entity; Cedar knows every entity that can be named, and what is not told is below nothing."""

    def __missing__(self, _ref: EntityRef) -> frozenset[EntityRef]:
        return _NONE

    def __contains__(self, ref: object) -> bool:
        return isinstance(ref, EntityRef)


def read_entities(schema: CedarSchema, data: bytes) -> TypedSnapshot:
    """The entities of a JSON list, closed under their parents; the schema's actions stand in it too. Raises IntentError with the place."""
    value = read_json(data, "entities")
    if not isinstance(value, list):
        raise IntentError("a list of entities is needed", place="entities")
    attributes: dict[EntityRef, Record] = {}
    parents: dict[EntityRef, frozenset[EntityRef]] = {}
    for at, item in enumerate(value):
        place = f"entities[{at}]"
        if not isinstance(item, dict) or "uid" not in item or not item.keys() <= _ITEM:
            raise IntentError("an entity has uid, and optionally attrs, parents and tags", place=place)
        ref = read_ref(item["uid"], f"{place}.uid")
        if ref in parents:
            raise IntentError("stands twice", place=str(ref))
        held = item.get("parents", [])
        if not isinstance(held, list):
            raise IntentError("parents are a list", place=str(ref))
        above = frozenset(read_ref(parent, f"{ref}.parents") for parent in held)
        if ref.type.rpartition("::")[2] == "Action":
            _action(schema, ref, above)
            continue
        parents[ref] = above
        _entity(schema, ref, above, item, attributes)
    ancestors = _Ancestors({ref: _above(ref, parents) for ref in parents})
    ancestors.update({ref: frozenset(info.ancestors) for ref, info in schema.actions.items()})
    for ref in schema.actions:
        attributes[ref] = Record()
    return TypedSnapshot(
        version="cedar", attributes=attributes, ancestors=ancestors, wire=data,
        digest=digest("intended.cedar-entities/v1", schema.digest, data),
    )  # fmt: skip


def _entity(
    schema: CedarSchema,
    ref: CedarRef,
    above: frozenset[EntityRef],
    item: Mapping[str, Any],
    attributes: dict[EntityRef, Record],
) -> None:
    info = schema.entities.get(ref.type)
    if info is None:
        raise IntentError(f"{ref.type} is not a declared entity type", place=str(ref))
    _enumerated(schema, ref, str(ref))
    for parent in above:
        if parent.type not in info.ancestors:
            raise IntentError(f"a {ref.type} cannot be in a {parent.type}", place=str(ref))
        _enumerated(schema, parent, str(ref))
    record = read_value(schema, info.attributes, item.get("attrs", {}), str(ref))
    attributes[ref] = record if isinstance(record, Record) else Record()
    tags = item.get("tags", {})
    if not isinstance(tags, dict) or (tags and info.tags is None):
        raise IntentError(f"a {ref.type} has no tags", place=str(ref))
    if info.tags is not None:
        wanted: CedarType = info.tags
        attributes[tags_of(ref)] = Record(
            {key: read_value(schema, wanted, held, f"{ref}.tags.{key}") for key, held in tags.items()}
        )


def _action(schema: CedarSchema, ref: CedarRef, above: frozenset[EntityRef]) -> None:
    info = schema.actions.get(ref)
    if info is None:
        raise IntentError("is not a declared action", place=str(ref))
    if not above <= info.ancestors:
        raise IntentError("is in other groups than the schema says", place=str(ref))


def _above(start: EntityRef, parents: Mapping[EntityRef, frozenset[EntityRef]]) -> frozenset[EntityRef]:
    seen: set[EntityRef] = set()
    pending = list(parents[start])
    while pending:
        ref = pending.pop()
        if ref == start:
            raise IntentError("is its own ancestor", place=str(start))
        if ref not in seen:
            seen.add(ref)
            pending.extend(parents.get(ref, ()))
    return frozenset(seen)


def read_ref(value: Any, place: str) -> CedarRef:
    """`{"type", "id"}`, also within `__entity`; raises IntentError."""
    if isinstance(value, dict) and value.keys() == {"__entity"}:
        value = value["__entity"]
    if not isinstance(value, dict) or value.keys() != {"type", "id"}:
        raise IntentError('an entity is {"type": …, "id": …}', place=place)
    kind, name = value["type"], value["id"]
    if not isinstance(kind, str) or not isinstance(name, str) or " " in kind:
        raise IntentError('an entity is {"type": …, "id": …}', place=place)
    try:
        return CedarRef(kind, name)
    except IntentError as error:
        raise IntentError(error.problem, place=place) from None


def _enumerated(schema: CedarSchema, ref: EntityRef, place: str) -> None:
    info = schema.entities.get(ref.type)
    if info is not None and info.ids is not None and ref.id not in info.ids:
        raise IntentError(f"{ref} is not one of the entities of {ref.type}", place=place)


def read_value(schema: CedarSchema, type_: CedarType, value: Any, place: str) -> Value:
    """The value as the type accepts it, in run-time form; raises IntentError with the place."""
    match type_:
        case BoolT() if isinstance(value, bool):
            return value
        case Plain(name="Long") if type(value) is int and INT_MIN <= value <= INT_MAX:
            return value
        case Plain(name="String") if isinstance(value, str):
            return value
        case EntityT(name=name):
            ref = read_ref(value, place)
            if ref.type != name:
                raise IntentError(f"a {name} is needed, this is a {ref.type}", place=place)
            _enumerated(schema, ref, place)
            if ref.type.rpartition("::")[2] == "Action" and ref not in schema.actions:
                raise IntentError(f"{ref} is not a declared action", place=place)
            return ref
        case ExtT(name=name):
            return _extension(name, value, place)
        case SetT(element=element) if isinstance(value, list):
            return frozenset([read_value(schema, element, item, f"{place}[{at}]") for at, item in enumerate(value)])
        case RecordT() if isinstance(value, dict):
            return _record(schema, type_, value, place)
    raise IntentError(f"a {show(type_)} is needed", place=place)


def _record(schema: CedarSchema, type_: RecordT, value: Mapping[str, Any], place: str) -> Record:
    made: dict[str, Value] = {}
    for name, held, required in type_.members:
        if name in value:
            made[name] = read_value(schema, held, value[name], f"{place}.{name}")
        elif required:
            raise IntentError("is missing", place=f"{place}.{name}")
    for name in value:
        if type_.find(name) is None:
            raise IntentError("is not an attribute that the schema knows", place=f"{place}.{name}")
    return Record(made)


def _extension(wanted: str, value: Any, place: str) -> int | str:
    if isinstance(value, dict) and value.keys() == {"__extn"}:
        value = value["__extn"]
    if isinstance(value, str):
        function = next(name for name, (kind, _) in CONSTRUCTORS.items() if kind == wanted)
        value = {"fn": function, "arg": value}
    if not isinstance(value, dict) or "fn" not in value or len(value) != 2:
        raise IntentError(f"a {wanted} is needed", place=place)
    function, args = value["fn"], [value["arg"]] if "arg" in value else value.get("args")
    if not isinstance(args, list):
        raise IntentError(f"a {wanted} is needed", place=place)
    if function == "offset" and wanted == "datetime" and len(args) == 2:
        moment, shift = _extension("datetime", args[0], place), _extension("duration", args[1], place)
        total = int(moment) + int(shift)
        if not INT_MIN <= total <= INT_MAX:
            raise IntentError("a datetime overflows", place=place)
        return total
    kind, read = CONSTRUCTORS.get(function, ("", None)) if isinstance(function, str) else ("", None)
    if kind != wanted or read is None or len(args) != 1 or not isinstance(args[0], str):
        raise IntentError(f"a {wanted} is needed", place=place)
    try:
        return read(args[0])
    except ExtensionError as error:
        raise IntentError(f"this is no {wanted}: {error}", place=place) from None
