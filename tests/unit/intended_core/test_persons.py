from __future__ import annotations

import dataclasses

import pytest

from intended_core.ids import EntityRef
from intended_core.persons import AuthenticatedPerson, Person

ANN = EntityRef("User", "ann")


def test_a_person_is_an_entity_with_a_key() -> None:
    assert Person(ref=ANN, public_key=bytes(32)).ref == ANN


def test_an_authenticated_person_is_bound_to_what_they_signed() -> None:
    one = AuthenticatedPerson(ref=ANN, signed=b"1" * 32, signature=b"s" * 64)
    assert one != AuthenticatedPerson(ref=ANN, signed=b"2" * 32, signature=b"s" * 64)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.signed = b"2" * 32  # type: ignore[misc]


def test_a_person_is_never_taken_for_an_authenticated_one() -> None:
    assert not isinstance(Person(ref=ANN, public_key=bytes(32)), AuthenticatedPerson)
