"""Schemas in Cedar's JSON syntax (`.cedarschema.json`) to raw declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from intended_core.errors import IntentError
from intended_core.lang.cedar.plain import read_json
from intended_core.lang.cedar.schema import RawAction, RawEntity, RawNamed, RawNamespace, RawRecord, RawSet, RawType
from intended_core.lang.report import refuse
from intended_core.lang.typed import Span

__all__ = ["parse_schema_json"]

_SPACE: Final = frozenset({"entityTypes", "actions", "commonTypes", "annotations"})
_ENTITY: Final = frozenset({"memberOfTypes", "shape", "tags", "enum", "annotations"})
_ACTION: Final = frozenset({"memberOf", "appliesTo", "attributes", "annotations"})
_APPLIES: Final = frozenset({"principalTypes", "resourceTypes", "context"})
_PRIMITIVES: Final = {
    "Long": "__cedar::Long",
    "String": "__cedar::String",
    "Boolean": "__cedar::Bool",
    "Bool": "__cedar::Bool",
}


def parse_schema_json(name: str, data: bytes) -> list[RawNamespace]:
    """The namespaces of one file; raises Refused (the place is the file: JSON carries no lines)."""
    span = Span(name, 1, 1, 1, 1)
    try:
        value = read_json(data, name)
    except IntentError as error:
        raise refuse("parse.unexpected", error.problem, span) from None
    reader = _Reader(span)
    spaces = [reader.namespace(label, held) for label, held in reader.object(value, "the schema").items()]
    return spaces or [RawNamespace(name="", span=span)]


class _Reader:
    def __init__(self, span: Span) -> None:
        self.span = span

    def object(self, value: Any, what: str, known: frozenset[str] | None = None) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise refuse("parse.unexpected", f"{what} is an object", self.span)
        for name in value:
            if known is not None and name not in known:
                raise refuse("name.unknown", f"{what} has no member `{name}`", self.span)
        return value

    def list(self, value: Any, what: str) -> list[Any]:
        if not isinstance(value, list):
            raise refuse("parse.unexpected", f"{what} is a list", self.span)
        return value

    def text(self, value: Any, what: str) -> str:
        if not isinstance(value, str):
            raise refuse("parse.unexpected", f"{what} is a string", self.span)
        return value

    def named(self, value: Any, what: str) -> RawNamed:
        return RawNamed(self.text(value, what), self.span, "entity")

    def namespace(self, name: str, value: Any) -> RawNamespace:
        held = self.object(value, f"namespace `{name}`", _SPACE)
        made = RawNamespace(name=name, span=self.span)
        for label, item in self.object(held.get("commonTypes", {}), "commonTypes").items():
            made.commons.append((label, self.type(item, f"the type {label}"), self.span))
        for label, item in self.object(held.get("entityTypes", {}), "entityTypes").items():
            made.entities.append(self._entity(label, item))
        for label, item in self.object(held.get("actions", {}), "actions").items():
            made.actions.append(self._action(label, item))
        return made

    def _entity(self, label: str, value: Any) -> RawEntity:
        what = f"the entity type {label}"
        held = self.object(value, what, _ENTITY)
        if "enum" in held:
            ids = tuple(self.text(item, f"each id of {label}") for item in self.list(held["enum"], "enum"))
            return RawEntity(name=label, span=self.span, ids=ids)
        return RawEntity(
            name=label, span=self.span,
            parents=tuple(self.named(item, what) for item in self.list(held.get("memberOfTypes", []), "memberOfTypes")),
            shape=self.type(held["shape"], f"the shape of {label}") if "shape" in held else None,
            tags=self.type(held["tags"], f"the tags of {label}") if "tags" in held else None,
        )  # fmt: skip

    def _action(self, label: str, value: Any) -> RawAction:
        what = f"the action {label}"
        held = self.object(value, what, _ACTION)
        if held.get("attributes"):
            raise refuse("unsupported", "attributes of actions are not part of validated Cedar", self.span)
        groups: list[tuple[str | None, str]] = []
        for item in self.list(held.get("memberOf") or [], "memberOf"):
            group = self.object(item, "a group", frozenset({"id", "type"}))
            kind = group.get("type")
            groups.append((None if kind is None else self.text(kind, "type"), self.text(group.get("id"), "id")))
        applies = self.object(held.get("appliesTo") or {}, "appliesTo", _APPLIES)
        return RawAction(
            name=label, span=self.span, groups=tuple(groups),
            principals=tuple(self.named(item, what) for item in self.list(applies.get("principalTypes") or [], "principalTypes")),
            resources=tuple(self.named(item, what) for item in self.list(applies.get("resourceTypes") or [], "resourceTypes")),
            context=self.type(applies["context"], f"the context of {label}") if applies.get("context") is not None else None,
        )  # fmt: skip

    def type(self, value: Any, what: str) -> RawType:
        held = self.object(value, what)
        kind = self.text(held.get("type"), f"the type of {what}")
        rest = set(held) - {"type", "annotations"}
        wanted = {"Set": {"element"}, "Record": {"attributes", "additionalAttributes"}, "Entity": {"name"},
                  "EntityOrCommon": {"name"}, "Extension": {"name"}}.get(kind, set())  # fmt: skip
        extra = sorted(rest - wanted - {"required"})
        if extra:
            raise refuse("name.unknown", f"{what} has no member `{extra[0]}`", self.span)
        if kind == "Set":
            return RawSet(self.type(held.get("element"), f"the element of {what}"), self.span)
        if kind == "Record":
            if held.get("additionalAttributes"):
                raise refuse("unsupported", "open records are not part of validated Cedar", self.span)
            return RawRecord(
                tuple(self._attribute(item) for item in self.object(held.get("attributes"), what).items()), self.span
            )
        if kind == "Entity":
            return self.named(held.get("name"), what)
        if kind == "EntityOrCommon":
            return RawNamed(self.text(held.get("name"), what), self.span)
        if kind == "Extension":
            return RawNamed("__cedar::" + self.text(held.get("name"), what), self.span)
        primitive = _PRIMITIVES.get(kind)
        return RawNamed(kind, self.span, "common") if primitive is None else RawNamed(primitive, self.span)

    def _attribute(self, item: tuple[str, Any]) -> tuple[str, RawType, bool]:
        name, value = item
        required = self.object(value, name).get("required", True)
        if not isinstance(required, bool):
            raise refuse("parse.unexpected", "`required` is true or false", self.span)
        return name, self.type(value, f"the attribute {name}"), required
