"""Test results as JUnit XML, the form that build servers read."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from intended_core import TestReport

__all__ = ["junit"]


def junit(report: TestReport, *, name: str) -> str:
    """The report as JUnit XML: one suite, one case per test; a failure says what was expected and what came."""
    suite = Element(
        "testsuite", name=name, tests=str(len(report.cases)), failures=str(len(report.failed)), errors="0", skipped="0"
    )
    for case in report.cases:
        group, _, label = case.name.partition(" / ")
        node = SubElement(suite, "testcase", classname=_clean(group), name=_clean(label or group))
        if not case.passed:
            failure = SubElement(node, "failure", message=_clean(f"expected {case.expected}, got {case.got}"))
            failure.text = _clean("\n".join([case.place, *case.reasons]).strip())
    root = Element("testsuites")
    root.append(suite)
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    """Without the characters that XML cannot carry."""
    return "".join(char if char in "\t\n" or char.isprintable() else f"\\u{{{ord(char):x}}}" for char in text)
