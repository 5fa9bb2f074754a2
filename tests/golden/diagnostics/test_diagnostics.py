"""Each refused (or warned of) policy gives exactly this text. To accept a changed text, delete the `.txt` and run with GOLDEN=write."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from intended_core.authoring import lint_policies
from intended_core.lang.diagnostics import CODES
from intended_core.toolbox import check_policies
from scripts.catalogue import TOLD

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases").glob("*.policy"))


def _files(case: Path) -> dict[str, bytes]:
    return {"base.policy": (HERE / "base.policy").read_bytes(), "case.policy": case.read_bytes()}


def test_the_base_alone_is_accepted() -> None:
    report = check_policies({"base.policy": (HERE / "base.policy").read_bytes()})
    assert report.checked is not None
    assert report.diagnostics == ()


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_diagnostic(case: Path) -> None:
    report = (lint_policies if case.stem.startswith("lint_") else check_policies)(_files(case))
    text = report.text + "\n"
    expected = case.with_suffix(".txt")
    if os.environ.get("GOLDEN") == "write" and not expected.exists():
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert (report.checked is not None) == case.stem.startswith(("warning_", "lint_"))
    assert all(item.code in CODES for item in report.diagnostics)


def test_every_code_has_an_example() -> None:
    text = "".join(case.with_suffix(".txt").read_text(encoding="utf-8") for case in CASES)
    shown = set(re.findall(r"^(?:error|warning)\[([a-z.-]+)\]", text, re.MULTILINE))
    assert CODES.keys() - shown - TOLD.keys() == set()


@pytest.mark.parametrize("code", TOLD)
def test_an_example_too_large_to_print(code: str) -> None:
    _, name, make = TOLD[code]
    report = check_policies({name: make()})
    assert {item.code for item in report.diagnostics} == {code}


def test_ten_typos_in_ten_items_give_ten_diagnostics() -> None:
    report = check_policies(_files(HERE / "cases" / "ten_typos_ten_diagnostics.policy"))
    assert sorted(item.span.line for item in report.diagnostics) == list(range(1, 11))


def test_enough_of_them() -> None:
    assert len(CASES) >= 25


def test_no_text_names_a_python_type() -> None:
    for case in CASES:
        text = case.with_suffix(".txt").read_text(encoding="utf-8")
        for word in ("NoneType", "frozenset", "tuple", "Exception", "Traceback", "dict", "Tree("):
            assert word not in text, (case.stem, word)
