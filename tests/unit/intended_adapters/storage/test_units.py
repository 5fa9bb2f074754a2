"""A unit's statements, in their order: the head first, guards in later statements, nothing begun or ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from intended_adapters.storage.migrate import upgrade_connection
from intended_adapters.storage.tables import statements
from intended_adapters.storage.units import apply_unit, select_rows
from intended_core.errors import StoreConflictError, StoreError
from intended_core.testing.storage_cases import ACME, advance, consume, issue, record_at, row
from intended_core.unit import Changes, Head, RowKey, Unit, UnitView, Write


@pytest.fixture
def cursor() -> Iterator[sqlite3.Cursor]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade_connection(connection)
    connection.execute("INSERT INTO scope (id, tenant, uuid, environment) VALUES (1, 'acme', 'u', 'live')")
    yield connection.cursor()
    connection.close()


def test_the_order_of_statements(cursor: sqlite3.Cursor) -> None:
    apply_unit(cursor, statements(), 1, issue(ACME, "n"))
    seen: list[str] = []
    cursor.connection.set_trace_callback(seen.append)
    spend = consume(ACME, "n", b"x", before=lambda: seen.append("decide"))
    apply_unit(cursor, statements(), 1, Unit(ACME, spend.decide, reads=spend.reads, threads=("t",)))
    tables = [
        next((word for word in ("decide", "row_nonce", "record", "head") if word in text.split(" WHERE ")[0]), text)
        for text in seen
    ]
    assert tables == ["head", "row_nonce", "record", "decide", "row_nonce", "record", "head"]
    assert [text.split()[0] for text in seen] == ["SELECT", "SELECT", "SELECT", "decide", "UPDATE", "INSERT", "UPDATE"]


def test_several_units_share_one_transaction(cursor: sqlite3.Cursor) -> None:
    cursor.execute("BEGIN IMMEDIATE")
    for number in range(3):
        assert apply_unit(cursor, statements(), 1, issue(ACME, f"n{number}")).head.version == number + 1
    assert cursor.connection.in_transaction
    cursor.execute("COMMIT")
    assert cursor.execute("SELECT size FROM head").fetchone() == (3,)


def test_a_head_that_moves_under_the_lock_is_noticed(cursor: sqlite3.Cursor) -> None:
    apply_unit(cursor, statements(), 1, advance(ACME))

    def meddle() -> None:
        cursor.connection.execute("UPDATE head SET version = 7")

    def decide(view: UnitView) -> Changes:
        meddle()
        return Changes(head=Head(2, b"", b""), records=(record_at(1),))

    with pytest.raises(StoreConflictError, match="moved under the lock"):
        apply_unit(cursor, statements(), 1, Unit(ACME, decide))


@pytest.mark.parametrize("replaces", [-1, 5])
def test_versions_are_counted_one_by_one(cursor: sqlite3.Cursor, replaces: int) -> None:
    with pytest.raises(StoreConflictError, match="skips a version"):
        apply_unit(cursor, statements(), 1, advance(ACME, Write(row("nonce", "n", 7), replaces)))


def test_rows_come_once_per_key_and_in_order(cursor: sqlite3.Cursor) -> None:
    apply_unit(cursor, statements(), 1, issue(ACME, "a", "b"))
    keys = (RowKey("nonce", "b"), RowKey("nonce", "missing"), RowKey("nonce", "a"))
    assert [found.key for found in select_rows(cursor, statements(), 1, keys).values()] == ["b", "a"]
    assert select_rows(cursor, statements(), 2, keys) == {}
    with pytest.raises(StoreError):
        select_rows(cursor, statements(), 1, (RowKey("scope", "a"),))
