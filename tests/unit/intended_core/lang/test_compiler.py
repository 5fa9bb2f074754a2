"""The index: a rule stands where it can match and nowhere else; a set carries its tenant and digest."""

from __future__ import annotations

import dataclasses

import pytest

from intended_core.ids import EntityRef, Scope
from intended_core.lang.compiler import compile_set
from tests.unit.intended_core.lang.support import rule_text, run

SCOPE = Scope(tenant="acme", uuid="0" * 31 + "1", environment="test")


def compiled(text: str, scope: Scope | None = None):  # type: ignore[no-untyped-def]
    checked, diagnostics = run(text)
    assert checked is not None, diagnostics
    return checked, compile_set(checked, scope=scope)


def test_a_rule_stands_under_the_types_it_can_match() -> None:
    _, made = compiled(rule_text("principal is Agent; when context.risk > 1;", action="action == transfer;"))
    assert {key for key in made.index if key[0] == "transfer"} == {("transfer", "Agent", "Account")}
    _, both = compiled(rule_text("when context.risk > 1;"))
    assert set(both.index) == {("transfer", "User", "Account"), ("transfer", "Agent", "Account")}


def test_a_constant_entity_has_its_own_shelf() -> None:
    _, made = compiled(rule_text('principal == User::"ann";', action="action == transfer;"))
    bucket = made.index["transfer", "User", "Account"]
    assert (bucket.general, list(bucket.by_principal)) == ((), [EntityRef("User", "ann")])
    assert ("transfer", "Agent", "Account") not in made.index
    assert EntityRef("User", "ann") in made.constants


def test_constants_inside_conditions_are_known() -> None:
    _, made = compiled(rule_text('when principal in Group::"staff";'))
    assert EntityRef("Group", "staff") in made.constants


def test_a_set_carries_tenant_digest_and_roots_and_cannot_change() -> None:
    checked, made = compiled(rule_text("when args.urgent;"), SCOPE)
    assert (made.tenant, made.digest, made.roots) == (SCOPE.key, checked.text_digest, {"User", "Agent"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.tenant = "globex"


def test_an_approval_is_found_by_its_key() -> None:
    _, made = compiled(rule_text("when args.urgent;", effect="escalate"))
    ((action, key),) = made.approvals
    assert (action, key) == ("transfer", "r#1")
