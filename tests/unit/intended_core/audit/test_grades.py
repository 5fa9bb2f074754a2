"""Grades and exit codes: 0 only at or above what was demanded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from intended_core.audit.grades import EXIT_CODES, Finding, Grade, exit_code, worst


def test_the_table_is_complete_and_stable() -> None:
    assert {grade.value: code for grade, code in EXIT_CODES.items()} == {
        "WITNESSED": 18,
        "ANCHORED": 19,
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
    passing = [grade for grade in Grade if exit_code(grade) == 0]
    assert passing == [Grade.CONSISTENT_UNANCHORED, Grade.ANCHORED, Grade.WITNESSED]


def test_the_worst_finding_counts() -> None:
    findings = tuple(
        Finding(code="x", grade=grade, text="") for grade in (Grade.INCOMPLETE, Grade.FORKED, Grade.TRUNCATED)
    )
    assert worst(findings, otherwise=Grade.CONSISTENT_UNANCHORED) is Grade.FORKED
    assert worst((), otherwise=Grade.CONSISTENT_UNPINNED) is Grade.CONSISTENT_UNPINNED


ROOT = Path(__file__).resolve().parents[4]
PAGE = ROOT / "docs" / "how-to" / "evidence.md"


def test_every_verdict_and_its_code_is_documented() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", text, re.MULTILINE))
    assert listed == {grade.value: str(code) for grade, code in EXIT_CODES.items()}


def test_every_finding_is_documented() -> None:
    calls = re.compile(r'(?:_find|_found|_Bad|_tampered|_incomplete|Finding)\(\s*(?:code=)?"([a-z_.]+)"(?: if [^,]+ else "([a-z_.]+)")?')
    made = {
        code
        for path in (ROOT / "src" / "intended_core" / "audit").glob("*.py")
        for pair in calls.findall(path.read_text(encoding="utf-8"))
        for code in pair
        if code
    }
    assert len(made) > 45
    table = PAGE.read_text(encoding="utf-8").partition("## Findings")[2]
    listed = set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)?)`", table))
    reruns = {code for code in listed if code.startswith("rerun.")} - {"rerun.differs"}
    assert made == listed - reruns
