"""Obligations are declared, and every rule gives exactly their parameters."""

from __future__ import annotations

import pytest

from tests.unit.intended_core.lang.support import refused, run

DECLARED = "obligation page(team: String, sum: Decimal) before;\nobligation tell(who: User) after;\nobligation log() after;\n"


def rule(clauses: str, effect: str = "permit") -> str:
    return DECLARED + f'@id("r") {effect} r {{ action == transfer; when args.urgent; {clauses} }}'


def test_values_have_the_declared_types_in_the_declared_order() -> None:
    checked, _ = run(rule('let n = args.amount * 2; oblige page(sum: n, team: "ops"); oblige tell(who: resource.owner); oblige log;'))
    assert checked is not None
    page, tell, log = checked.rules[0].bodies["transfer"].obliges
    assert ([name for name, _ in page.values], page.phase, tell.phase, log.values) == (["team", "sum"], "before", "after", ())
    assert [item.name for item in checked.obligations.values()] == ["log", "page", "tell"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (rule("oblige nothing;"), "name.unknown"),
        (rule('oblige page(team: "a");'), "obligation.values"),
        (rule('oblige page(team: "a", sum: 1, more: 2);'), "obligation.values"),
        (rule('oblige page(team: "a", team: "b", sum: 1);'), "field.repeated"),
        (rule('oblige page(team: 3, sum: 1);'), "type.mismatch"),
        (rule('oblige page(team: "a", sum: if args has reason then 1 else 2);'), "polarity"),
        (rule('oblige page(...args);'), "obligation.values"),
        (rule('oblige page(team: "a", sum: 1);', "forbid"), "clause.misplaced"),
        (DECLARED + DECLARED, "name.duplicate"),
        ("obligation o(a: Int, a: Int) after;", "name.duplicate"),
        ("obligation o(now: Int) after;", "name.invalid"),
        ("obligation o(a: Nothing) after;", "name.unknown"),
        ("obligation o(" + ", ".join(f"a{n}: Int" for n in range(17)) + ") after;", "limit.nesting"),
        ("@max(1) obligation o() after;", "annotation.unknown"),
    ],
)  # fmt: skip
def test_refused(text: str, code: str) -> None:
    assert code in refused(text)


def test_a_forbid_may_want_something_done_afterwards() -> None:
    assert refused(rule("oblige log;", "forbid")) == []


def test_the_meaning_is_in_the_digest() -> None:
    digests = {run(rule(text))[0].semantic_digest for text in ("", "oblige log;", "oblige tell(who: resource.owner);")}  # type: ignore[union-attr]
    assert len(digests) == 3
