"""Equal keys must mean: the same code serves, with literals replaced position by position. So whatever code looks at stands in the key."""

from __future__ import annotations

import pytest

from intended_core.ids import EntityRef
from intended_core.lang import shapes
from intended_core.lang.shapes import Shape
from intended_core.lang.typed_expr import (
    Binary,
    EntityIn,
    IsType,
    Like,
    Literal_,
    MemberOf,
    Root,
    Span,
    TypedExpr,
    Unary,
)
from intended_core.lang.types import BOOL, DECIMAL, INT, STRING, EntityType, EnumType, Member, RecordType, SetType

AT, ELSEWHERE = Span("a", 1, 1, 1, 2), Span("b", 7, 7, 7, 8)


def shape(*exprs: TypedExpr) -> Shape:
    made = Shape()
    for expr in exprs:
        made.take(expr)
    return made


def number(value: int, at: Span = AT) -> Literal_:
    return Literal_(value, INT, at)


def add(left: TypedExpr, right: TypedExpr, kind: object = INT) -> Binary:
    return Binary("add", left, right, kind, AT)  # type: ignore[arg-type]


def test_values_and_places_are_not_shape() -> None:
    one, two = shape(add(number(1), number(2))), shape(add(number(3, ELSEWHERE), number(4)))
    assert one.key == two.key
    assert [item.value for item in two.literals] == [3, 4]


def test_operator_and_operand_types_are_shape() -> None:
    base = shape(add(number(1), number(2))).key
    assert base != shape(Binary("sub", number(1), number(2), INT, AT)).key
    decimal = Literal_(1, DECIMAL, AT)
    assert base != shape(add(decimal, decimal, DECIMAL)).key
    assert shape(number(1)).key != shape(Literal_(True, BOOL, AT)).key


def test_one_literal_met_twice_is_not_two_equal_ones() -> None:
    twice = number(1)
    assert shape(add(twice, twice)).key != shape(add(number(1), number(1))).key


def test_patterns_of_a_glob_and_names_of_a_test_are_shape() -> None:
    text = Literal_("x", STRING, AT)
    assert shape(Like(text, ("a", "b"), BOOL, AT)).key != shape(Like(text, ("a", "c"), BOOL, AT)).key
    assert shape(Like(text, ("a", "b"), BOOL, AT)).key != shape(Like(text, ("ab",), BOOL, AT)).key
    who = Root("principal", EntityType(("User",)), AT)
    assert shape(IsType(who, ("User",), BOOL, AT)).key != shape(IsType(who, ("Agent",), BOOL, AT)).key


def test_which_entity_types_are_the_same_is_shape_and_their_names_are_not() -> None:
    def below(left: str, right: str) -> list[object]:
        group = Literal_(EntityRef(right, "x"), EntityType((right,)), AT)
        return shape(EntityIn(Root("principal", EntityType((left,)), AT), group, BOOL, AT)).key

    assert below("User", "Group") == below("Agent", "Team")
    assert below("User", "Group") != below("Group", "Group")


def test_record_and_enum_types_count_by_value() -> None:
    def root(kind: object) -> list[object]:
        return shape(Root("args", kind, AT)).key  # type: ignore[arg-type]

    assert root(RecordType((Member("n", INT),))) == root(RecordType((Member("n", INT),)))
    assert root(RecordType((Member("n", INT),))) != root(RecordType((Member("n", DECIMAL),)))
    assert root(SetType(EnumType("E", ("a",)))) != root(SetType(EnumType("E", ("b",))))


def test_a_forgotten_type_gets_a_new_number(monkeypatch: pytest.MonkeyPatch) -> None:
    first = shape(Root("args", RecordType((Member("first", INT),)), AT)).key
    monkeypatch.setattr(shapes, "MAX_SHAPES", 0)
    assert shape(Root("args", RecordType((Member("second", INT),)), AT)).key != first


def test_nodes_names_types_and_numbers_at_one_place_of_a_key_never_look_alike() -> None:
    """A key is flat: what stands at a place must be told apart by what it is, whatever it is called."""
    record = RecordType((Member("String", INT),))
    nodes = [
        Root("args", record, AT),
        Root("args", STRING, AT),
        Root("args", EntityType(("String",)), AT),
        Root("args", EntityType(("String", "args")), AT),
        Root("args", SetType(STRING), AT),
        MemberOf(Root("args", record, AT), "String", INT, AT),
        MemberOf(Root("args", record, AT), "args", INT, AT),
        Unary("not", Root("args", BOOL, AT), BOOL, AT),
        Root("context", STRING, AT),
    ]
    keys = [tuple(shape(node).key) for node in nodes]
    assert len(set(keys)) == len(nodes)
    assert all(not (one is not two and one == two[: len(one)]) for one in keys for two in keys)
