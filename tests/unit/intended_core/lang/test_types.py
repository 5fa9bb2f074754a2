"""The types: equal when they say the same, closed, and members found by name."""

from __future__ import annotations

import dataclasses

import pytest

from intended_core.lang.types import INT, ORIGIN_SET, SCALARS, STRING, EnumType, Member, RecordType, Scalar, SetType


def test_scalars_are_a_closed_table() -> None:
    assert all(name == item.name for name, item in SCALARS.items())
    assert not {"Float", "Any", "Double"} & SCALARS.keys()
    with pytest.raises(TypeError):
        SCALARS["Float"] = Scalar("Float")  # type: ignore[index]


def test_types_are_values() -> None:
    assert SetType(INT, 3) == SetType(INT, 3) != SetType(INT, 4)
    assert EnumType("A", ("a", "b")) != EnumType("A", ("b", "a"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        INT.name = "String"  # type: ignore[misc]


def test_members_are_found_by_name() -> None:
    record = RecordType((Member("a", INT), Member("b", STRING, optional=True)))
    found = record.member("b")
    assert found is not None
    assert (found.type, found.optional, found.from_caller) == (STRING, True, False)
    assert record.member("c") is None


def test_an_origin_is_one_of_five() -> None:
    assert isinstance(ORIGIN_SET.element, EnumType)
    assert set(ORIGIN_SET.element.members) == {"user", "record", "content", "model", "unknown"}
