"""Collecting diagnostics."""

from __future__ import annotations

from intended_core.lang.report import Report, refuse
from intended_core.lang.typed import Span


def test_one_per_cause_and_place_in_order_of_place() -> None:
    report = Report()
    late, early = Span("a", 9, 1, 9, 1), Span("a", 2, 1, 2, 1)
    report.error("polarity", "late", late)
    report.error("polarity", "again", late)
    report.error("polarity", "early", early)
    report.warn("lint.unused", "w", early)
    assert [item.message for item in report.errors] == ["early", "late"]
    assert [item.message for item in report.warnings] == ["w"]


def test_at_most_fifty() -> None:
    report = Report()
    for line in range(1, 200):
        report.error("polarity", "m", Span("a", line, 1, line, 1))
    assert len(report.errors) == 50


def test_refused_carries_its_diagnostic() -> None:
    error = refuse("polarity", "m", Span("a", 1, 1, 1, 1), help="h")
    assert (error.diagnostic.code, error.diagnostic.help, str(error)) == ("polarity", "h", "m")
