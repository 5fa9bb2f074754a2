"""Types as written: what may stand where."""

from __future__ import annotations

import pytest

from intended_core.lang.checker import check_all
from intended_core.lang.source import Source
from intended_core.lang.types import INT, STRING, EnumType, ListType, SetType

BASE = '@root entity User; lattice Conf { "low" < "high" }\n'


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("entity X { a: Set<Set<Int>> }", "type.mismatch"), ("entity X { a: List<Set<Int>> }", "type.mismatch"), ("entity X { a: Set<Int, Int> }", "type.mismatch"),
        ("entity X { a: Map<String, Int> }", "type.mismatch"), ("table t: Map<Set<Int>, Int>;", "type.mismatch"), ("table t: Map<Int>;", "type.mismatch"),
        ("table t: Map<Int, Map<Int, Int>>;", "type.mismatch"), ("entity X { a: Int<Int> }", "type.mismatch"), ("entity X { @max(3) a: Int }", "annotation.value"),
        ("entity X { @max(70_000) a: String }", "annotation.value"), ("entity X { @max(3) @max(4) a: String }", "field.repeated"),
        ("entity X { @presentational(1) a: Int }", "annotation.value"), ("entity X { @presentationl a: Int }", "annotation.unknown"),
        ("@max_age(0s) table t: Set<Int>;", "annotation.value"), ("@max_age(1s) @max_age(1s) table t: Set<Int>;", "field.repeated"),
        ("@root table t: Set<Int>;", "annotation.unknown"), ("entity List;", "name.invalid"), ("table Map: Set<Int>;", "name.invalid"),
        ('lattice L { "a" < "a" }', "name.duplicate"), ("param p: User | Int;", "type.mismatch"),
    ],
)  # fmt: skip
def test_refused(text: str, code: str) -> None:
    assert code in [item.code for item in check_all([Source.from_text("t.policy", BASE + text)])[1]]


def test_accepted() -> None:
    text = "entity X { @max(3) a: List<Int>, b: Set<Conf>, @max(60_000) c: String, @presentational d: String }"
    found, problems = check_all([Source.from_text("t.policy", BASE + text)])
    assert problems == ()
    assert found is not None
    a, b, c, d = found.schema.entities["X"].attributes.members
    assert (a.type, b.type) == (ListType(INT, 3), SetType(EnumType("Conf", ("low", "high"), ordered=True)))
    assert (c.type, c.max_bytes, d.presentational) == (STRING, 60_000, True)
