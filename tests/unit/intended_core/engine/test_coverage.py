from __future__ import annotations

from intended_core.engine.coverage import CoverageWatch
from intended_core.flows.policytests import run_tests
from intended_core.toolbox import checked_policies
from tests.reference.payday import FILES

CHECKED = checked_policies(FILES)


def test_each_clause_is_counted_by_its_answer() -> None:
    watch = CoverageWatch(CHECKED)
    run_tests(CHECKED, watch=watch)
    seen = {(one.rule, one.kind): (one.true, one.false, one.error) for one in watch.report().clauses}
    assert seen["pay.small", "when"] == (2, 1, 0)
    assert seen["pay.small", "unless"] == (2, 0, 0)
    assert seen["risk.stop", "when"] == (1, 2, 0)
    assert [(one.rule, one.missing) for one in watch.report().clauses if one.missing] == [
        ("pay.large", ("false",)),
        ("pay.small", ("false",)),
    ]
    assert watch.report().percent == 80.0


def test_nothing_run_is_nothing_seen() -> None:
    report = CoverageWatch(CHECKED).report()
    assert (report.percent, len(report.clauses)) == (0.0, 5)


def test_an_error_is_counted_apart() -> None:
    text = FILES["pay.policy"].decode().replace("risk >= 90", "risk * 9_000_000_000_000_000_000 >= 90")
    checked = checked_policies({"pay.policy": text.encode()})
    watch = CoverageWatch(checked)
    run_tests(checked, only="too RISKY", watch=watch)
    (found,) = [one for one in watch.report().clauses if one.rule == "risk.stop"]
    assert (found.true, found.false, found.error) == (0, 0, 1)
