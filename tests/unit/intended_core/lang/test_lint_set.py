from __future__ import annotations

import pytest

from intended_core.lang.lint_set import lint_set
from intended_core.toolbox import checked_policies
from tests.reference.payday import POLICY

BASE = POLICY[: POLICY.index('@id("pay.small")')].replace("table blocked: Set<String>;", "").replace("param ceiling: Decimal = 1_000.00;", "")
BASE = BASE.replace("note?: String", "note?: String, url: String, site: String").replace('enum Currency { "EUR", "USD" }', 'enum Currency { "EUR", "USD" }')
ONE = '@id("one") permit one { principal in Group::"payers"; action == pay; when args.amount <= 10.00; }\n'


def codes(text: str) -> list[str]:
    return [item.code for item in lint_set(checked_policies({"p.policy": (BASE + text).encode()}))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ONE, []),
        (ONE + '@id("two") permit two { principal in Group::"payers"; action == pay; when args.amount <= 10.00; }', ["lint.duplicate-rule"]),
        (ONE + '@id("two") permit two { principal in Group::"payers"; action == pay; when args.amount <= 10.00 and context.risk < 3; }',
         ["lint.shadowed-rule"]),
        (ONE + '@id("two") permit two { principal in Group::"payers"; action == pay; when args.amount <= 9.99; }', ["lint.shadowed-rule"]),
        (ONE + '@id("two") permit two { principal in Group::"payers"; action == pay; when args.amount == 10.00; }', ["lint.shadowed-rule"]),
        (ONE + '@id("two") permit two { principal in Group::"payers"; action == pay; when args.amount > 10.00; }', []),
        (ONE + '@id("two") permit two { principal in Group::"payers"; action == pay; when context.risk <= 5; }', []),
        (ONE + '@id("two") permit two { action == pay; when args.amount < 5.00 and principal.limit > 1.00; }', []),
        (ONE + '@id("two") permit two { principal in Group::"payers"; action == pay; when args.amount < 5.00 and args.amount > 6.00; }',
         ["lint.dead-rule"]),
        (ONE + '@id("two") permit two { principal in Group::"payers"; action == pay; when true; }', ["lint.shadowed-rule"]),
        (ONE + '@id("two") permit two { action == pay; when true; }', ["lint.shadowed-rule", "lint.bare-permit"]),
        (ONE + '@id("two") permit two { principal in Group::"payers"; action == pay; when args.amount <= 10.00; approval { from: Group::"g"; quorum: 1; exclude: [principal]; expires: 1h; } }', []),
        (ONE + '@id("two") forbid two { action == pay; when false; }', ["lint.dead-rule"]),
        (ONE + '@id("two") forbid two { action == pay; when 1 == 2; }', ["lint.dead-rule"]),
        (ONE + '@id("two") forbid two { action == pay; when context.risk > 5; when context.risk < 6; }', ["lint.dead-rule"]),
        (ONE + '@id("two") forbid two { action == pay; when context.risk > 5; when context.risk < 7; }', []),
        (ONE + '@id("two") forbid two { action == pay; when principal.suspended; unless principal.suspended; }', ["lint.dead-rule"]),
        (ONE + '@id("two") forbid two { action == pay; when not (principal.suspended or context.risk < 3) and context.risk < 3; }', ["lint.dead-rule"]),
        (ONE + '@id("two") escalate two { action == pay; when context.risk > 5; approval { from: Group::"g"; quorum: 1; expires: 1h; } }',
         ["lint.approval-without-exclusion"]),
        (ONE + '@id("two") forbid two { action == pay; when args.url == "x"; }', ["lint.network-as-text"]),
        (ONE + '@id("two") forbid two { action == pay; when args.site like "https://evil.example/*"; }', ["lint.network-as-text"]),
        (ONE + '@id("two") forbid two { action == pay; when args.site in ["a.example", "b.example"]; }', ["lint.network-as-text"]),
        (ONE + '@id("two") forbid two { action == pay; when args.site == "plain"; }', []),
        (ONE + 'enum Size { "s" }', ["lint.unused"]),
        (ONE + 'meter spent { on: [pay]; key: [principal]; window: calendar_day("UTC"); amount: args.amount; }', ["lint.unused"]),
    ],
)  # fmt: skip
def test_findings(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_a_finding_names_the_other_rule() -> None:
    text = BASE + ONE + ONE.replace("one", "two")
    (found,) = lint_set(checked_policies({"p.policy": text.encode()}))
    assert "`two` says of `pay` what `one` says" in found.message
    assert found.help.startswith("`one` stands at p.policy:")
