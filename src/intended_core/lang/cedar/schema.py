"""From schema declarations, whichever syntax they came in, to a schema with every name resolved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import orjson

from intended_core.canonical import digest
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.cedar.types import (
    ANY_BOOL,
    LONG,
    STRING,
    ActionInfo,
    CedarSchema,
    CedarType,
    EntityInfo,
    EntityT,
    ExtT,
    RecordT,
    SetT,
    show,
)
from intended_core.lang.diagnostics import suggest
from intended_core.lang.report import refuse
from intended_core.lang.typed import Span

__all__ = ["RawAction", "RawEntity", "RawNamed", "RawNamespace", "RawRecord", "RawSet", "RawType", "resolve_schema"]

MAX_TYPE_DEPTH: Final = 64  # as deep as brackets may nest
_BUILT_IN: Final[dict[str, CedarType]] = {
    "Long": LONG, "String": STRING, "Bool": ANY_BOOL, "ipaddr": ExtT("ipaddr"), "decimal": ExtT("decimal"),
    "datetime": ExtT("datetime"), "duration": ExtT("duration"),
}  # fmt: skip
_IDENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED_TYPES: Final = frozenset({"Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String"})


@dataclass(frozen=True, slots=True)
class RawNamed:
    """A type by name. `kind`: what the name may mean; `any` in the human syntax."""

    name: str
    span: Span
    kind: str = "any"


@dataclass(frozen=True, slots=True)
class RawSet:
    """`Set<…>`."""

    element: RawType
    span: Span


@dataclass(frozen=True, slots=True)
class RawRecord:
    """`{a?: T}`: (name, type, required)."""

    members: tuple[tuple[str, RawType, bool], ...]
    span: Span


RawType = RawNamed | RawSet | RawRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEntity:
    """One entity type as declared."""

    name: str
    span: Span
    parents: tuple[RawNamed, ...] = ()
    shape: RawType | None = None
    tags: RawType | None = None
    ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAction:
    """One action as declared. A group's type is None where it was left out; `principals` None when it applies to nothing."""

    name: str
    span: Span
    groups: tuple[tuple[str | None, str], ...] = ()
    principals: tuple[RawNamed, ...] = ()
    resources: tuple[RawNamed, ...] = ()
    context: RawType | None = None


@dataclass(slots=True, kw_only=True)
class RawNamespace:
    """One namespace; the empty name is the outermost."""

    name: str
    span: Span
    commons: list[tuple[str, RawType, Span]] = field(default_factory=list)
    entities: list[RawEntity] = field(default_factory=list)
    actions: list[RawAction] = field(default_factory=list)


def resolve_schema(namespaces: Iterable[RawNamespace]) -> CedarSchema:
    """The schema; raises Refused with the first thing that is wrong."""
    return _Resolver(list(namespaces)).schema()


