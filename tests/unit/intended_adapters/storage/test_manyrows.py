"""Many rows in one statement: all of them, in their order, by the indices, in sizes that are compiled when they are needed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from intended_adapters.storage.manyrows import MAX_ROWS, Sized, _compiled, insert_many, many_statements, select_many
from intended_adapters.storage.migrate import upgrade_connection
from intended_adapters.storage.tables import HEAD
from intended_core.errors import AssemblyError
from intended_core.ports import ROW_KINDS


@pytest.fixture
def cursor() -> Iterator[sqlite3.Cursor]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade_connection(connection)
    connection.execute("INSERT INTO scope (id, tenant, uuid, environment) VALUES (1, 'acme', 'u', 'live')")
    yield connection.cursor()
    connection.close()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, MAX_ROWS - 1, MAX_ROWS, 2 * MAX_ROWS + 5])
def test_every_row_is_inserted_once_in_its_order_and_found_by_its_key(cursor: sqlite3.Cursor, count: int) -> None:
    many = many_statements()
    insert_many(cursor, many.record_insert, [(1, at, f"t{at % 3}", b"leaf", b"%d" % at, b"body", b"") for at in range(count)])
    assert cursor.execute("SELECT id, seq, entry FROM record ORDER BY id").fetchall() == [(at + 1, at, b"%d" % at) for at in range(count)]
    insert_many(cursor, many.rows_insert["nonce"], [(1, f"n{at}", 1, "ISSUED", b"%d" % at, b"mac") for at in range(count)])
    keys = [f"n{at}" for at in range(count + 2)]
    found = list(select_many(cursor, many.rows_select["nonce"], (1,), keys))
    assert {key: body for key, _, _, body, _ in found} == {f"n{at}": b"%d" % at for at in range(count)}
    assert len(found) == count
    assert list(select_many(cursor, many.rows_select["nonce"], (2,), keys)) == []


def test_threads_come_each_in_the_order_of_its_records(cursor: sqlite3.Cursor) -> None:
    many = many_statements()
    insert_many(cursor, many.record_insert, [(1, at, ("a", "b", "")[at % 3], b"l", b"e", b"b", b"") for at in range(12)])
    found = list(select_many(cursor, many.threads, (1,), ["b", "a", "none"]))
    assert [(row[0], row[1]) for row in found] == [("a", 0), ("a", 3), ("a", 6), ("a", 9), ("b", 1), ("b", 4), ("b", 7), ("b", 10)]


def test_statements_find_what_they_name_by_an_index(cursor: sqlite3.Cursor) -> None:
    many = many_statements()
    for sized in (many.heads, many.threads, *(many.rows_select[kind] for kind in ROW_KINDS)):
        for size in (1, 4, MAX_ROWS):
            plan = [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {sized[size]}", (1,) * sized[size].count("?"))]
            assert not any(step.startswith("SCAN") or "TEMP B-TREE" in step for step in plan), plan
    plan = [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {many.threads[2]}", (1, "t", "u"))]
    assert plan == ["SEARCH record USING INDEX record_thread (scope=? AND thread=?)"]


def test_a_size_is_compiled_when_it_is_asked_for_and_once() -> None:
    asked: list[int] = []

    def make(size: int) -> str:
        asked.append(size)
        return "?" * size

    sized = Sized(make)
    assert [sized[4], sized[4], sized[2]] == ["????", "????", "??"]
    assert asked == [4, 2]


def test_a_statement_with_other_parameters_is_refused() -> None:
    with pytest.raises(AssemblyError, match="another order"):
        _compiled(sa.select(HEAD.c.size).where(HEAD.c.scope == sa.bindparam("p_scope")), ["p_key"])
