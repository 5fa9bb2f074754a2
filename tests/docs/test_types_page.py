"""The table of values in the reference is true: what it says is accepted is, and what it says is refused is."""

from __future__ import annotations

import json
import re

import pytest

from intended_core.errors import IntentError
from intended_core.lang.typedata import converter
from intended_core.lang.types import INT, SCALARS, ListType, SetType
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "reference" / "types.md").read_text(encoding="utf-8")
TYPES = {**SCALARS, "Set<Int>": SetType(INT), "List<Int>": ListType(INT)}
ROWS = {
    row[0].strip("`"): [re.findall(r"`([^`]+)`", cell) for cell in row[2:4]]
    for line in PAGE.splitlines()
    if line.startswith("| `") and len(row := [cell.strip() for cell in line.strip("|").split("|")]) == 4
}


def test_every_type_has_a_row() -> None:
    assert set(ROWS) == set(TYPES)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_row(name: str) -> None:
    accepted, refused = ROWS[name]
    assert accepted
    assert refused
    for text in accepted:
        converter(TYPES[name])(json.loads(text), name, set())
    for text in refused:
        with pytest.raises(IntentError):
            converter(TYPES[name])(json.loads(text), name, set())
