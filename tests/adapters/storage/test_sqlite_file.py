"""The file itself: what opening, creating and a failing disk say, and that each says it before anything is changed."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from intended_adapters.storage.connection import APPLICATION_ID, translate
from intended_adapters.storage.sqlite import SqliteStorage, sqlite_storage
from intended_core.errors import (
    AssemblyError,
    IntentError,
    StoreBusyError,
    StoreConflictError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from intended_core.ids import Scope
from intended_core.testing.storage_cases import ACME, advance, check_log, consume, issue
from tests.adapters.storage.sqlite_world import bare, founded

# -- creating ----------------------------------------------------------------------------------------------------------------


def test_a_new_store_is_private_and_durable(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    storage = SqliteStorage.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    info = storage.info()
    settings = dict(info.settings)
    assert (info.adapter, info.location, info.format_version) == ("sqlite", str(path), "0001")
    assert (settings["journal_mode"], settings["synchronous"]) == ("wal", "2")
    assert (settings["secure_delete"], settings["trusted_schema"], settings["cell_size_check"]) == ("1", "0", "1")
    assert settings["foreign_keys"] == "1"
    storage.probe()


def test_less_durable_only_by_name(tmp_path: Path) -> None:
    storage = SqliteStorage.create(tmp_path / "a.db", durability="normal")
    assert dict(storage.info().settings)["synchronous"] == "1"
    storage.probe()
    for wrong in ("off", "FULL", "", None):
        with pytest.raises(AssemblyError):
            SqliteStorage.open(tmp_path / "a.db", durability=wrong)  # type: ignore[arg-type]
    for seconds in (-1, 3601, float("nan")):
        with pytest.raises(AssemblyError):
            SqliteStorage.open(tmp_path / "a.db", busy_timeout_seconds=seconds)


@pytest.mark.parametrize("there", ["store", "empty", "text", "directory", "dangling link"])
def test_creating_over_something_is_refused(tmp_path: Path, there: str) -> None:
    path = tmp_path / "authority.db"
    if there == "store":
        founded(path).close()
    elif there == "directory":
        path.mkdir()
    elif there == "dangling link":
        path.symlink_to(tmp_path / "elsewhere.db")
    else:
        path.write_bytes(b"" if there == "empty" else b"notes")
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreError, match="exists already"):
        SqliteStorage.create(path)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert not (tmp_path / "elsewhere.db").exists()


def test_creating_without_a_directory(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="directory does not exist"):
        SqliteStorage.create(tmp_path / "missing" / "authority.db")
    assert list(tmp_path.iterdir()) == []


def test_a_creation_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (x)")
        raise sqlite3.OperationalError("broken")

    monkeypatch.setattr("intended_adapters.storage.sqlite.upgrade_connection", broken)
    with pytest.raises(StoreError):
        SqliteStorage.create(tmp_path / "authority.db")
    assert list(tmp_path.iterdir()) == []


def test_a_creation_that_was_killed_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    path.touch()
    with pytest.raises(AssemblyError, match="not finished"):
        SqliteStorage.open(path)
    connection = bare(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.close()
    with pytest.raises(AssemblyError, match="not finished"):
        SqliteStorage.open(path)


# -- opening -----------------------------------------------------------------------------------------------------------------


def test_opening_never_creates(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.db", tmp_path / "missing" / "authority.db"):
        with pytest.raises(StoreError, match="does not exist"):
            SqliteStorage.open(path)
    assert list(tmp_path.iterdir()) == []


def test_opening_what_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"SQLite format 4" + bytes(200))
    with pytest.raises(StoreCorruptError, match="is not a store"):
        SqliteStorage.open(tmp_path / "text")
    (tmp_path / "short").write_bytes(b"SQLite format 3\x00")
    with pytest.raises(StoreCorruptError, match="is not a store"):
        SqliteStorage.open(tmp_path / "short")
    with pytest.raises(StoreError, match="is a directory"):
        SqliteStorage.open(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="not a regular file"):
        SqliteStorage.open(tmp_path / "pipe")
    with pytest.raises(StoreError, match="part of its path is a file"):
        SqliteStorage.open(tmp_path / "text" / "authority.db")
    other = bare(tmp_path / "other.db")
    other.execute("CREATE TABLE alembic_version (version_num TEXT)")
    other.execute("INSERT INTO alembic_version VALUES ('0001')")
    other.close()
    with pytest.raises(StoreError, match="something else"):
        SqliteStorage.open(tmp_path / "other.db")


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    founded(path).close()
    whole = path.read_bytes()
    for size in (101, 4096, len(whole) - 4096, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(StoreCorruptError, match="cut short"):
            SqliteStorage.open(path)
    path.write_bytes(whole)
    SqliteStorage.open(path).probe()


def test_a_path_with_the_signs_of_a_uri(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory&x=%41#b ü.db"
    founded(path).close()
    assert path.is_file()
    check_log(SqliteStorage.open(path), ACME, 2, "a strange path")


def test_the_factory(tmp_path: Path) -> None:
    path = str(tmp_path / "authority.db")
    with pytest.raises(StoreError):
        sqlite_storage(path=path)
    sqlite_storage(path=path, new=True).close()
    with sqlite_storage(path=path, durability="normal") as storage:
        storage.probe()
    assert repr(storage) == f"SqliteStorage({path!r})"


# -- formats -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "newer version"),
        ("UPDATE alembic_version SET version_num = ''", "creation was not finished"),
        ("INSERT INTO alembic_version VALUES ('0002')", "one format"),
        ("DELETE FROM alembic_version", "one format"),
        ("DROP TABLE alembic_version", "creation was not finished"),
    ],
)
def test_another_format_is_refused(tmp_path: Path, statement: str, message: str) -> None:
    path = tmp_path / "authority.db"
    founded(path).close()
    connection = bare(path)
    connection.execute(statement)
    connection.close()
    before = path.read_bytes()
    with pytest.raises(AssemblyError, match=message):
        SqliteStorage.open(path)
    with pytest.raises(AssemblyError, match=message):
        SqliteStorage.upgrade(path)
    assert path.read_bytes() == before


def test_a_format_that_changes_under_an_open_store(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    storage = founded(path)
    other = bare(path)
    other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    with pytest.raises(AssemblyError, match="newer version"):
        storage.probe()


def test_upgrading_the_current_format_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    founded(path).close()
    before = path.read_bytes()
    assert SqliteStorage.upgrade(path) == "0001"
    assert path.read_bytes() == before


# -- running -----------------------------------------------------------------------------------------------------------------


def test_locked_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    founded(path, "n").close()
    storage = SqliteStorage.open(path, busy_timeout_seconds=0)
    other = bare(path)
    other.execute("BEGIN IMMEDIATE")
    for call in (lambda: storage.commit(consume(ACME, "n", b"x")), storage.probe):
        with pytest.raises(StoreBusyError, match="another process"):
            call()
    head = storage.head(ACME)
    assert head is not None, "readers are not held up"
    other.execute("ROLLBACK")
    storage.commit(consume(ACME, "n", b"x"))
    check_log(storage, ACME, 3, "after the lock")


def test_locked_by_another_thread(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    founded(path, "n").close()
    storage = SqliteStorage.open(path, busy_timeout_seconds=0.01)
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        inside.set()
        leave.wait(30)

    holder = threading.Thread(target=lambda: storage.commit(consume(ACME, "n", b"x", before=hold)))
    holder.start()
    inside.wait(30)
    with pytest.raises(StoreBusyError, match="another thread"):
        storage.commit(advance(ACME))
    leave.set()
    holder.join()
    storage.commit(advance(ACME))
    check_log(storage, ACME, 4, "after the thread")


def test_a_full_disk(tmp_path: Path) -> None:
    storage = founded(tmp_path / "authority.db", "n")
    with storage._pool as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreFullError, match="space"):
        storage.commit(issue(ACME, *[f"m{number}" for number in range(200)]))
    check_log(storage, ACME, 2, "after a full disk")
    with storage._pool as cursor:
        cursor.execute("PRAGMA max_page_count = 100000")
    storage.commit(issue(ACME, "m"))
    check_log(storage, ACME, 3, "after space was made")


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    storage = founded(tmp_path / "authority.db", "n")
    with storage._pool as cursor:
        cursor.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreReadOnlyError, match="cannot be written"):
        storage.commit(consume(ACME, "n", b"x"))
    check_log(storage, ACME, 2, "after a refused write")


def test_damaged_pages(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    storage = founded(path, *[f"n{number:04}" for number in range(400)])
    storage.close()
    whole = bytearray(path.read_bytes())
    for at in range(4096, len(whole), 4096):
        whole[at : at + 64] = b"\xa5" * 64
    path.write_bytes(whole)
    with pytest.raises(StoreCorruptError, match="restore a backup"):
        SqliteStorage.open(path)


def test_pages_damaged_under_an_open_store(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    founded(path, *[f"n{number:04}" for number in range(400)]).close()
    storage = SqliteStorage.open(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        for at in range(4096 * 3, size, 4096):
            file.seek(at)
            file.write(b"\xa5" * 4096)
    with pytest.raises(StoreCorruptError):
        storage.scan(ACME, "nonce")
    with pytest.raises(StoreCorruptError):
        storage.commit(issue(ACME, "m"))


def test_a_commit_that_breaks_off_leaves_the_store_usable(tmp_path: Path) -> None:
    storage = founded(tmp_path / "authority.db", "n")

    class Breaking:
        """The writer's cursor, but COMMIT fails as a disk does."""

        def __init__(self, cursor: sqlite3.Cursor) -> None:
            self._cursor = cursor
            self.connection = cursor.connection

        def execute(self, statement: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
            if statement == "COMMIT":
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                raise error
            return self._cursor.execute(statement, parameters)

        @property
        def rowcount(self) -> int:
            return self._cursor.rowcount

    with storage._pool as cursor:
        storage._pool._writer = Breaking(cursor)  # type: ignore[assignment]
    with pytest.raises(StoreCorruptError, match="disk fails"):
        storage.commit(consume(ACME, "n", b"x"))
    check_log(storage, ACME, 2, "after a commit that broke off")
    storage.commit(consume(ACME, "n", b"y"))
    assert [row.body for row in storage.scan(ACME, "nonce")] == [b"y"]


def test_errors_hold_no_row(tmp_path: Path) -> None:
    storage = founded(tmp_path / "authority.db", "secret-name")
    with pytest.raises(StoreConflictError) as caught:
        storage.commit(issue(ACME, "secret-name"))
    assert "secret-name" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, StoreBusyError),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreBusyError),
        (sqlite3.SQLITE_LOCKED, StoreBusyError),
        (sqlite3.SQLITE_FULL, StoreFullError),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreReadOnlyError),
        (sqlite3.SQLITE_PERM, StoreReadOnlyError),
        (sqlite3.SQLITE_CORRUPT_INDEX, StoreCorruptError),
        (sqlite3.SQLITE_NOTADB, StoreCorruptError),
        (sqlite3.SQLITE_IOERR_SHORT_READ, StoreCorruptError),
        (sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, StoreConflictError),
        (sqlite3.SQLITE_CANTOPEN, StoreError),
        (sqlite3.SQLITE_NOMEM, StoreError),
        (None, StoreError),
    ],
)
def test_every_code_has_its_error(code: int | None, kind: type[StoreError]) -> None:
    error = sqlite3.OperationalError("text with a secret")
    if code is not None:
        error.sqlite_errorcode = code
    found = translate(error, "/data/authority.db")
    assert type(found) is kind
    assert "secret" not in str(found)


def test_settings_that_were_changed_are_seen(tmp_path: Path) -> None:
    storage = founded(tmp_path / "authority.db")
    with storage._pool as cursor:
        cursor.execute("PRAGMA synchronous = OFF")
    with pytest.raises(StoreError, match="synchronous = 0"):
        storage.probe()


def test_a_store_that_was_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    storage = founded(path)
    path.rename(tmp_path / "moved.db")
    with pytest.raises(StoreError, match="does not exist"):
        storage.probe()


def test_an_environment_of_its_own_is_refused(tmp_path: Path) -> None:
    storage = founded(tmp_path / "authority.db")
    with pytest.raises(IntentError):
        storage.create_scope(Scope("acme", ACME.uuid, "staging"))  # type: ignore[arg-type]
