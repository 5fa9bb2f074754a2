"""Warnings."""

from __future__ import annotations

import pytest

from intended_core.lang.lint import reads_now
from tests.unit.intended_core.lang.support import rule, rule_text, warned


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (rule_text(""), ["lint.bare-permit"]),
        (rule_text("when true;"), ["lint.bare-permit"]),
        (rule_text("unless false; when 1 < 2;"), ["lint.bare-permit"]),
        (rule_text('principal in Group::"g";'), []),
        (rule_text("when args.amount < 5;"), ["lint.caller-word"]),
        (rule_text('when (context?.said ?? "") == "please";'), ["lint.caller-word"]),
        (rule_text("when args.amount < 5 and context.risk < 3;"), []),
        (rule_text('when "content" not in origin(args.payee);'), []),
        (rule_text("when args.payee.verified;"), []),
        (rule_text('when args.amount < 5; approval { from: Group::"g"; quorum: 1; expires: 1h; }'), []),
        (rule_text("when context.risk > 5;", "escalate"), ["lint.gate-without-permit"]),
        (rule_text("when args.urgent;", "forbid", ""), ["lint.narrowing-skips-action"]),
        (rule_text("when args.urgent;", "permit", ""), ["lint.caller-word"]),
        (rule_text("let a = 3; when context.risk < 4;"), ["lint.unused"]),
        ("table names: Set<Email>; " + rule_text("when all one in args.to { one in names };"), []),
    ],
)
def test_warnings(text: str, found: list[str]) -> None:
    assert warned(text) == found


def test_rows_that_may_be_too_old_read_the_time() -> None:
    assert reads_now(rule("when context.risk in marks;", before="@max_age(1h) table marks: Set<Int>; "))
    assert not reads_now(rule("when context.risk in marks;", before="table marks: Set<Int>; "))


def test_reads_now() -> None:
    assert reads_now(rule("when now > context.at;"))
    assert reads_now(rule('approval { from: Group::"g"; quorum: 1; expires: now - context.at; }', "escalate"))
    assert not reads_now(rule("when context.risk > 3;"))
