"""Entities and values as the schema accepts them, in short and in explicit form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from intended_core.errors import IntentError
from intended_core.lang.cedar.entities import read_entities, read_ref, read_value
from intended_core.lang.cedar.loading import load_schema
from intended_core.lang.cedar.refs import CedarRef, tags_of
from intended_core.lang.cedar.types import ExtT
from tests.unit.intended_core.lang.cedar.cedar_support import SCHEMA

ANN = CedarRef("User", "ann")
HELD: dict[str, Any] = {
    "age": 9223372036854775807, "name": "Ann", "rec": {"a": 1}, "grp": {"type": "Group", "id": "g"}, "ss": ["a", "a"],
    "es": [{"__entity": {"type": "User", "id": "ann"}}], "dec": "1.5", "dt": {"__extn": {"fn": "datetime", "arg": "1970-01-01"}},
    "du": {"fn": "duration", "arg": "1s"},
}  # fmt: skip
ITEM: dict[str, Any] = {"uid": {"type": "User", "id": "ann"}, "attrs": HELD, "parents": [{"type": "Group", "id": "g"}], "tags": {"k": "v"}}


def read(*items: Any) -> Any:
    return read_entities(load_schema("s", SCHEMA), json.dumps(items).encode())


def changed(**attributes: Any) -> dict[str, Any]:
    return {**ITEM, "attrs": {**HELD, **attributes}}


def test_values_in_their_run_time_form() -> None:
    found = read(ITEM)
    held = found.attributes[ANN]
    assert (held["age"], held["dec"], held["dt"], held["du"]) == (2**63 - 1, 15_000, 0, 1000)
    assert held["ss"] == frozenset({"a"})
    assert held["es"] == frozenset({ANN})
    assert found.attributes[tags_of(ANN)] == {"k": "v"}


def test_parents_need_not_be_told_and_are_closed() -> None:
    found = read(ITEM, {"uid": {"type": "Group", "id": "g"}, "parents": [{"type": "Org", "id": "o"}]})
    assert found.ancestors[ANN] == {CedarRef("Group", "g"), CedarRef("Org", "o")}
    assert read(ITEM).ancestors[ANN] == {CedarRef("Group", "g")}


def test_an_entity_that_is_not_told_is_below_nothing() -> None:
    found = read()
    assert CedarRef("User", "nobody") in found.ancestors
    assert found.ancestors[CedarRef("User", "nobody")] == frozenset()
    assert found.ancestors[CedarRef("Action", "view")] == {CedarRef("Action", "all")}


@pytest.mark.parametrize(
    "items",
    [
        [{}], [{"uid": {"type": "User", "id": "ann"}, "more": 1}], [{"uid": {"type": "Nope", "id": "a"}}], [ITEM, ITEM], [changed(extra=1)], [changed(age=True)], [changed(age="1")],
        [changed(name=1)], [changed(ss="a")], [changed(ss=[1])], [changed(grp={"type": "Org", "id": "o"})], [changed(dec="1.55555")], [changed(dec={"fn": "ip", "arg": "::1"})],
        [changed(rec={"b": "x"})], [changed(opt=None)], [{**ITEM, "parents": [{"type": "Photo", "id": "p"}]}], [{**ITEM, "tags": {"k": 1}}],
        [{"uid": {"type": "Group", "id": "g"}, "tags": {"k": "v"}}], [{"uid": {"type": "Color", "id": "green"}}], [{"uid": {"type": "Action", "id": "nope"}}],
        [{"uid": {"type": "Action", "id": "all"}, "parents": [{"type": "Action", "id": "view"}]}], [{"uid": {"type": "User tags", "id": "x"}}], [{"uid": "User::\"a\""}],
        [{"uid": {"type": "Photo", "id": "p"}, "attrs": {}}], [{**ITEM, "parents": {}}],
    ],
    ids=range(25),
)  # fmt: skip
def test_refused(items: list[Any]) -> None:
    with pytest.raises(IntentError):
        read(*items)


def test_a_circle_is_refused() -> None:
    schema = load_schema("s", b"entity G in [G]; action a appliesTo {principal: G, resource: G};")
    ring = [{"uid": {"type": "G", "id": a}, "parents": [{"type": "G", "id": b}]} for a, b in ("xy", "yz", "zx")]
    with pytest.raises(IntentError, match="own ancestor"):
        read_entities(schema, json.dumps(ring).encode())


def test_a_moment_by_offset() -> None:
    schema = load_schema("s", SCHEMA)
    moved = {"__extn": {"fn": "offset", "args": [{"__extn": {"fn": "datetime", "arg": "1970-01-01"}}, {"__extn": {"fn": "duration", "arg": "-1s"}}]}}
    assert read_value(schema, ExtT("datetime"), moved, "x") == -1000
    with pytest.raises(IntentError):
        read_value(schema, ExtT("duration"), moved, "x")


@pytest.mark.parametrize("value", [1, {"type": "A"}, {"type": "A", "id": 1}, {"type": "", "id": "x"}, {"type": "A tags", "id": "x"}, {"__entity": 1}])
def test_no_reference(value: Any) -> None:
    with pytest.raises(IntentError):
        read_ref(value, "x")
