"""The closed table of methods and canonical addresses."""

from __future__ import annotations

import pytest

from intended_core.lang.builtins import METHODS, apply_method, canonical_email, kind_of, show_type
from intended_core.lang.types import BOOL, EMAIL, INT, STRING, EntityType, EnumType, Member, RecordType, SetType


def test_methods() -> None:
    numbers = SetType(INT, 4)
    assert apply_method(numbers, "size", frozenset({1, 2})) == 2
    assert apply_method(numbers, "contains_all", frozenset({1, 2}), frozenset({1})) is True
    assert apply_method(numbers, "contains_all", frozenset({1}), frozenset({1, 2})) is False
    assert apply_method(numbers, "contains_any", frozenset({1}), frozenset({1, 2})) is True
    assert apply_method(numbers, "contains_any", frozenset({3}), frozenset({1, 2})) is False
    assert apply_method(STRING, "size", "né") == 2
    assert apply_method(EMAIL, "domain", "a@b.example") == "b.example"
    assert set(METHODS) == {
        ("Set", "size"),
        ("Set", "contains_all"),
        ("Set", "contains_any"),
        ("String", "size"),
        ("Email", "domain"),
    }


def test_kinds_and_words() -> None:
    record = RecordType((Member("a", INT), Member("b", BOOL, True)))
    assert [kind_of(item) for item in (INT, SetType(INT), EntityType(("A",)), EnumType("E", ("a",)), record)] == [
        "Int", "Set", "Entity", "Enum", "Record",
    ]  # fmt: skip
    assert show_type(record) == "{ a: Int, b?: Bool }"
    assert show_type(EntityType(("A", "B"))) == "A | B"
    assert show_type(SetType(EnumType("E", ("a",)))) == "Set<E>"


@pytest.mark.parametrize("text", ["a@b.example", "A.b+c@x-y.example", "o'neil@mail.b.example"])
def test_addresses(text: str) -> None:
    assert canonical_email(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@", "@b.example", "a@b", "a@B.example", "a..b@c.example", ".a@c.example", "a.@c.example", '"a b"@c.example', "a@b.example\n",
     "é@b.example", "a@[1.2.3.4]", "a@b.example.", "a@-b.example", "a@b@c.example", "x" * 65 + "@b.example", "a@" + "b." * 130 + "example"],
)  # fmt: skip
def test_what_is_not_a_canonical_address(text: str) -> None:
    assert not canonical_email(text)
