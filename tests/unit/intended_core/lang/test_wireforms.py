"""Wire forms from values, beside those that the converters make from plain data; the whole is compared in test_doorway."""

from __future__ import annotations

import pytest

from intended_core.canonical import Json
from intended_core.ids import EntityRef
from intended_core.lang.typedata import converter
from intended_core.lang.types import (
    BOOL,
    DATETIME,
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
from intended_core.lang.wireforms import encoder, references
from intended_core.values import Record

ANN = EntityRef("User", "ann")
LINE = RecordType((Member("sku", STRING), Member("price", DECIMAL, True)))


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
    found: Json = encoder(kind)(value)
    assert found == wire


@pytest.mark.parametrize("kind", [DATETIME, MapType(STRING, INT)])
def test_types_without_a_later_form_are_refused(kind: Type) -> None:
    with pytest.raises(TypeError):
        encoder(kind)


def test_references_are_found_at_every_depth() -> None:
    bob = EntityRef("User", "bob")
    value = Record({"a": ANN, "b": frozenset({Record({"c": bob})}), "d": (ANN,), "e": 1})
    assert set(references(value)) == {ANN, bob}
