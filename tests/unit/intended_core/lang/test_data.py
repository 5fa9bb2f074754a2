"""Params and tables: typed, versioned, one canonical form; what is missing, stale or does not fit denies."""

from __future__ import annotations

import pytest

from intended_core import Allow, Deny, EntityRef
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.errors import IntentError
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.data import NO_DATA, DataSnapshot, TableRows, parse_data, type_data
from intended_core.lang.intents import validate
from intended_core.lang.surroundings import Surroundings
from tests.reference.policy_world import ANN, NOW_MS, World

TEXT = """
enum Cur { "EUR", "USD" }
param limit: Decimal = 10.00;
param floor: Int;
@max(3) table hosts: Set<Host>;
@max_age(1h) table rate: Map<Cur, Decimal>;
table owners: List<User>;
"""
WORLD = World.of(TEXT + '@id("p") permit p { action == read; when args.d <= limit; }')
RATE = TableRows(rows={"EUR": "1", "USD": "0.9"}, updated_ms=NOW_MS)


def outcome(rule: str, data: DataSnapshot) -> Allow | Deny | object:
    world = World.of(TEXT + f'@id("p") permit p {{ action == read; when {rule}; }}')
    valid = validate(world.checked.schema, TEST_SCOPE, world.intent())
    around = Surroundings(data=data.cells)
    fast = decide(world.compiled, valid, world.snapshot, now_ms=NOW_MS, surroundings=around)
    slow = interpret(world.checked, valid, world.snapshot, now_ms=NOW_MS, surroundings=around)
    assert (type(fast).__name__.lower(), getattr(fast, "kind", "")) == (slow.outcome, slow.kind)
    return fast


def test_a_default_holds_until_a_value_is_given() -> None:
    assert isinstance(outcome("args.d <= limit", NO_DATA), Allow)
    low = type_data(WORLD.checked.schema, version="1", params={"limit": "1.0"})
    assert isinstance(outcome("args.d <= limit", low), Deny)


@pytest.mark.parametrize("rule", ["floor == 1", '"a.example" in hosts', 'rate["EUR"] == 1', "any o in [principal] { o in owners }"])
def test_no_value_denies_with_an_error(rule: str) -> None:
    found = outcome(rule, NO_DATA)
    assert isinstance(found, Deny)
    assert found.kind == "error"
    assert "value" in found.reasons[0].text or "rows" in found.reasons[0].text


def test_rows_are_read() -> None:
    data = type_data(
        WORLD.checked.schema, version="7", params={"floor": 3},
        tables={"rate": RATE, "hosts": TableRows(rows=["a.example"], updated_ms=0), "owners": TableRows(rows=[ANN], updated_ms=0)},
    )  # fmt: skip
    rule = 'floor == 3 and "a.example" in hosts and rate["USD"] < 1.0 and "USD" in rate and rate.size() == 2 and principal in owners and owners.size() == 1'
    assert isinstance(outcome(rule, data), Allow)
    assert data.references == {ANN}
    assert parse_data(WORLD.checked.schema, data.wire).cells == data.cells
    assert parse_data(WORLD.checked.schema, data.wire).digest == data.digest


def test_a_key_that_is_not_there_denies_with_an_error() -> None:
    half = type_data(WORLD.checked.schema, version="1", tables={"rate": TableRows(rows={"EUR": "1"}, updated_ms=NOW_MS)})
    found = outcome('rate["USD"] == 1', half)
    assert isinstance(found, Deny)
    assert found.kind == "error"


@pytest.mark.parametrize(("age_ms", "allowed"), [(3_600_000, True), (3_600_001, False)])
def test_an_old_table_is_an_error(age_ms: int, allowed: bool) -> None:
    old = type_data(WORLD.checked.schema, version="1", tables={"rate": TableRows(rows={"EUR": "1"}, updated_ms=NOW_MS - age_ms)})
    assert isinstance(outcome('rate["EUR"] == 1', old), Allow) is allowed


@pytest.mark.parametrize(
    ("params", "tables"),
    [
        ({"limitt": "1"}, {}), ({"limit": 1.0}, {}), ({"floor": "1"}, {}), ({}, {"rates": RATE}), ({}, {"hosts": TableRows(rows=["A.example"], updated_ms=0)}),
        ({}, {"hosts": TableRows(rows=["a", "b", "c", "d"], updated_ms=0)}), ({}, {"rate": TableRows(rows=[["EUR", "1"], ["EUR", "2"]], updated_ms=0)}),
        ({}, {"rate": TableRows(rows={"GBP": "1"}, updated_ms=0)}), ({}, {"rate": TableRows(rows={"EUR": "1"}, updated_ms=-1)}),
        ({}, {"rate": TableRows(rows=["EUR"], updated_ms=0)}), ({}, {"owners": TableRows(rows=[EntityRef("Doc", "d")], updated_ms=0)}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(params: dict[str, object], tables: dict[str, TableRows]) -> None:
    with pytest.raises(IntentError):
        type_data(WORLD.checked.schema, version="1", params=params, tables=tables)


@pytest.mark.parametrize("wire", [b"{}", b"[]", b'{"params":{},"tables":{},"x":1}', b'{"params":{"nope":"i:1"},"tables":{}}', b'{"tables":{},"params":{}}'])
def test_other_bytes_are_no_snapshot(wire: bytes) -> None:
    with pytest.raises(IntentError):
        parse_data(WORLD.checked.schema, wire)