class _Resolver:
    def __init__(self, namespaces: list[RawNamespace]) -> None:
        self.namespaces = namespaces
        self.commons: dict[str, tuple[RawType, str]] = {}
        self.entities: dict[str, tuple[RawEntity, str]] = {}
        self.actions: dict[CedarRef, tuple[RawAction, str]] = {}
        self.resolved: dict[str, CedarType] = {}
        self.open: list[str] = []

    def schema(self) -> CedarSchema:
        for space in self.namespaces:
            self._collect(space)
        for name in self.commons:
            self._common(name, self.namespaces[0].span)
        parents = {
            name: frozenset(self._entity(parent, space) for parent in raw.parents)
            for name, (raw, space) in self.entities.items()
        }
        above = _closure(parents, lambda _name: None)
        entities = {
            name: EntityInfo(
                name, above[name], self._record(raw.shape, space, f"the shape of {name}"),
                None if raw.tags is None else self.type(raw.tags, space), None if raw.ids is None else frozenset(raw.ids),
            )
            for name, (raw, space) in sorted(self.entities.items())
        }  # fmt: skip
        groups = {
            ref: frozenset(self._group(ref, raw, space, each) for each in raw.groups)
            for ref, (raw, space) in self.actions.items()
        }

        def circle(ref: CedarRef) -> None:
            raise refuse("name.cycle", f"{ref} is in itself", self.actions[ref][0].span)

        higher = _closure(groups, circle)
        actions = {
            ref: ActionInfo(
                ref, self._types(raw.principals, space), self._types(raw.resources, space),
                self._record(raw.context, space, f"the context of {ref}"), higher[ref],
            )
            for ref, (raw, space) in sorted(self.actions.items())
        }  # fmt: skip
        return CedarSchema(entities=entities, actions=actions, digest=_digest(entities, actions))

    def _collect(self, space: RawNamespace) -> None:
        for name, raw, span in space.commons:
            full = _join(space.name, name)
            if name in _RESERVED_TYPES:
                raise refuse("name.invalid", f"`{name}` is a type of Cedar's own", span)
            if full in self.commons:
                raise refuse("name.duplicate", f"the type `{full}` is declared twice", span)
            self.commons[full] = (raw, space.name)
        for entity in space.entities:
            full = _join(space.name, entity.name)
            if full in self.entities:
                raise refuse("name.duplicate", f"the entity type `{full}` is declared twice", entity.span)
            if entity.name == "Action" or not _IDENT.fullmatch(entity.name):
                raise refuse("name.invalid", f"`{entity.name}` cannot be the name of an entity type", entity.span)
            self.entities[full] = (entity, space.name)
        for action in space.actions:
            ref = CedarRef(_join(space.name, "Action"), action.name)
            if ref in self.actions:
                raise refuse("name.duplicate", f"the action {ref} is declared twice", action.span)
            self.actions[ref] = (action, space.name)

    def type(self, raw: RawType, space: str, depth: int = 0) -> CedarType:
        if depth > MAX_TYPE_DEPTH:
            raise refuse("limit.nesting", "this type is nested too deep", raw.span)
        if isinstance(raw, RawSet):
            return SetT(self.type(raw.element, space, depth + 1))
        if isinstance(raw, RawRecord):
            names = [name for name, _, _ in raw.members]
            if len(set(names)) != len(names):
                raise refuse("name.duplicate", "an attribute stands twice in this record", raw.span)
            members = [(name, self.type(held, space, depth + 1), required) for name, held, required in raw.members]
            return RecordT(tuple(sorted(members, key=lambda member: member[0])))
        return self._named(raw, space)

    def _named(self, raw: RawNamed, space: str) -> CedarType:
        candidates = [raw.name] if "::" in raw.name or not space else [_join(space, raw.name), raw.name]
        for name in candidates:
            if raw.kind != "entity" and name in self.commons:
                return self._common(name, raw.span)
            if raw.kind != "common" and name in self.entities:
                return EntityT(name)
            if raw.kind != "common" and name in {ref.type for ref in self.actions}:
                return EntityT(name)
        built_in = _BUILT_IN.get(raw.name.removeprefix("__cedar::"))
        if built_in is not None and raw.kind != "entity":
            return built_in
        known = [*self.commons, *self.entities, *_BUILT_IN]
        raise refuse("name.unknown", f"there is no type `{raw.name}`", raw.span, help=suggest(raw.name, known))

    def _common(self, name: str, span: Span) -> CedarType:
        found = self.resolved.get(name)
        if found is None:
            if name in self.open:
                raise refuse("name.cycle", f"the type `{name}` holds itself", span)
            raw, space = self.commons[name]
            self.open.append(name)
            found = self.resolved[name] = self.type(raw, space)
            self.open.pop()
        return found

    def _record(self, raw: RawType | None, space: str, what: str) -> RecordT:
        if raw is None:
            return RecordT()
        found = self.type(raw, space)
        if not isinstance(found, RecordT):
            raise refuse("type.mismatch", f"{what} is a record, and this is {show(found)}", raw.span)
        return found

    def _entity(self, raw: RawNamed, space: str) -> str:
        candidates = [raw.name] if "::" in raw.name or not space else [_join(space, raw.name), raw.name]
        for name in candidates:
            if name in self.entities:
                return name
        raise refuse(
            "name.unknown", f"there is no entity type `{raw.name}`", raw.span, help=suggest(raw.name, self.entities)
        )

    def _types(self, raws: tuple[RawNamed, ...], space: str) -> tuple[str, ...]:
        return tuple(sorted({self._entity(raw, space) for raw in raws}))

    def _group(self, ref: CedarRef, raw: RawAction, space: str, group: tuple[str | None, str]) -> CedarRef:
        kind, name = group
        kinds = [ref.type] if kind is None else [kind] if "::" in kind or not space else [_join(space, kind), kind]
        for each in kinds:
            found = CedarRef(each, name)
            if found in self.actions:
                return found
        raise refuse("name.unknown", f"there is no action `{name}` that {ref} could be in", raw.span)


def _join(space: str, name: str) -> str:
    return f"{space}::{name}" if space else name


_K = TypeVar("_K", str, CedarRef)


def _closure(direct: dict[_K, frozenset[_K]], circle: Callable[[_K], None]) -> dict[_K, frozenset[_K]]:
    made: dict[_K, frozenset[_K]] = {}
    for start, first in direct.items():
        seen: set[_K] = set()
        pending = list(first)
        while pending:
            name = pending.pop()
            if name == start:
                circle(start)
            if name not in seen:
                seen.add(name)
                pending.extend(direct[name])
        made[start] = frozenset(seen)
    return made


def _digest(entities: dict[str, EntityInfo], actions: dict[CedarRef, ActionInfo]) -> bytes:
    plain = {
        "entities": [
            [info.name, sorted(info.ancestors), _plain(info.attributes), None if info.tags is None else _plain(info.tags),
             None if info.ids is None else sorted(info.ids)]
            for info in entities.values()
        ],
        "actions": [
            [info.ref.type, info.ref.id, info.principals, info.resources, _plain(info.context),
             [[above.type, above.id] for above in sorted(info.ancestors)]]
            for info in actions.values()
        ],
    }  # fmt: skip
    return digest("intended.cedar-schema/v1", orjson.dumps(plain))


def _plain(type_: CedarType) -> object:
    if isinstance(type_, SetT):
        return ["set", _plain(type_.element)]
    if isinstance(type_, RecordT):
        return ["record", [[name, _plain(held), required] for name, held, required in type_.members]]
    return show(type_)
