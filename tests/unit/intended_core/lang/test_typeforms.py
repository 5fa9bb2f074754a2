"""Sizes and forms of types."""

from __future__ import annotations

import pytest

from intended_core.lang.report import Refused
from intended_core.lang.typed import Span
from intended_core.lang.typeforms import MAX_TYPE_DEPTH, MAX_TYPE_SIZE, measure, type_json
from intended_core.lang.types import INT, STRING, EntityType, EnumType, Member, RecordType, SetType, Type

HERE = Span("a", 1, 1, 1, 1)


def test_measure_counts_depth_and_members() -> None:
    inner = RecordType((Member("a", INT), Member("b", SetType(INT))))
    assert measure(RecordType((Member("c", inner), Member("d", INT))), HERE) == (2, 6)


def test_measure_refuses_beyond_the_limits() -> None:
    deep: Type = INT
    for _ in range(MAX_TYPE_DEPTH):
        deep = RecordType((Member("a", deep),))
    assert measure(deep, HERE)[0] == MAX_TYPE_DEPTH
    with pytest.raises(Refused):
        measure(RecordType((Member("a", deep),)), HERE)
    wide = RecordType(tuple(Member(f"m{number}", INT) for number in range(MAX_TYPE_SIZE)))
    with pytest.raises(Refused):
        measure(wide, HERE)


def test_forms_tell_types_apart() -> None:
    types: list[Type] = [
        INT, STRING, SetType(INT), SetType(INT, 3), EntityType(("A",)), EnumType("A", ("a",)), EnumType("A", ("b",)),
        RecordType((Member("a", INT),)), RecordType((Member("a", INT, True),)), RecordType((Member("a", INT, True, True),)),
    ]  # fmt: skip
    forms = [repr(type_json(item)) for item in types]
    assert len(set(forms)) == len(types)


def test_the_order_of_members_is_no_difference() -> None:
    one, two = Member("a", INT), Member("b", STRING)
    assert type_json(RecordType((one, two))) == type_json(RecordType((two, one)))
