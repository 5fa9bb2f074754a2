"""Typed values go back to the plain data they came from."""

from __future__ import annotations

import pytest

from intended_core import EntityRef
from intended_core.lang.plain import plain_value
from intended_core.lang.typedata import converter
from intended_core.lang.types import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    DURATION,
    HOST,
    INT,
    IP,
    STRING,
    TIME,
    URL,
    EntityType,
    EnumType,
    ListType,
    MapType,
    Member,
    RecordType,
    SetType,
    Type,
)

LEVEL = EnumType("Level", ("low", "high"), ordered=True)


@pytest.mark.parametrize(
    ("type_", "plain"),
    [
        (BOOL, True), (INT, -3), (DECIMAL, "12.5"), (STRING, "é"), (DATETIME, "2026-11-23T10:00:00Z"), (DURATION, 5), (DATE, "2026-11-23"), (TIME, "09:00:00.250"),
        (IP, "10.0.0.0/8"), (HOST, "a.example"), (URL, "https://a.example/x?y"), (EntityType(("User",)), EntityRef("User", "ann")), (LEVEL, "high"),
        (EnumType("Cur", ("EUR",)), "EUR"), (ListType(LEVEL), ["high", "low", "high"]), (SetType(DATE), ["2026-11-23"]), (MapType(LEVEL, IP), [["low", "::1"]]),
        (RecordType((Member("a", DECIMAL), Member("b", DATE, True))), {"a": "1"}),
    ],
)  # fmt: skip
def test_there_and_back(type_: Type, plain: object) -> None:
    assert plain_value(converter(type_)(plain, "x", set())[0], type_) == plain


def test_a_value_of_another_type() -> None:
    with pytest.raises(TypeError):
        plain_value(frozenset(), INT)
