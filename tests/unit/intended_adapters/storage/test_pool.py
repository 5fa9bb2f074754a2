"""One writer, a reader per thread, none that outlives its thread."""

from __future__ import annotations

import gc
import sqlite3
import threading
from pathlib import Path

import pytest

from intended_adapters.storage.pool import Pool
from intended_core.errors import StoreBusyError, StoreError


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    sqlite3.connect(tmp_path / "x.db").executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1);")
    return Pool(tmp_path / "x.db", durability="full", busy_timeout_seconds=0.05)


def _connection(cursor: sqlite3.Cursor) -> sqlite3.Connection:
    return cursor.connection


def test_the_writer_is_one_and_held_by_one(pool: Pool) -> None:
    with pool as first, pytest.raises(StoreBusyError), pool:
        pass
    with pool as second:
        assert first is second
        pool.drop_writer()
    with pool as third:
        assert third is not first


def test_each_thread_has_its_reader_and_it_goes_with_the_thread(pool: Pool) -> None:
    mine = pool.read(_connection)
    assert pool.read(_connection) is mine
    theirs: list[int] = []
    thread = threading.Thread(target=lambda: theirs.append(id(pool.read(_connection))))
    thread.start()
    thread.join()
    assert theirs != [id(mine)]
    gc.collect()
    assert len(pool._readers) == 1


def test_readers_cannot_write(pool: Pool) -> None:
    with pytest.raises(StoreError):
        pool.read(lambda cursor: cursor.execute("INSERT INTO t VALUES (2)"))
    assert pool.read(lambda cursor: cursor.execute("SELECT x FROM t").fetchall()) == [(1,)]


def test_a_reader_that_failed_is_replaced(pool: Pool) -> None:
    first = pool.read(_connection)
    with pytest.raises(StoreError, match="refused a statement"):
        pool.read(lambda cursor: cursor.execute("SELECT nothing FROM nowhere"))
    assert pool.read(_connection) is not first


def test_what_is_not_the_databases_comes_out_unchanged(pool: Pool) -> None:
    problem = KeyError("mine")

    def work(cursor: sqlite3.Cursor) -> None:
        raise problem

    with pytest.raises(KeyError) as caught:
        pool.read(work)
    assert caught.value is problem


def test_closed_is_closed_for_every_thread(pool: Pool) -> None:
    held = pool.read(_connection)
    with pool:
        pass
    pool.close()
    with pytest.raises(sqlite3.ProgrammingError):
        held.execute("SELECT 1")
    with pytest.raises(StoreError, match="is closed"):
        pool.read(_connection)
    with pytest.raises(StoreError, match="is closed"), pool:
        pass
    assert pool._lock.acquire(timeout=0), "a refused holder leaves no lock behind"


def test_around_a_fork_every_connection_is_closed_and_opened_again(pool: Pool) -> None:
    held = pool.read(_connection)
    with pool as cursor:
        writer = cursor.connection
    pool.before_fork()
    for connection in (held, writer):
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")
    pool.after_fork(in_child=True)
    assert pool.read(lambda cursor: cursor.execute("SELECT x FROM t").fetchall()) == [(1,)]
    with pool as cursor:
        assert cursor.connection is not writer


def test_a_child_of_a_fork_that_could_not_wait_has_no_store(pool: Pool) -> None:
    with pool:
        pool.before_fork()
        pool.after_fork(in_child=True)
    pool.drop_writer()
    with pytest.raises(StoreError, match="start the process anew"), pool:
        pass
    with pytest.raises(StoreError, match="start the process anew"):
        pool.read(_connection)


def test_a_parent_of_such_a_fork_goes_on(pool: Pool) -> None:
    with pool:
        pool.before_fork()
        pool.after_fork(in_child=False)
    assert pool.read(lambda cursor: cursor.execute("SELECT x FROM t").fetchall()) == [(1,)]


def test_another_file_in_the_place_of_the_open_one_is_not_opened(pool: Pool) -> None:
    with pool as cursor:
        assert cursor.execute("SELECT x FROM t").fetchall() == [(1,)]
    other = pool.path.with_name("other.db")
    sqlite3.connect(other).executescript("CREATE TABLE t (x); INSERT INTO t VALUES (2);")
    pool.check_file_stands()
    other.replace(pool.path)
    with pytest.raises(StoreError, match="replaced"):
        pool.check_file_stands()
    with pytest.raises(StoreError, match="replaced"):
        pool.read(lambda cursor: cursor.execute("SELECT x FROM t").fetchall())
    pool.path.unlink()
    with pytest.raises(StoreError, match="taken away"):
        pool.check_file_stands()
