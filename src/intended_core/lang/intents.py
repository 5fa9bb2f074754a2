"""validate: from what a host states to what a schema accepts, with one canonical form and its digests (authority.md § 1).

Unknown, missing, badly sourced or wrongly typed members make the intent invalid; nothing is normalised. Wire form: Int, Decimal, Datetime,
Duration, Date, Time, Ip and every text are tagged strings (`i:`, `d:`, `t:`, `u:`, `y:`, `h:`, `a:`, `s:`), an entity is
`{"@": [type, id]}`, a set is sorted by its elements' canonical bytes, a list keeps its order, an absent member is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Final

import orjson

from intended_core.canonical import Json, Labelled, parse_canonical, parse_strict
from intended_core.errors import IntentError
from intended_core.ids import EntityRef, Scope
from intended_core.intent import ORIGINS, Call, Grant, Intent, ValidCall, ValidIntent
from intended_core.lang.doorway import Door, NotPlainError, door
from intended_core.lang.grants import chain_from_wire, hop_types, type_chain
from intended_core.lang.nearest import did_you_mean
from intended_core.lang.onepass import Taker, json_text, origins_text, pair_text, taker
from intended_core.lang.typedata import Converter, Refs, converter, decoder
from intended_core.lang.types import ActionDecl, ListType, RecordType, Schema, SetType, Type
from intended_core.lang.wire import references, wire_of
from intended_core.quick import maker
from intended_core.values import Record

__all__ = [
    "MAX_INTENT_BYTES",
    "intent_from_json",
    "parse_wire",
    "validate",
    "validate_call",
    "validate_call_thoroughly",
    "validate_thoroughly",
    "validate_whole",
]

MAX_INTENT_BYTES: Final = 256 * 1024
_EMPTY: Final = Record()


@dataclass(frozen=True, slots=True)
class _Action:
    declared: ActionDecl
    principals: frozenset[str]
    resources: frozenset[str]
    args: Converter
    context: Converter
    origin_paths: frozenset[str]
    from_caller: frozenset[str]
    door: Door | None
    hops: tuple[str, ...]
    take_args: Taker
    take_context: Taker
    begun: str  # of the wire form, with the name


class _Prepared(dict[str, _Action]):
    """What the actions of a schema take, each made when it is first asked for. KeyError: no such action."""

    __slots__ = ("schema",)

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.schema = schema

    def __missing__(self, name: str) -> _Action:
        declared = self.schema.actions[name]
        paths = frozenset(_paths(declared.args, ""))
        made = self[name] = _Action(
            declared, frozenset(declared.principals), frozenset(declared.resources), converter(declared.args),
            converter(declared.context), paths,
            frozenset(member.name for member in declared.context.members if member.from_caller), door(declared, paths),
            hop_types(self.schema, declared), taker(declared.args), taker(declared.context), f'{{"action":{json_text(name)},"args":',
        )  # fmt: skip
        return made


_PREPARED: dict[bytes, _Prepared] = {}


def _prepare(schema: Schema) -> _Prepared:
    known = _PREPARED.get(schema.digest)
    if known is None:
        known = _Prepared(schema)
        if len(_PREPARED) >= 256:
            _PREPARED.clear()
        _PREPARED[schema.digest] = known
    return known


def _paths(found: Type, prefix: str) -> list[str]:
    if isinstance(found, SetType | ListType):
        return _paths(found.element, prefix)
    if not isinstance(found, RecordType):
        return []
    paths: list[str] = []
    for member in found.members:
        path = f"{prefix}.{member.name}" if prefix else member.name
        paths.append(path)
        paths += _paths(member.type, path)
    return paths


def _action(schema: Schema, name: object) -> _Action:
    if isinstance(name, str) and name in schema.actions:
        return _prepare(schema)[name]
    shown = name if isinstance(name, str) else type(name).__name__
    raise IntentError(
        f"{shown[:80]!r} is not an action of the policy set {did_you_mean(shown[:80], schema.actions)}".rstrip(), place="action"
    )


def _entity(ref: object, allowed: frozenset[str], place: str) -> EntityRef:
    if not isinstance(ref, EntityRef):
        raise IntentError("an EntityRef is needed", place=place)
    if ref.type not in allowed:
        raise IntentError(f"a {ref.type} is not one of {', '.join(sorted(allowed))}", place=place)
    return ref


def _pack(value: object) -> bytes:
    try:
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise IntentError("text must be valid Unicode (no lone surrogates)", place="intent") from None
    if len(data) > MAX_INTENT_BYTES:
        raise IntentError(f"the intent is larger than {MAX_INTENT_BYTES} bytes", place="intent")
    return data


def _call_digest(schema: Schema, scope: Scope, action: str, resource: EntityRef, args: Json) -> tuple[bytes, bytes]:
    wire = _pack({"action": action, "args": args, "resource": [resource.type, resource.id]})
    return wire, _labels(scope.uuid, scope.environment, schema.digest)[0].digest(wire)


@lru_cache(maxsize=256)
def _labels(uuid: str, environment: str, schema_digest: bytes) -> tuple[Labelled, Labelled]:
    """What the digests of a call and of an intent begin with, in one scope under one schema."""
    begun = (uuid.encode(), environment.encode(), schema_digest)
    return Labelled("intended.call/v1", *begun), Labelled("intended.intent/v1", *begun)


_valid_call: Final = maker(ValidCall)
_valid_intent: Final = maker(ValidIntent)


def validate_call(schema: Schema, scope: Scope, call: Call) -> ValidCall:
    """The call as the schema accepts it, deep-frozen, with its digest `arh`; raises IntentError with the place."""
    try:
        return _call_at_once(schema, scope, call)
    except Exception:  # noqa: BLE001 - whatever is not plain is judged by the thorough way, which says what is wrong
        return validate_call_thoroughly(schema, scope, call)


def _call_at_once(schema: Schema, scope: Scope, call: Call) -> ValidCall:
    name, resource = call.action, call.resource
    action = _prepare(schema)[name]
    if resource.__class__ is not EntityRef or resource.type not in action.resources:
        raise NotPlainError
    args, text = action.take_args(call.args, set())
    wire = f'{action.begun}{text},"resource":{pair_text(resource.type, resource.id)}}}'.encode()
    if len(wire) > MAX_INTENT_BYTES:
        raise NotPlainError
    arh = _labels(scope.uuid, scope.environment, schema.digest)[0].digest(wire)
    return _valid_call(action=name, resource=resource, args=args, wire=wire, arh=arh)


def validate_call_thoroughly(schema: Schema, scope: Scope, call: Call) -> ValidCall:
    """`validate_call` without the quick way; the two answer equal values wherever the quick one answers."""
    action = _action(schema, call.action)
    resource = _entity(call.resource, action.resources, "resource")
    args, wire_args = action.args(call.args, "args", set())
    wire, arh = _call_digest(schema, scope, call.action, resource, wire_args)
    return _valid_call(action=call.action, resource=resource, args=_record(args), wire=wire, arh=arh)


def _record(value: object) -> Record:
    return value if isinstance(value, Record) else _EMPTY


def validate(schema: Schema, scope: Scope, intent: Intent) -> ValidIntent:
    """The intent as the schema accepts it, with digests `arh` and `ith`; raises IntentError with the place."""
    action = _action(schema, intent.action)
    if action.door is not None:
        try:
            return action.door(intent, partial(_complete, schema, scope, action))
        except Exception:  # noqa: BLE001 - whatever is not plain is judged by the thorough way, which says what is wrong
            return validate_thoroughly(schema, scope, intent)
    return validate_thoroughly(schema, scope, intent)


def validate_whole(schema: Schema, scope: Scope, intent: Intent) -> ValidIntent:
    """`validate` for a caller that needs wire form, digests and references of every intent: they are made in the same pass."""
    try:
        return _intent_at_once(schema, scope, intent)
    except Exception:  # noqa: BLE001 - whatever is not plain is judged by the thorough way, which says what is wrong
        return validate_thoroughly(schema, scope, intent)


def _intent_at_once(schema: Schema, scope: Scope, intent: Intent) -> ValidIntent:
    name, principal, resource = intent.action, intent.principal, intent.resource
    action = _prepare(schema)[name]
    if (
        principal.__class__ is not EntityRef or principal.type not in action.principals
        or resource.__class__ is not EntityRef or resource.type not in action.resources or intent.chain
    ):  # fmt: skip
        raise NotPlainError
    refs: Refs = {principal, resource}
    args, text = action.take_args(intent.args, refs)
    context, beside = action.take_context(intent.context, refs)
    origins, told = origins_text(action.origin_paths, intent.origins)
    named = intent.caller_context
    caller = "[]" if named.__class__ is frozenset and not named else json_text([*_caller(action, intent)])
    target = pair_text(resource.type, resource.id)
    begun = f"{action.begun}{text},"
    wire = (
        f'{begun}"caller":{caller},"context":{beside},"origins":{told},'
        f'"principal":{pair_text(principal.type, principal.id)},"resource":{target}}}'
    ).encode()
    if len(wire) > MAX_INTENT_BYTES:
        raise NotPlainError
    of_call, of_intent = _labels(scope.uuid, scope.environment, schema.digest)
    return _valid_intent(
        principal=principal, action=name, resource=resource, args=args, context=context, origins=origins,
        references=frozenset(refs), wire=wire, arh=of_call.digest(f'{begun}"resource":{target}}}'.encode()),
        ith=of_intent.digest(wire), chain=(),
    )  # fmt: skip


def validate_thoroughly(schema: Schema, scope: Scope, intent: Intent) -> ValidIntent:
    """`validate` without the quick way; the two answer equal values wherever the quick one answers."""
    action = _action(schema, intent.action)
    principal = _entity(intent.principal, action.principals, "principal")
    resource = _entity(intent.resource, action.resources, "resource")
    refs: Refs = {principal, resource}
    args, wire_args = action.args(intent.args, "args", refs)
    context, wire_context = action.context(intent.context, "context", refs)
    origins = _origins(action, intent.origins)
    caller = _caller(action, intent)
    chain, wire_chain = type_chain(intent.chain, action.hops, refs) if intent.chain else ((), [])
    wire, arh, ith = _digests(
        schema, scope, intent.action, principal, resource, wire_args, wire_context, origins, caller, wire_chain
    )
    return ValidIntent(
        principal=principal, action=intent.action, resource=resource, args=_record(args), context=_record(context),
        origins=origins, references=frozenset(refs), wire=wire, arh=arh, ith=ith, chain=chain,
    )  # fmt: skip


def _digests(
    schema: Schema, scope: Scope, action: str, principal: EntityRef, resource: EntityRef, args: Json, context: Json,
    origins: Mapping[str, frozenset[str]], caller: list[str], chain: list[Json],
) -> tuple[bytes, bytes, bytes]:  # fmt: skip
    """`wire`, `arh` and `ith` of an intent whose parts are in wire form."""
    _, arh = _call_digest(schema, scope, action, resource, args)
    wire = _pack(
        {
            "action": action,
            "args": args,
            "caller": caller,
            "context": context,
            "origins": {path: sorted(places) for path, places in origins.items()},
            "principal": [principal.type, principal.id],
            "resource": [resource.type, resource.id],
            **({"chain": chain} if chain else {}),
        }
    )
    return wire, arh, _labels(scope.uuid, scope.environment, schema.digest)[1].digest(wire)


def _complete(schema: Schema, scope: Scope, action: _Action, valid: ValidIntent) -> None:
    """The parts of an intent that came through a door, made from its typed values when they are first asked for."""
    wire, arh, ith = _digests(
        schema, scope, valid.action, valid.principal, valid.resource, wire_of(action.declared.args)(valid.args),
        wire_of(action.declared.context)(valid.context), valid.origins, [], [],
    )  # fmt: skip
    refs = frozenset({valid.principal, valid.resource, *references(valid.args), *references(valid.context)})
    for name, value in (("references", refs), ("wire", wire), ("arh", arh), ("ith", ith)):
        object.__setattr__(valid, name, value)


def _origins(action: _Action, given: Mapping[str, object]) -> dict[str, frozenset[str]]:
    if type(given) is not dict and not isinstance(given, Mapping):
        raise IntentError("an object of paths and sets of places is needed", place="origins")
    origins: dict[str, frozenset[str]] = {}
    for path, places in given.items():
        if path not in action.origin_paths:
            raise IntentError(
                f"{str(path)[:80]!r} is not a path below args {did_you_mean(str(path)[:80], action.origin_paths)}".rstrip(),
                place="origins",
            )
        if isinstance(places, str) or not isinstance(places, set | frozenset | list | tuple):
            raise IntentError("give a set of places", place=f"origins.{path}")
        told = frozenset(place for place in places if isinstance(place, str))
        if not told or not told <= ORIGINS or not all(isinstance(place, str) for place in places):
            raise IntentError(f"places are {', '.join(sorted(ORIGINS))}", place=f"origins.{path}")
        # What is not known may be content: leaving origins out, or calling one unknown, never widens.
        origins[path] = told | {"content"} if "unknown" in told else told
    return origins


def _caller(action: _Action, intent: Intent) -> list[str]:
    names = intent.caller_context
    if not isinstance(names, set | frozenset) or not all(isinstance(name, str) for name in names):
        raise IntentError("a set of member names is needed", place="caller_context")
    for name in sorted(names):
        if name not in intent.context:
            raise IntentError("is named as given by the caller and is not there", place=f"context.{name}")
        if name not in action.from_caller:
            raise IntentError(
                "must come from the host; the schema does not mark it @from(caller)", place=f"context.{name}"
            )
    return sorted(names)


def parse_wire(schema: Schema, scope: Scope, wire: bytes) -> ValidIntent:
    """The intent whose canonical wire form is `wire`; raises IntentError unless these are exactly its bytes."""
    data: Any = parse_canonical(wire, max_bytes=MAX_INTENT_BYTES)
    try:
        if not isinstance(data, dict):
            raise TypeError("object")
        action = _action(schema, data["action"])
        kind, name = data["principal"]
        target, target_id = data["resource"]
        intent = Intent(
            principal=EntityRef(str(kind), str(name)),
            action=str(data["action"]),
            resource=EntityRef(str(target), str(target_id)),
            args=_plain(decoder(action.declared.args)(data["args"])),
            context=_plain(decoder(action.declared.context)(data["context"])),
            origins={path: frozenset(places) for path, places in data["origins"].items()},
            caller_context=frozenset(str(name) for name in data["caller"]),
            chain=chain_from_wire(data["chain"]) if "chain" in data else (),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise IntentError("not the wire form of an intent", place="intent") from None
    valid = validate(schema, scope, intent)
    if valid.wire != wire:
        raise IntentError("not the canonical wire form of an intent", place="intent")
    return valid


def _plain(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError("record")
    return value


_MEMBERS: Final = frozenset(
    {"principal", "action", "resource", "args", "context", "origins", "caller_context", "chain"}
)
_GRANT: Final = frozenset({"issuer", "subject", "actions", "not_before", "not_after"})


def intent_from_json(data: bytes, *, grants_verified: bool = False) -> Intent:
    """An intent from outside as strict JSON; raises IntentError with the place.

    `principal` and `resource` are `{"type": …, "id": …}`; an entity inside args or context is `{"__entity": {"type": …, "id": …}}`.
    A grant of `chain` cannot say that it is verified: `grants_verified` is for a host that writes the whole intent itself.
    """
    value = parse_strict(data, max_bytes=MAX_INTENT_BYTES)
    if not isinstance(value, dict):
        raise IntentError("an intent is a JSON object", place="intent")
    for name in value:
        if name not in _MEMBERS:
            raise IntentError(f"unknown member {did_you_mean(name, _MEMBERS)}".rstrip(), place=name[:80])
    for name in ("principal", "action", "resource"):
        if name not in value:
            raise IntentError("is missing", place=name)
    action = value["action"]
    if not isinstance(action, str):
        raise IntentError("a string is needed", place="action")
    origins = value.get("origins", {})
    caller = value.get("caller_context", [])
    if not isinstance(origins, dict):
        raise IntentError("an object of paths and lists of places is needed", place="origins")
    if not isinstance(caller, list) or not all(isinstance(name, str) for name in caller):
        raise IntentError("a list of member names is needed", place="caller_context")
    return Intent(
        principal=_ref_json(value["principal"], "principal"), action=action, resource=_ref_json(value["resource"], "resource"),
        args=_object(value.get("args", {}), "args"), context=_object(value.get("context", {}), "context"),
        origins={path: _places(places, path) for path, places in origins.items()},
        caller_context=frozenset(str(name) for name in caller),
        chain=_chain_json(value.get("chain", []), grants_verified),
    )  # fmt: skip


def _chain_json(value: Json, verified: bool) -> tuple[Grant, ...]:
    if not isinstance(value, list):
        raise IntentError("a list of grants is needed", place="chain")
    made: list[Grant] = []
    for at, item in enumerate(value):
        place = f"chain[{at}]"
        if not isinstance(item, dict) or item.keys() != _GRANT:
            raise IntentError(f"a grant has {', '.join(sorted(_GRANT))} and nothing else", place=place)
        actions, start, end = item["actions"], item["not_before"], item["not_after"]
        if not isinstance(actions, list) or not isinstance(start, str) or not isinstance(end, str):
            raise IntentError("actions are a list of names; times are strings", place=place)
        made.append(
            Grant(
                issuer=_ref_json(item["issuer"], f"{place}.issuer"), subject=_ref_json(item["subject"], f"{place}.subject"),
                actions=tuple(str(name) for name in actions), not_before=start, not_after=end, verified=verified,
            )
        )  # fmt: skip
    return tuple(made)


def _places(places: Json, path: str) -> list[str]:
    if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
        raise IntentError("a list of places is needed", place=f"origins.{path[:80]}")
    return [str(place) for place in places]


def _object(value: Json, place: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise IntentError("an object is needed", place=place)
    return value


def _ref_json(value: Json, place: str) -> EntityRef:
    if (
        not isinstance(value, dict)
        or value.keys() != {"type", "id"}
        or not all(isinstance(part, str) for part in value.values())
    ):
        raise IntentError('an entity is {"type": …, "id": …}', place=place)
    try:
        return EntityRef(str(value["type"]), str(value["id"]))
    except IntentError as error:
        raise IntentError(error.problem, place=place) from None
