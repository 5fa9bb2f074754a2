"""Drawing a diagnostic, as text and as data."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import intended_core.lang
from intended_core.lang.diagnostics import CODES, Diagnostic, render, suggest
from intended_core.lang.source import Source
from intended_core.lang.typed import Span


def test_render_draws_line_and_caret() -> None:
    source = Source.from_text("a.policy", "one\n\ttwo three\n")
    item = Diagnostic(
        code="name.unknown",
        message="no such name",
        span=Span("a.policy", 2, 6, 2, 10),
        label="here",
        help="try",
        notes=("n",),
    )
    assert render(item, source).splitlines() == [
        "error[name.unknown]: no such name",
        " --> a.policy:2:6",
        "  |",
        "2 |  two three",
        "  |      ^^^^^ here",
        "  = help: try",
        "  = note: n",
    ]


def test_a_long_line_is_cut_around_the_caret() -> None:
    source = Source.from_text("a", "x" * 1000 + "BAD" + "y" * 1000)
    text = render(Diagnostic(code="name.unknown", message="m", span=Span("a", 1, 1001, 1, 1003)), source)
    lines = text.splitlines()
    assert all(len(line) < 200 for line in lines)
    at = lines[4].index("^")
    assert lines[3][at : at + 3] == "BAD"
    assert lines[4].count("^") == 3


def test_a_span_over_lines_is_drawn_on_its_first() -> None:
    source = Source.from_text("a", "abc\ndef")
    text = render(Diagnostic(code="name.unknown", message="m", span=Span("a", 1, 2, 2, 1)), source)
    assert text.splitlines()[4] == "  |  ^^"


def test_to_json_has_every_field() -> None:
    item = Diagnostic(code="polarity", message="m", span=Span("a", 1, 2, 3, 4), severity="warning", cause="c")
    assert item.to_json() == {
        "code": "polarity", "severity": "warning", "message": "m", "file": "a", "line": 1, "column": 2, "end_line": 3, "end_column": 4,
        "label": "", "cause": "c", "help": "", "notes": [],
    }  # fmt: skip


def test_suggestions() -> None:
    assert suggest("permt", ["permit", "forbid"]) == "did you mean `permit`?"
    assert suggest("tarnsfer", ["transfer"]) == "did you mean `transfer`?"
    assert suggest("zzz", ["permit"]) == ""
    assert suggest("x" * 1000, ["x" * 1001]) == ""


def test_every_code_that_is_used_is_registered_and_the_other_way_round() -> None:
    used: set[str] = set()
    folder = Path(intended_core.lang.__file__).parent
    for path in folder.glob("*.py"):
        if path.name == "diagnostics.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and re.fullmatch(r"[a-z]+(\.[a-z-]+)?", node.value)
            ):
                used.add(node.value)
    assert set(CODES) <= used
    prefixes = {code.split(".")[0] for code in CODES if "." in code}
    assert {word for word in used if "." in word and word.split(".")[0] in prefixes} <= set(CODES)
