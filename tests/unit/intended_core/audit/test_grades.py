"""Grades and exit codes: 0 only at or above what was demanded."""

from __future__ import annotations

import pytest

from intended_core.audit.grades import EXIT_CODES, Finding, Grade, exit_code, worst


def test_the_table_is_complete_and_stable() -> None:
    assert {grade.value: code for grade, code in EXIT_CODES.items()} == {
        "CONSISTENT_UNANCHORED": 20,
        "CONSISTENT_UNPINNED": 21,
        "INCOMPLETE": 22,
        "TRUNCATED": 23,
        "FORKED": 24,
        "TAMPERED": 25,
        "MALFORMED": 26,
    }
    assert EXIT_CODES.keys() == set(Grade)


@pytest.mark.parametrize("minimum", list(Grade))
def test_zero_only_at_or_above_the_minimum(minimum: Grade) -> None:
    order = list(Grade)
    for grade in Grade:
        code = exit_code(grade, minimum=minimum)
        assert code == (0 if order.index(grade) >= order.index(minimum) else EXIT_CODES[grade])


def test_the_default_demands_pinned_keys() -> None:
    assert [grade for grade in Grade if exit_code(grade) == 0] == [Grade.CONSISTENT_UNANCHORED]


def test_the_worst_finding_counts() -> None:
    findings = tuple(
        Finding(code="x", grade=grade, text="") for grade in (Grade.INCOMPLETE, Grade.FORKED, Grade.TRUNCATED)
    )
    assert worst(findings, otherwise=Grade.CONSISTENT_UNANCHORED) is Grade.FORKED
    assert worst((), otherwise=Grade.CONSISTENT_UNPINNED) is Grade.CONSISTENT_UNPINNED
