"""Values of two kinds are never equal, whatever Python thinks of them."""

from __future__ import annotations

from fractions import Fraction

from intended_core.engine.tagging import tag_value
from intended_core.lang.types import BOOL, DECIMAL, INT, STRING, EnumType, Member, RecordType, SetType
from intended_core.values import Record


def test_kinds_stay_apart() -> None:
    forms = [tag_value(1, INT), tag_value(True, BOOL), tag_value(10**9, DECIMAL), tag_value("1", STRING)]
    assert len(set(forms)) == 4
    assert tag_value(1, DECIMAL) == ("decimal", Fraction(1, 10**9))


def test_what_is_inside_is_tagged_too() -> None:
    record = RecordType((Member("a", SetType(INT)), Member("b", EnumType("E", ("x", "y"), True), optional=True)))
    assert tag_value(Record(a=frozenset({1, 2}), b=1), record) == (
        "record", (("a", ("set", frozenset({("int", 1), ("int", 2)}))), ("b", ("rank", 1, "y"))),
    )  # fmt: skip
