"""Every entity that a set names is known: in scopes, conditions, approvals, meters, obligations and defaults of params."""

from __future__ import annotations

from intended_core.ids import EntityRef
from intended_core.lang.mentions import constants_of
from tests.unit.intended_core.lang.support import rule_text, run


def named(text: str) -> frozenset[EntityRef]:
    checked, diagnostics = run(text)
    assert checked is not None, diagnostics
    return constants_of(checked.rules, checked.meters.values())


def test_what_scopes_and_conditions_name() -> None:
    assert EntityRef("User", "ann") in named(rule_text('principal == User::"ann";', action="action == transfer;"))
    assert EntityRef("Group", "staff") in named(rule_text('when principal in Group::"staff";'))
    assert {EntityRef("Group", "a"), EntityRef("Group", "b")} <= named(rule_text('when principal in [Group::"a", Group::"b"];'))


def test_what_an_approval_names() -> None:
    found = named(rule_text("when args.urgent;", effect="escalate"))
    assert found
    assert all(ref.type == "Group" for ref in found)


def test_a_set_that_names_nobody() -> None:
    assert named(rule_text("when args.urgent;")) == frozenset()
