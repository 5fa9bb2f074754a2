"""What checking owes to any text at all, and the words that random texts are made of. For property tests and fuzzing."""

from __future__ import annotations

from intended_core import PolicyError
from intended_core.lang.checker import check, check_all
from intended_core.lang.diagnostics import CODES, Diagnostic, render_all
from intended_core.lang.source import Source, read_source

__all__ = ["WORDS", "judge"]

WORDS = ["permit", "forbid", "escalate", "when", "unless", "let", "has", "is", "in", "like", "and", "or", "not", "if", "then", "else", "any", "all", "{", "}", "(", ")", "[", "]", ";", ":", ",", ".", "==", "!=", "<", ">", "??", "?.", "@", "=", '"x"', "1", "1.5", "1h", "true", "now", "args", "context", "principal", "resource", "origin", "Set", "Int", "approval", "from", "quorum", "fixture", "test", "case", "expect", "entity", "param", "table", "lattice", "import", "policy", "pack", "count", "sum", "...", "Map", "List", "Host", "Path", "09:00", "2026-01-01", "under", "weekday", "::"]


def judge(data: bytes, *, twice: bool = False) -> None:
    """Check `data` as one file: diagnostics that point into it, or a set. `twice`: `check` raises PolicyError for the same, nothing else."""
    source, problems = read_source("a.policy", data)
    if source is None:
        assert problems
        return
    checked, diagnostics = check_all([source])
    erring = any(item.severity == "error" for item in diagnostics)
    assert (checked is None) == erring
    _inside(source, diagnostics)
    render_all(diagnostics, [source])
    if not twice:
        return
    try:
        check([source])
    except PolicyError as error:
        assert erring
        assert error.diagnostics == diagnostics
    else:
        assert not erring


def _inside(source: Source, diagnostics: tuple[Diagnostic, ...]) -> None:
    lines = source.text.count("\n") + 1
    for item in diagnostics:
        assert item.code in CODES
        assert 1 <= item.span.line <= item.span.end_line <= lines
        assert 1 <= item.span.column <= len(source.line(item.span.line)) + 2
