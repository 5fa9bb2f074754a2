from __future__ import annotations

import pytest

from intended_core.lang.diff import PolicyDiff, compare
from intended_core.toolbox import checked_policies
from tests.reference.payday import POLICY


def diff(old: str, new: str, text: str = POLICY) -> PolicyDiff:
    assert old in text
    before, after = (checked_policies({"p.policy": one.encode()}) for one in (text, text.replace(old, new)))
    return compare(before, after)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("args.amount <= 100.00", "args.amount <= 200.00", ("pay.small", "widens")),
        ("args.amount <= 100.00", "args.amount < 100.00", ("pay.small", "narrows")),
        ("args.amount <= 100.00", "100.00 > args.amount", ("pay.small", "narrows")),
        ("risk >= 90", "risk >= 95", ("risk.stop", "widens")),
        ("risk >= 90", "risk >= 80", ("risk.stop", "narrows")),
        ("risk >= 90", "risk >= 90 and args.currency == \"EUR\"", ("risk.stop", "widens")),
        ("  unless principal.suspended;\n", "", ("pay.small", "widens")),
        (" and args.amount > 0.00", "", ("pay.small", "widens")),
        ("principal in Group::\"payers\";", "", ("pay.small", "widens")),
        ("principal in Group::\"payers\";", "principal in [Group::\"payers\", Group::\"bosses\"];", ("pay.small", "widens")),
        ("quorum: 1; expires", "quorum: 2; expires", ("pay.large", "narrows")),
        ("expires: 4h", "expires: 2h", ("pay.large", "narrows")),
        ("exclude: [resource.owner]; ", "", ("risk.ask", "widens")),
        ("exclude: [resource.owner]", "exclude: [resource.owner, principal]", ("risk.ask", "narrows")),
        ("args.amount <= ceiling and", "", ("pay.large", "both")),
        ("principal.limit >= args.amount", "principal.limit >= args.amount + 1.00", ("pay.large", "both")),
        ("Group::\"bosses\"; quorum: 1; expires: 4h", "Group::\"payers\"; quorum: 1; expires: 4h", ("pay.large", "both")),
        ("because \"small\"", "because \"little\"", ("pay.small", "none")),
        ("ceiling: Decimal = 1_000.00", "ceiling: Decimal = 2_000.00", ("ceiling", "both")),
        ("@root entity User", "entity User", ("User", "narrows")),
    ],
)  # fmt: skip
def test_a_change_has_its_direction(old: str, new: str, expected: tuple[str, str]) -> None:
    rules = POLICY.partition("test ")[0]
    found = diff(old, new, rules)
    assert {(one.name, one.direction) for one in found.changes} == {expected}
    assert found.may_widen == (expected[1] in ("widens", "both"))


def test_rules_come_and_go() -> None:
    gone = diff(POLICY[POLICY.index('@id("risk.stop")'):], "")
    assert [(one.name, one.direction, one.what) for one in gone.changes] == [("risk.stop", "widens", "forbid too_risky removed")]
    text = POLICY.partition("test ")[0]
    come = diff("param ceiling", '@id("new") permit new { action == pay; when context.risk < 1; }\nparam ceiling', text)
    assert [(one.name, one.direction) for one in come.changes] == [("new", "widens")]
    turned = diff("forbid too_risky", "permit too_risky", text)
    assert [(one.name, one.direction) for one in turned.changes] == [("risk.stop", "widens")]


def test_layout_and_comments_change_nothing() -> None:
    found = diff("  action == pay;", "  # who\n  action == pay;")
    assert (found.changes, found.same_meaning, found.may_widen) == ((), True, False)


def test_what_is_declared_anew_is_told() -> None:
    found = diff("entity Group;", "entity Group;\nentity Other;")
    assert [(one.kind, one.name, one.direction) for one in found.changes] == [("entity", "Other", "none")]


METERED = POLICY[: POLICY.index('test "paying"')] + """
meter spent { on: [pay]; key: [principal]; window: calendar_day("UTC"); amount: args.amount; }
obligation tell(n: Int) after;
@id("day") forbid day { meter spent > 500.00; oblige tell(n: 1); }
"""


def test_where_a_declaration_stands_changes_nothing() -> None:
    """Neither its line nor its file: else a set with a meter could never be told to narrow only."""
    before = checked_policies({"p.policy": METERED.encode()})
    for after in ({"p.policy": b"# more\n" + METERED.encode()}, {"other.policy": METERED.encode()}):
        found = compare(before, checked_policies(after))
        assert (found.changes, found.same_meaning, found.may_widen) == ((), True, False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("key: [principal]", "key: [principal, resource]"), ('calendar_day("UTC")', 'calendar_day("Europe/Paris")'),
        ("calendar_day", "calendar_month"), ("amount: args.amount", "amount: args.amount + 1.00"),
    ],
)  # fmt: skip
def test_what_a_meter_counts_may_widen(old: str, new: str) -> None:
    found = diff(old, new, METERED)
    assert [(one.kind, one.name, one.direction) for one in found.changes] == [("meter", "spent", "both")]


@pytest.mark.parametrize("sign", ["permit", "forbid"])
def test_a_rule_for_every_action_reaches_a_new_one(sign: str) -> None:
    base = POLICY + f'@id("every") {sign} every {{ principal in Group::"owners"; when resource.owner == principal; }}\n'
    found = diff("enum Currency", "action look { principal: User; resource: Account; }\nenum Currency", base)
    told = {(one.kind, one.name): one.direction for one in found.changes}
    assert told["rule", "every"] == ("widens" if sign == "permit" else "narrows")


GATE = '@id("g") escalate g { action == pay; when context.risk >= 50; approval { from: Group::"bosses"; quorum: 1; exclude: [principal]; expires: 1h; binds: [context.risk]; } }\n'


@pytest.mark.parametrize(
    ("old", "new", "direction"),
    [
        (GATE, '@id("g") forbid g { action == pay; when context.risk >= 50; }\n', "narrows"),
        (GATE, '@id("g") forbid g { action == pay; when context.risk >= 80; }\n', "both"),
        (GATE, '@id("g") forbid g { principal in Group::"payers"; action == pay; when context.risk >= 50; }\n', "both"),
        (GATE, '@id("g") permit g { action == pay; when context.risk >= 80 and principal.suspended; }\n', "widens"),
        ("binds: [context.risk]; ", "", "widens"),
    ],
    ids=["same", "fewer", "other-scope", "grants", "binds-less"],
)
def test_a_gate_that_becomes_something_else(old: str, new: str, direction: str) -> None:
    base = POLICY + GATE
    found = diff(old, new, base)
    assert [(one.name, one.direction) for one in found.changes] == [("g", direction)]
    turned = compare(*(checked_policies({"p.policy": one.encode()}) for one in (base.replace(old, new), base)))
    back = {"narrows": "widens", "widens": "narrows", "both": "both"}[direction]
    assert [(one.name, one.direction) for one in turned.changes] == [("g", back)]
