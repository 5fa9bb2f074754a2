"""What a policy computed is written as the same value would have been read."""

from __future__ import annotations

import pytest
from hypothesis import given

from intended_core.canonical import Json
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang.operations import EvaluationError
from intended_core.lang.typedata import converter
from intended_core.lang.types import (
    BOOL,
    DECIMAL,
    DURATION,
    INT,
    STRING,
    EntityType,
    EnumType,
    ListType,
    MapType,
    Member,
    RecordType,
    SetType,
    Type,
)
from intended_core.lang.wire import references, wire_of
from intended_core.values import Record
from tests.unit.intended_core.lang.test_typedata import typed

ANN = EntityRef("User", "ann")
LINE = RecordType((Member("sku", STRING), Member("price", DECIMAL, True)))


@given(typed())
def test_the_written_form_is_that_of_the_door(pair: tuple[Type, object]) -> None:
    kind, plain = pair
    try:
        value, wire = converter(kind)(plain, "x", set())
    except IntentError:
        return
    assert wire_of(kind)(value) == wire


@pytest.mark.parametrize(
    ("kind", "plain"),
    [
        (BOOL, True), (INT, -3), (DURATION, 5), (DECIMAL, "-0.50"), (STRING, "é\n"), (EnumType("E", ("a", "b")), "b"),
        (EnumType("L", ("low", "high"), True), "high"), (EntityType(("User",)), ANN), (SetType(INT), [10, 9, 2]),
        (SetType(LINE), [{"sku": "b"}, {"sku": "a", "price": "1"}]), (ListType(INT), [3, 3, 1]), (LINE, {"sku": "x", "price": "1.10"}),
    ],
)  # fmt: skip
def test_the_form_made_later_is_the_form_made_at_once(kind: Type, plain: object) -> None:
    value, wire = converter(kind)(plain, "x", set())
    found: Json = wire_of(kind)(value)
    assert found == wire


def test_a_table_has_no_written_form() -> None:
    with pytest.raises(EvaluationError):
        wire_of(MapType(STRING, INT))


def test_references_are_found_at_every_depth() -> None:
    bob = EntityRef("User", "bob")
    value = Record({"a": ANN, "b": frozenset({Record({"c": bob})}), "d": (ANN,), "e": 1})
    assert set(references(value)) == {ANN, bob}
