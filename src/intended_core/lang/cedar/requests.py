"""Cedar's requests, as the schema accepts them. One is decided and nothing else: it has no wire form, so no token is bound to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from lark import Token

from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.cedar.entities import read_ref, read_value
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.cedar.text import TextError, unescape
from intended_core.lang.cedar.types import CedarSchema
from intended_core.values import Record

__all__ = ["parse_ref", "read_request"]

_MEMBERS: Final = frozenset({"principal", "action", "resource", "context"})
_EMPTY: Final = Record()
_WRITTEN: Final = re.compile(r'([A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*)::("(?:[^"\\]|\\.)*")', re.DOTALL)


def parse_ref(text: str, place: str) -> CedarRef:
    """The entity in its written form, `User::"ann"`; raises IntentError."""
    found = _WRITTEN.fullmatch(text)
    if found is not None:
        try:
            return CedarRef(found[1], unescape(Token("STRING", found[2], start_pos=0)))
        except TextError:
            found = None
    raise IntentError('an entity is written Type::"id"', place=place)


def _ref(value: Any, place: str) -> CedarRef:
    return parse_ref(value, place) if isinstance(value, str) else read_ref(value, place)


def read_request(schema: CedarSchema, value: Any) -> ValidIntent:
    """The request `{"principal", "action", "resource", "context"}`, entities written `T::"id"` or `{"type", "id"}`; raises IntentError."""
    if not isinstance(value, Mapping) or not {"principal", "action", "resource"} <= value.keys() <= _MEMBERS:
        raise IntentError("a request has principal, action, resource and optionally context", place="request")
    principal, action, resource = (_ref(value[name], name) for name in ("principal", "action", "resource"))
    info = schema.actions.get(action)
    if info is None:
        raise IntentError(f"{action} is not a declared action", place="action")
    for ref, allowed, place in ((principal, info.principals, "principal"), (resource, info.resources, "resource")):
        if ref.type not in allowed:
            raise IntentError(f"{action} does not apply to a {ref.type}", place=place)
        ids = schema.entities[ref.type].ids
        if ids is not None and ref.id not in ids:
            raise IntentError(f"{ref} is not one of the entities of {ref.type}", place=place)
    context = read_value(schema, info.context, value.get("context", {}), "context")
    references: frozenset[EntityRef] = frozenset({principal, resource})
    return ValidIntent(
        principal=principal, action=str(action), resource=resource, args=_EMPTY,
        context=context if isinstance(context, Record) else _EMPTY, origins={}, references=references, wire=b"", arh=b"", ith=b"",
    )  # fmt: skip
