"""Each refused (or warned of) policy gives exactly this text. To accept a changed text, delete the `.txt` and run with GOLDEN=write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intended_core.lang.checker import check_all
from intended_core.lang.diagnostics import CODES, render_all
from intended_core.lang.source import Source

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.policy"))


def _sources(case: Path) -> list[Source]:
    base = Source.from_bytes("base.policy", (HERE / "base.policy").read_bytes())
    return [base, Source.from_bytes("case.policy", case.read_bytes())]


def test_the_base_alone_is_accepted() -> None:
    checked, diagnostics = check_all([Source.from_bytes("base.policy", (HERE / "base.policy").read_bytes())])
    assert checked is not None
    assert diagnostics == ()


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_diagnostic(case: Path) -> None:
    sources = _sources(case)
    checked, diagnostics = check_all(sources)
    text = render_all(diagnostics, sources) + "\n"
    expected = case.with_suffix(".txt")
    if os.environ.get("GOLDEN") == "write" and not expected.exists():
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert (checked is not None) == case.stem.startswith("warning_")
    assert all(item.code in CODES for item in diagnostics)


def test_enough_of_them() -> None:
    assert len(CASES) >= 25


def test_no_text_names_a_python_type() -> None:
    for case in CASES:
        text = case.with_suffix(".txt").read_text(encoding="utf-8")
        for word in ("NoneType", "frozenset", "tuple", "Exception", "Traceback", "dict", "Tree("):
            assert word not in text, (case.stem, word)
