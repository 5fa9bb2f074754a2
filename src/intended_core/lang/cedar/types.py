"""Cedar's types as the strict validator sees them, and a schema with every name resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from intended_core.lang import types as native
from intended_core.lang.cedar.refs import CedarRef

__all__ = [
    "ANY_BOOL",
    "LONG",
    "STRING",
    "ActionInfo",
    "BoolT",
    "CedarSchema",
    "CedarType",
    "EntityInfo",
    "EntityT",
    "ExtT",
    "Plain",
    "RecordT",
    "SetT",
    "native_type",
    "show",
    "upper_bound",
    "upper_bound_of",
]


@dataclass(frozen=True, slots=True)
class BoolT:
    """Bool; `known` when the validator knows which one it always is."""

    known: bool | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    """Long or String."""

    name: str


@dataclass(frozen=True, slots=True)
class EntityT:
    """An entity of one type; action types too."""

    name: str


@dataclass(frozen=True, slots=True)
class ExtT:
    """ipaddr, decimal, datetime or duration."""

    name: str


@dataclass(frozen=True, slots=True)
class SetT:
    """A set of one type."""

    element: CedarType


@dataclass(frozen=True, slots=True)
class RecordT:
    """A closed record: (name, type, required), sorted by name."""

    members: tuple[tuple[str, CedarType, bool], ...] = ()

    def find(self, name: str) -> tuple[CedarType, bool] | None:
        """Type and whether it is required, or None."""
        for label, type_, required in self.members:
            if label == name:
                return type_, required
        return None


CedarType = BoolT | Plain | EntityT | ExtT | SetT | RecordT
ANY_BOOL, LONG, STRING = BoolT(), Plain("Long"), Plain("String")


@dataclass(frozen=True, slots=True)
class EntityInfo:
    """A declared entity type. `ancestors`: every type it may be below. `ids`: the only ids it has, when it is enumerated."""

    name: str
    ancestors: frozenset[str]
    attributes: RecordT
    tags: CedarType | None
    ids: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class ActionInfo:
    """A declared action; without principals or resources it is a group only. `ancestors`: every action group above it."""

    ref: CedarRef
    principals: tuple[str, ...]
    resources: tuple[str, ...]
    context: RecordT
    ancestors: frozenset[CedarRef]


@dataclass(frozen=True, slots=True)
class CedarSchema:
    """Everything declared, resolved. `digest`: 32 bytes over the resolved form, the same for both syntaxes."""

    entities: Mapping[str, EntityInfo]
    actions: Mapping[CedarRef, ActionInfo]
    digest: bytes

    def below(self, low: str, high: str) -> bool:
        """Whether an entity of type `low` may be, or be below, one of type `high`."""
        if low == high:
            return True
        found = self.entities.get(low)
        return found is not None and high in found.ancestors


def upper_bound(left: CedarType, right: CedarType) -> CedarType | None:
    """The type of a value that is one or the other under strict rules; None when there is none."""
    if left == right:
        return left
    if isinstance(left, BoolT) and isinstance(right, BoolT):
        return ANY_BOOL
    if isinstance(left, SetT) and isinstance(right, SetT):
        element = upper_bound(left.element, right.element)
        return None if element is None else SetT(element)
    if isinstance(left, RecordT) and isinstance(right, RecordT) and len(left.members) == len(right.members):
        members: list[tuple[str, CedarType, bool]] = []
        for (name, one, required), (label, other, needed) in zip(left.members, right.members, strict=True):
            joined = upper_bound(one, other)
            if name != label or required != needed or joined is None:
                return None
            members.append((name, joined, required))
        return RecordT(tuple(members))
    return None


def upper_bound_of(types: list[CedarType]) -> CedarType | None:
    """The same of several; None when there is none or the list is empty."""
    found: CedarType | None = types[0] if types else None
    for each in types[1:]:
        found = None if found is None else upper_bound(found, each)
    return found


def show(type_: CedarType) -> str:
    """The type as an author writes it."""
    match type_:
        case BoolT():
            return "Bool"
        case Plain(name=name) | EntityT(name=name) | ExtT(name=name):
            return name
        case SetT(element=element):
            return f"Set<{show(element)}>"
        case RecordT(members=members):
            return "{" + ", ".join(f"{name}{'' if required else '?'}: {show(t)}" for name, t, required in members) + "}"


_EXTENSIONS: dict[str, native.Type] = {
    "datetime": native.DATETIME,
    "duration": native.DURATION,
    "decimal": native.Scalar("cedar.decimal"),
    "ipaddr": native.Scalar("cedar.ipaddr"),
}


def native_type(type_: CedarType) -> native.Type:
    """The type of the typed tree whose run-time values Cedar's values of this type are."""
    match type_:
        case BoolT():
            return native.BOOL
        case Plain(name="Long"):
            return native.INT
        case Plain():
            return native.STRING
        case EntityT(name=name):
            return native.EntityType((name,))
        case ExtT(name=name):
            return _EXTENSIONS[name]
        case SetT(element=element):
            return native.SetType(native_type(element))
        case RecordT(members=members):
            return native.RecordType(
                tuple(native.Member(name, native_type(held), optional=not required) for name, held, required in members)
            )
