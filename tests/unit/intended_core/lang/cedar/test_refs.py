"""Cedar's entity names: any id, no way into the native ones."""

from __future__ import annotations

import copy
import pickle

import pytest

from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang.cedar.refs import CedarRef, quoted, tags_of


def test_an_id_may_be_empty_or_hold_anything() -> None:
    assert CedarRef("A::B", "").id == ""
    assert str(CedarRef("A::B", 'a"\\\0\n')) == 'A::B::"a\\"\\\\\\0\\n"'


def test_never_equal_to_a_native_reference() -> None:
    assert CedarRef("User", "ann") != EntityRef("User", "ann")
    assert CedarRef("User", "ann") == CedarRef("User", "ann")
    assert len({CedarRef("User", "ann"), CedarRef("User", "ann")}) == 1
    assert copy.copy(CedarRef("User", "ann")) == CedarRef("User", "ann") == pickle.loads(pickle.dumps(CedarRef("User", "ann")))  # noqa: S301


@pytest.mark.parametrize("kind", ["", "1a", "a b", "A::", "::A", "A:B"])
def test_a_type_is_a_name(kind: str) -> None:
    with pytest.raises(IntentError):
        CedarRef(kind, "x")


def test_an_id_is_bounded() -> None:
    with pytest.raises(IntentError):
        CedarRef("User", "x" * 16_385)


def test_tags_stand_under_a_name_that_no_entity_can_have() -> None:
    assert tags_of(CedarRef("User", "ann")).type == "User tags"
    assert quoted("\u200b") == '"\\u{200b}"'
