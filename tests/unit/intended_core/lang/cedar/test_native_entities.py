"""Entities and requests for an imported set: everything known, nothing beyond what the native language holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang.cedar.entities import read_entities
from intended_core.lang.cedar.importing import import_set
from intended_core.lang.cedar.native_entities import native_entities, native_intent
from intended_core.lang.cedar.requests import read_request
from tests.unit.intended_core.lang.cedar.cedar_support import load

SCHEMA = b"""namespace N {
  entity U in [G] = { n: Long, d: decimal, at: datetime, ip: ipaddr, s: Set<String>, boss?: U }; entity G; entity C enum ["red"]; entity D = { x: Long };
  action view appliesTo { principal: U, resource: G, context: { by: U, du: duration } };
}"""
HELD: dict[str, Any] = {"n": 1, "d": "-1.5", "at": "2024-01-01", "ip": "::1", "s": ["b", "a"]}
ITEM: dict[str, Any] = {"uid": {"type": "N::U", "id": "u"}, "attrs": HELD, "parents": [{"type": "N::G", "id": "g"}]}


def made(items: list[Any], text: str = "permit(principal, action, resource);") -> Any:
    loaded = load(text, SCHEMA).loaded
    assert loaded is not None
    return native_entities(loaded.schema, read_entities(loaded.schema, json.dumps(items).encode()), import_set(loaded))


def test_values_and_what_was_left_untold() -> None:
    assert made([ITEM], 'permit(principal, action, resource in N::G::"named");') == [
        {"type": "C", "id": "red", "parents": [], "attributes": {}},
        {"type": "G", "id": "g", "parents": [], "attributes": {}},
        {"type": "G", "id": "named", "parents": [], "attributes": {}},
        {
            "type": "U", "id": "u", "parents": [{"type": "G", "id": "g"}],
            "attributes": {"n": 1, "d": "-1.5000", "at": "2024-01-01T00:00:00Z", "ip": "::1", "s": ["a", "b"]},
        },
    ]  # fmt: skip


@pytest.mark.parametrize("change", [{"n": 2**53}, {"at": "0000-01-01"}, {"ip": "10.0.0.1/8"}, {"s": ["x" * 5000]}])
def test_what_cannot_be_held(change: dict[str, Any]) -> None:
    with pytest.raises(IntentError):
        made([{**ITEM, "attrs": {**HELD, **change}}])


def test_an_empty_id_cannot_be_known() -> None:
    with pytest.raises(IntentError):
        made([{**ITEM, "uid": {"type": "N::U", "id": ""}}])


def test_a_named_entity_with_attributes_must_be_told() -> None:
    with pytest.raises(IntentError, match="not told"):
        made([], 'permit(principal == N::U::"u", action, resource);')


def test_a_request() -> None:
    loaded = load("permit(principal, action, resource);", SCHEMA).loaded
    assert loaded is not None
    request = read_request(
        loaded.schema,
        {"principal": 'N::U::"u"', "action": 'N::Action::"view"', "resource": 'N::G::"g"', "context": {"by": {"type": "N::U", "id": "v"}, "du": "1s"}},
    )
    names = import_set(loaded).names
    intent = native_intent(loaded.schema, request, types=names.types, actions={str(ref): name for ref, name in names.actions.items()})
    assert (intent.principal, intent.action, intent.resource) == (EntityRef("U", "u"), "view", EntityRef("G", "g"))
    assert intent.context == {"by": EntityRef("U", "v"), "du": 1000}
