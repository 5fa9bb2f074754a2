"""Cedar mode from the public door: decide, with both meanings, and deny where Cedar would skip an error."""

from __future__ import annotations

import pytest

import intended_core
from intended_core import (
    Allow,
    CedarReport,
    Deny,
    IntentError,
    cedar_entities,
    cedar_links_from_json,
    decide_cedar,
    decide_offline,
    entities_from_json,
    import_cedar,
    imported_intent,
    load_cedar,
)

SCHEMA = b"entity User = { limit: Long }; entity Photo; action view appliesTo { principal: User, resource: Photo };"
REQUEST = {"principal": 'User::"ann"', "action": 'Action::"view"', "resource": 'Photo::"p"'}
ANN = b'[{"uid": {"type": "User", "id": "ann"}, "attrs": {"limit": 9223372036854775807}, "parents": []}]'


def load(text: bytes) -> CedarReport:
    return load_cedar({"p.cedar": text}, ("s.cedarschema", SCHEMA))


def said(text: bytes, entities: bytes = ANN) -> tuple[str, tuple[str, ...]]:
    loaded = load(text).loaded
    assert loaded is not None
    outcome = decide_cedar(loaded, cedar_entities(loaded, entities), REQUEST)
    return (f"deny {outcome.kind}" if isinstance(outcome, Deny) else "allow"), outcome.rules


def test_decisions() -> None:
    assert said(b"permit(principal, action, resource);") == ("allow", ("policy0",))
    assert said(b"permit(principal, action, resource); forbid(principal, action, resource) when { principal.limit > 1 };") == ("deny forbid", ("policy1",))
    assert said(b"permit(principal, action, resource) when { principal.limit < 1 };") == ("deny default", ())


def test_an_error_denies_where_cedar_skips_the_policy() -> None:
    text = b"permit(principal, action, resource); forbid(principal, action, resource) when { principal.limit + 1 > 1 };"
    assert said(text) == ("deny error", ("policy1",))
    assert said(b"permit(principal, action, resource); permit(principal, action, resource) when { principal.limit > 1 };", b"[]") == ("deny error", ("policy1",))


def test_what_does_not_fit_the_schema_is_told() -> None:
    loaded = load(b"permit(principal, action, resource);").loaded
    assert loaded is not None
    with pytest.raises(IntentError):
        decide_cedar(loaded, cedar_entities(loaded, b"[]"), {**REQUEST, "context": {"x": 1}})
    with pytest.raises(IntentError):
        cedar_entities(loaded, b'[{"uid": {"type": "Group", "id": "g"}}]')


def test_links_as_cedar_keeps_them() -> None:
    (link,) = cedar_links_from_json(b'[{"template_id": "t", "link_id": "l", "args": {"?principal": "User::\\"ann\\""}}]')
    assert (link.template, link.new_id, [str(ref) for ref in link.values.values()]) == ("t", "l", ['User::"ann"'])
    for bad in (b"{}", b"[1]", b'[{"template_id": "t"}]', b'[{"template_id": "t", "link_id": "l", "args": {"?principal": "ann"}}]'):
        with pytest.raises(IntentError):
            cedar_links_from_json(bad)


def test_the_door_has_them() -> None:
    assert {"CedarLink", "CedarReport", "CedarSet", "cedar_entities", "decide_cedar", "load_cedar"} <= set(intended_core.__all__)


def test_an_import_decides_the_same() -> None:
    loaded = load(b'@id("small") permit(principal, action, resource) when { principal.limit < 10 };').loaded
    assert loaded is not None
    entities = cedar_entities(loaded, ANN.replace(b"9223372036854775807", b"5").replace(b"]}]", b']}, {"uid": {"type": "Photo", "id": "p"}}]'))
    made = import_cedar(loaded, entities)
    assert made.entities is not None
    assert (made.rules, made.types, made.actions) == ({"small": "policy0"}, {"Photo": "Photo", "User": "User"}, {'Action::"view"': "view"})
    intent = imported_intent(loaded, made, REQUEST)
    outcome = decide_offline({"cedar.policy": made.policy.encode()}, intent, entities_from_json(made.entities), now_us=0)
    assert isinstance(decide_cedar(loaded, entities, REQUEST), Allow)
    assert isinstance(outcome, Allow)
    assert import_cedar(loaded).entities is None
