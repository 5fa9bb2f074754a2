from __future__ import annotations

from xml.etree.ElementTree import fromstring

from intended_adapters.cli.junit import junit
from intended_core import TestReport
from intended_core.flows.policytests import CaseResult


def result(name: str, passed: bool) -> CaseResult:
    return CaseResult(
        name=name, passed=passed, expected="allow", got="deny(default)", reasons=('<&"\x00',), place="p.policy:1:2"
    )


def test_a_report_is_one_suite_with_a_case_each() -> None:
    report = TestReport(cases=(result("paying / small", True), result("paying / \x1b large", False)))
    root = fromstring(junit(report, name="mine"))  # noqa: S314 - our own text
    (suite,) = root
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("mine", "2", "1")
    assert [(case.get("classname"), case.get("name")) for case in suite] == [
        ("paying", "small"),
        ("paying", "\\u{1b} large"),
    ]
    (failure,) = suite[1]
    assert failure.get("message") == "expected allow, got deny(default)"
    assert failure.text == 'p.policy:1:2\n<&"\\u{0}'
    assert len(suite[0]) == 0
