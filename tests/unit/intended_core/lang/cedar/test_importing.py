"""A whole set as native text: checked before it is shown, and refused with the Cedar policy's place."""

from __future__ import annotations

import pytest

from intended_core.errors import PolicyError
from intended_core.lang.cedar.importing import ImportedSet, import_set
from tests.unit.intended_core.lang.cedar.cedar_support import SCHEMA, load


def imported(text: str, schema: bytes = SCHEMA) -> ImportedSet:
    loaded = load(text, schema).loaded
    assert loaded is not None
    return import_set(loaded)


def test_what_depends_on_the_kind_of_request_becomes_several_rules() -> None:
    made = imported('@id("m") permit(principal, action == Action::"multi", resource) when { resource has owner && resource.owner == principal };')
    assert made.rules == {"m": "policy0"}
    assert "principal is User;\n  action == multi;\n  resource is Photo;\n  when resource.owner == principal;" in made.text
    made = imported('@id("m") permit(principal, action == Action::"multi", resource) when { if principal is User then principal.age > 1 else principal in Org::"o" };')
    assert made.rules == {"m": "policy0", "m.2": "policy0"}


def test_scopes() -> None:
    made = imported(
        'permit(principal is User in Group::"g", action in Action::"all", resource == Photo::"p");\n'
        'forbid(principal == User::"u", action == Action::"view", resource) unless { principal.age > 1 };'
    )
    assert 'principal in Group::"g";\n  action in [edit, view];\n  resource == Photo::"p";' in made.text
    assert 'principal == User::"u";\n  action == view;\n  unless principal.age > 1;' in made.text


def test_ids_are_kept_where_they_are_ids() -> None:
    text = "".join(f"{name} permit(principal, action == Action::\"view\", resource);\n" for name in ('@id("a")', '@id("b c")', '@id("d")', '@id("d")'))
    assert list(imported(text).rules) == ["a", "policy1", "policy2", "policy3"]


def test_a_second_rule_does_not_take_the_id_of_another_policy() -> None:
    two = 'permit(principal, action == Action::"multi", resource) when { if principal is User then principal.age > 1 else principal in Org::"o" };'
    made = imported(f'@id("m") {two}\n@id("m.2") permit(principal, action == Action::"view", resource);')
    assert made.rules == {"m": "policy0", "m.2_": "policy0", "m.2": "policy1"}


def test_policies_that_never_apply_write_nothing() -> None:
    assert imported('permit(principal, action == Action::"view", resource) when { false };').rules == {}


def test_one_unsaid_policy_refuses_the_set_at_its_place() -> None:
    with pytest.raises(PolicyError) as caught:
        imported('permit(principal, action == Action::"view", resource);\npermit(principal, action == Action::"view", resource) when { principal.hasTag("a") };')
    assert "p.cedar:2:" in str(caught.value)
    assert "a tag" in str(caught.value)


def test_what_the_native_checker_refuses_is_told_at_the_cedar_policy() -> None:
    with pytest.raises(PolicyError) as caught:
        imported('permit(principal, action == Action::"view", resource);\nforbid(principal, action == Action::"view", resource) when { principal.rec == principal.rec };')
    assert "p.cedar:2:" in str(caught.value)
    assert "`policy1` cannot be said" in str(caught.value)


def test_a_schema_that_cannot_be_said() -> None:
    with pytest.raises(PolicyError):
        imported("permit(principal, action, resource);", b'entity U = { "a b": Long }; action x appliesTo {principal: U, resource: U};')
