"""Diagnostics for programs: SARIF 2.1.0 for code scanners, workflow commands for GitHub. The same facts as the text, nothing added.

SARIF: OASIS Standard 2.1.0, sections 3.14 (run), 3.27 (result), 3.30 (region): 1-based, columns in code points, `endColumn` after the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from intended_core.lang.diagnostics import CODES, Diagnostic

__all__ = ["github", "sarif"]

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_PAGE: Final = "docs/reference/diagnostics.md"


def sarif(diagnostics: Iterable[Diagnostic], *, version: str) -> dict[str, object]:
    """One SARIF log with one run. `version`: of the tool. Every code that occurs is a rule of the tool, in the order of CODES."""
    found = tuple(diagnostics)
    used = {item.code for item in found}
    codes = [code for code in CODES if code in used] + sorted(used - CODES.keys())
    rules: list[dict[str, object]] = [
        {
            "id": code,
            "shortDescription": {"text": CODES.get(code, code)},
            "help": {"text": f"see {_PAGE}, section {code}"},
        }
        for code in codes
    ]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "intended", "version": version, "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(item, codes.index(item.code)) for item in found],
            }
        ],
    }


def _result(item: Diagnostic, rule: int) -> dict[str, object]:
    span = item.span
    return {
        "ruleId": item.code,
        "ruleIndex": rule,
        "level": item.severity,
        "message": {"text": _whole(item)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": span.file},
                    "region": {
                        "startLine": span.line,
                        "startColumn": span.column,
                        "endLine": span.end_line,
                        "endColumn": span.end_column + 1,
                    },
                }
            }
        ],
    }


def github(diagnostics: Iterable[Diagnostic]) -> str:
    """One workflow command a line: `::error file=…,line=…::…`; empty when there is nothing to say."""
    return "".join(f"{_command(item)}\n" for item in diagnostics)


def _command(item: Diagnostic) -> str:
    span = item.span
    fields = {"file": span.file, "line": span.line, "col": span.column, "endLine": span.end_line}
    if span.end_line == span.line:  # GitHub ignores the place when columns stand beside several lines
        fields["endColumn"] = span.end_column
    fields["title"] = item.code
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in fields.items())
    return f"::{item.severity} {listed}::{_data(_whole(item))}"


def _whole(item: Diagnostic) -> str:
    parts = [
        item.message,
        *([f"cause: {item.cause}"] if item.cause else []),
        *([f"help: {item.help}"] if item.help else []),
    ]
    return "\n".join([*parts, *(f"note: {note}" for note in item.notes)])


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
