"""Groups of actions: a rule for a group is a rule for each action in it."""

from __future__ import annotations

import pytest

from intended_core.lang.checker import check_all
from intended_core.lang.source import Source

BASE = "@root entity User { ok: Bool } entity Thing; "
PARTS = "{ principal: User; resource: Thing; }"
GROUPS = f"action all; action money in all; action pay, refund in money {PARTS} action look in all {PARTS} action other {PARTS} "


def codes(text: str) -> list[str]:
    return [item.code for item in check_all([Source.from_text("t.policy", BASE + text)])[1] if item.severity == "error"]


@pytest.mark.parametrize(("group", "actions"), [("money", ["pay", "refund"]), ("all", ["look", "pay", "refund"])])
def test_a_rule_for_a_group(group: str, actions: list[str]) -> None:
    text = BASE + GROUPS + f'@id("r") forbid r {{ action in {group}; when principal.ok; }}'
    found, _ = check_all([Source.from_text("t.policy", text)])
    assert found is not None
    assert list(found.rules[0].bodies) == actions
    assert set(found.schema.actions) == {"look", "other", "pay", "refund"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"action pay in nope {PARTS}", "name.unknown"),
        (f"action look {PARTS} action pay in look {PARTS}", "type.mismatch"),
        ("action a in b; action b in a;", "name.cycle"),
        ("action a in a;", "name.cycle"),
        ("action alone;", "field.missing"),
        (GROUPS + '@id("r") permit r { action in pay; }', "name.unknown"),
        (GROUPS + '@id("r") permit r { action == money; }', "name.unknown"),
        (f"@disclose action pay {PARTS}", "annotation.unknown"),
        (f'@discloses("much") action pay {PARTS}', "annotation.value"),
        (f"@discloses action money; action pay in money {PARTS}", "annotation.unknown"),
    ],
)
def test_refused(text: str, code: str) -> None:
    assert code in codes(text)
