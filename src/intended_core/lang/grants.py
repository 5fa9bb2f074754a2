"""Delegation chains as the language sees them: the built-in record `Grant`, and the chain of an intent at the door.

A chain runs from the root's grant to the one whose subject is the principal. `narrower` is computed: a grant may give no action and
no time that the grant before it did not give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from intended_core.canonical import Json
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.intent import MAX_CHAIN, Grant
from intended_core.lang.typedata import Converter, Refs, converter
from intended_core.lang.types import (
    BOOL,
    DATETIME,
    STRING,
    ActionDecl,
    EntityType,
    ListType,
    Member,
    RecordType,
    Schema,
    SetType,
    Type,
)
from intended_core.values import Record

__all__ = ["MAX_GRANTED_ACTIONS", "chain_from_wire", "chain_type", "grant_type", "hop_types", "type_chain"]

_LAST: list[tuple[Schema | None, tuple[str, ...]]] = [(None, ())]  # one pair, replaced whole, so threads may race for it
MAX_GRANTED_ACTIONS: Final = 64  # action names of one grant


def grant_type(names: tuple[str, ...]) -> RecordType:
    """The built-in record `Grant` between entities of these types."""
    who = EntityType(names)
    return RecordType(
        (
            Member("issuer", who),
            Member("subject", who),
            Member("actions", SetType(STRING, MAX_GRANTED_ACTIONS)),
            Member("not_before", DATETIME),
            Member("not_after", DATETIME),
            Member("narrower", BOOL),
            Member("verified", BOOL),
        )
    )


def hop_types(schema: Schema, action: ActionDecl) -> tuple[str, ...]:
    """The entity types that may stand in a chain: the action's principals where each hop is evaluated, else whoever may act at all."""
    return action.principals if action.delegation else _acting(schema)


def _acting(schema: Schema) -> tuple[str, ...]:
    """Whoever may act at all, gathered once while a schema is in hand: asked for each rule, it would make loading quadratic in actions."""
    of, known = _LAST[0]
    if of is not schema:
        names = {name for name, declared in schema.entities.items() if declared.root}
        for action in schema.actions.values():
            names.update(action.principals)
        known = tuple(sorted(names))
        _LAST[0] = (schema, known)
    return known


def chain_type(schema: Schema, action: ActionDecl) -> Type:
    """The type of the root `chain` in rules for this action."""
    return ListType(grant_type(hop_types(schema, action)), MAX_CHAIN)


@lru_cache(maxsize=1024)
def _given(names: tuple[str, ...]) -> Converter:
    return converter(RecordType(tuple(member for member in grant_type(names).members if member.name != "narrower")))


def type_chain(
    chain: object, names: tuple[str, ...], refs: Refs
) -> tuple[tuple[Record, ...], list[Json]]:
    """The grants as typed records and in wire form; raises IntentError with the place. Whom they name is added to `refs`."""
    if not isinstance(chain, tuple | list):
        raise IntentError("a list of grants is needed", place="chain")
    if len(chain) > MAX_CHAIN:
        raise IntentError(f"a chain has at most {MAX_CHAIN} grants", place="chain")
    convert = _given(names)
    typed: list[Record] = []
    wire: list[Json] = []
    for at, grant in enumerate(chain):
        if not isinstance(grant, Grant):
            raise IntentError("a Grant is needed", place=f"chain[{at}]")
        plain = {
            "issuer": grant.issuer, "subject": grant.subject, "actions": grant.actions, "not_before": grant.not_before,
            "not_after": grant.not_after, "verified": grant.verified,
        }  # fmt: skip
        value, form = convert(plain, f"chain[{at}]", refs)
        if not isinstance(value, Record):
            raise IntentError("a Grant is needed", place=f"chain[{at}]")
        before = typed[-1] if typed else None
        made = Record({**value, "narrower": _narrower(value, before)})
        if made in typed:
            raise IntentError("the same grant stands twice", place=f"chain[{at}]")
        typed.append(made)
        wire.append(form)
    return tuple(typed), wire


def _narrower(grant: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    if not grant["not_before"] < grant["not_after"]:
        return False
    if before is None:
        return True
    times = grant["not_before"] >= before["not_before"] and grant["not_after"] <= before["not_after"]
    return bool(times and grant["actions"] <= before["actions"])


def chain_from_wire(wire: Json) -> tuple[Grant, ...]:
    """The grants of a wire form; raises TypeError, KeyError, ValueError or IntentError for anything else."""
    if not isinstance(wire, list):
        raise TypeError("list")
    made: list[Grant] = []
    for item in wire:
        data: Any = item
        grant = Grant(
            issuer=_ref(data["issuer"]), subject=_ref(data["subject"]), actions=tuple(_tagged(name, "s:") for name in data["actions"]),
            not_before=_tagged(data["not_before"], "t:"), not_after=_tagged(data["not_after"], "t:"),
        )  # fmt: skip
        if type(data["verified"]) is not bool:
            raise TypeError("bool")
        made.append(replace(grant, verified=data["verified"]))
    return tuple(made)


def _ref(data: Any) -> EntityRef:
    kind, name = data["@"]
    return EntityRef(kind, name)


def _tagged(value: object, tag: str) -> str:
    if not isinstance(value, str) or not value.startswith(tag):
        raise ValueError("tag")
    return value[len(tag) :]
