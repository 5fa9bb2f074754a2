"""The store as its callers see it; the kit and the file's own tests are in tests/adapters/storage."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from intended_adapters.storage.sqlite import PAGE_RECORDS, SqliteStorage
from intended_core.errors import StoreConflictError, StoreError
from intended_core.ids import Scope
from intended_core.testing.storage_cases import ACME, advance, check_log, issue, next_head, record_at
from intended_core.unit import Changes, RowKey, Unit, UnitView
from tests.adapters.storage.sqlite_world import founded


def test_records_are_streamed_in_pages_of_short_reads(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db")
    many = PAGE_RECORDS * 2

    def decide(view: UnitView) -> Changes:
        return Changes(head=next_head(view), records=tuple(record_at(seq) for seq in range(2, 2 + many)))

    storage.commit(Unit(ACME, decide))
    stream = storage.records(ACME)
    assert next(stream).seq == 0
    with storage._pool as cursor:
        assert cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "no read is open between two records"
    assert [record.seq for record in stream] == list(range(1, 2 + many))


def test_a_stream_without_end_stops_where_the_log_stood(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db")
    stream = storage.records(ACME)
    assert next(stream).seq == 0
    with storage:

        def decide(view: UnitView) -> Changes:
            return Changes(head=next_head(view), records=(record_at(2),))

        storage.commit(Unit(ACME, decide))
        assert [record.seq for record in stream] == [1]


def test_many_rows_are_read_in_one_snapshot(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db", "a", "b")
    seen: list[str] = []
    storage._pool.read(lambda cursor: cursor.connection.set_trace_callback(seen.append))
    assert [row.key for row in storage.read(ACME, [RowKey("nonce", "b"), RowKey("nonce", "a"), RowKey("nonce", "b")])] == ["b", "a"]
    assert (seen[0], seen[-1], len(seen)) == ("BEGIN", "ROLLBACK", 4)
    assert storage.read(ACME, []) == ()


def test_a_scopes_number_is_never_given_again(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    mine, theirs = SqliteStorage.create(path), SqliteStorage.open(path)
    mine.create_scope(ACME)
    assert mine.head(ACME) is None
    again = Scope("acme", "f" * 32, "live")
    theirs.create_scope(again)
    theirs.commit(advance(again))
    with pytest.raises(StoreError):
        mine.commit(advance(ACME))
    check_log(theirs, again, 1, "the scope that took the name")


def test_a_row_that_stands_where_it_may_not(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db", "n")
    with pytest.raises(StoreConflictError):
        storage.commit(issue(ACME, "n"))
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        other.execute("INSERT INTO row_nonce VALUES (99, 'n', 1, 'ISSUED', x'00', x'00')")


def test_room_made_twice_is_found_by_whoever_looked_before(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    mine, theirs = SqliteStorage.create(path), SqliteStorage.open(path)
    for maker in (mine, theirs, mine):
        maker.create_scope(ACME)
        assert (mine.head(ACME), theirs.head(ACME)) == (None, None)
        assert mine.scan(ACME, "nonce") == theirs.scan(ACME, "nonce") == ()
    theirs.commit(advance(ACME))
    mine.commit(advance(ACME))
    check_log(theirs, ACME, 2, "both wrote")
