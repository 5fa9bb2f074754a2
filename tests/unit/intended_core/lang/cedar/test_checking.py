"""Policies against the schema: what they can speak of, and what their rules are."""

from __future__ import annotations

import pytest

from intended_core.lang.cedar.checking import linked
from intended_core.lang.cedar.refs import CedarRef
from tests.unit.intended_core.lang.cedar.cedar_support import codes, load, policy


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('permit(principal == Org::"a", action, resource);', "rule.never-applies"), ('permit(principal == Nope::"a", action, resource);', "name.unknown"),
        ('permit(principal, action == Action::"all", resource);', "rule.never-applies"), ('permit(principal, action in [], resource);', "type.literal"),
        ('permit(principal is Group in User::"x", action, resource);', "rule.never-applies"), ('permit(principal == Color::"green", action, resource);', "name.unknown"),
        ('permit(principal is Org in ?principal, action, resource);', "rule.never-applies"), ('permit(principal, action == Action::"view", resource is Doc);', "rule.never-applies"),
        ('permit(principal in Action::"view", action, resource);', "rule.never-applies"), ('permit(principal, action == Action::"nope", resource);', "name.unknown"),
    ],
)  # fmt: skip
def test_refused(text: str, code: str) -> None:
    assert code in codes(text)


def test_actions_of_one_list_are_of_one_type() -> None:
    schema = b"namespace A { entity U; action x appliesTo {principal: U, resource: U}; } namespace B { entity U; action y appliesTo {principal: U, resource: U}; }"
    assert codes('permit(principal, action in [A::Action::"x", B::Action::"y"], resource);', schema) == ["type.mismatch"]


def test_one_rule_per_kind_of_request() -> None:
    loaded = load('@id("m") permit(principal, action == Action::"multi", resource) when { resource has n };').loaded
    assert loaded is not None
    assert {(rule.principal.types, rule.resource.types) for rule in loaded.checked.rules} == {
        (("Group",), ("Doc",)), (("Group",), ("Photo",)), (("User",), ("Doc",)), (("User",), ("Photo",)),
    }  # fmt: skip
    assert {(rule.id, rule.name) for rule in loaded.checked.rules} == {("policy0", "m")}


def test_a_condition_that_is_never_true_is_a_warning() -> None:
    report = load("permit(principal, action, resource) when { false };")
    assert report.loaded is not None
    assert [(found.code, found.severity) for found in report.diagnostics] == [("rule.never-applies", "warning")]


def test_what_one_clause_asks_the_next_may_read() -> None:
    text = 'permit(principal, action == Action::"view", resource) when {{ {} }} when {{ principal.opt == 1 }};'
    assert codes(text.format("principal has opt")) == []
    assert codes('permit(principal, action == Action::"view", resource) unless { principal has opt } when { principal.opt == 1 };') == ["type.optional"]


def test_linking_fills_exactly_the_slots() -> None:
    template = policy("permit(principal == ?principal, action, resource in ?resource);")
    ann, photo = CedarRef("User", "ann"), CedarRef("Photo", "p")
    made = linked(template, "l", [("?principal", ann), ("?resource", photo)])
    assert made is not None
    assert (made.id, made.principal.equal, made.resource.within, made.slots) == ("l", ann, photo, ())
    assert linked(template, "l", [("?principal", ann)]) is None
    assert linked(policy("permit(principal, action, resource);"), "l", []) is None
