"""What records keep comes back as the plain data it was made of."""

from __future__ import annotations

import pytest

from intended_core.errors import IntentError
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.data import TableRows, type_data
from intended_core.lang.intents import validate
from intended_core.lang.recorded import recorded_data, recorded_entities, recorded_intent
from tests.reference.policy_world import World

WORLD = World.of('param cap: Decimal = 1.00; @max(3) table hosts: Set<Host>; @id("p") permit p { action == read; }')
SCHEMA = WORLD.checked.schema


def test_an_intent_makes_the_same_wire_form_again() -> None:
    valid = validate(SCHEMA, TEST_SCOPE, WORLD.intent())
    assert validate(SCHEMA, TEST_SCOPE, recorded_intent(SCHEMA, valid.wire)).wire == valid.wire


def test_entities_come_back() -> None:
    found = recorded_entities(SCHEMA, WORLD.snapshot.wire)
    assert set(found) == set(WORLD.snapshot.attributes)


def test_data_comes_back() -> None:
    made = type_data(SCHEMA, version="1", params={"cap": "2.5"}, tables={"hosts": TableRows(rows=["a.example"], updated_ms=4)})
    params, tables = recorded_data(SCHEMA, made.wire)
    assert type_data(SCHEMA, version="1", params=params, tables=tables).digest == made.digest


@pytest.mark.parametrize("wire", [b"", b"[]", b"{}", b"[{}]", b'{"params":{"x":1},"tables":{}}', b'{"action":"nope"}', b"1"])
def test_other_bytes_are_refused(wire: bytes) -> None:
    for read in (recorded_intent, recorded_data):
        with pytest.raises(IntentError):
            read(SCHEMA, wire)
    if wire not in (b"[]", b"{}"):
        with pytest.raises(IntentError):
            recorded_entities(SCHEMA, wire)
