"""The default store: one SQLite file in WAL mode, durable, one writer per process, a reader per thread.

Promise: `commit` writes all of a unit or nothing, and returns only when it is on disk (`durability="full"`). Another process's
unit waits; a crash leaves the file as before or after a unit. Not promised: network file systems, and telling an honest row
from an edited one (the core's tags and tree do that).

    store = SqliteStorage.create("authority.db")
    store.create_scope(scope)
    store.commit(unit)
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final, NoReturn, Self

from intended_adapters.storage.connection import (
    APPLICATION_ID,
    Durability,
    check_file,
    create_file,
    settings,
    translate,
)
from intended_adapters.storage.group import BATCH_SECONDS, GroupCommit, Job
from intended_adapters.storage.manyrows import many_statements
from intended_adapters.storage.migrate import check_revision, revision_of, upgradable, upgrade_connection
from intended_adapters.storage.openfiles import close
from intended_adapters.storage.pool import Pool
from intended_adapters.storage.reserve import RESERVE_BYTES, Reserve
from intended_adapters.storage.tables import statements
from intended_adapters.storage.together import NotTogetherError, apply_together
from intended_adapters.storage.units import UNKNOWN_KIND, apply_unit, select_rows
from intended_core.errors import IntendedError, StoreError, StoreFullError
from intended_core.ids import Scope, environment
from intended_core.ports import StorageInfo
from intended_core.quick import maker
from intended_core.unit import Committed, Head, RecordRow, Row, RowKey, RowKind, Unit

__all__ = ["SqliteStorage", "sqlite_storage"]

BUSY_TIMEOUT_SECONDS: Final = 5.0  # adapters.md § 5
_record: Final = maker(RecordRow)
MAX_TOGETHER: Final = 128  # units that BATCH_SECONDS are about enough for: more would be read and then left for the next transaction
_NOTHING: Final = nullcontext()
PAGE_RECORDS: Final = 256  # records read at once: about 256 KiB, and no statement stays open between two pages


class SqliteStorage:
    """A `ports.Storage` over one SQLite file. Safe to share between threads, and across `fork`."""

    __slots__ = ("_group", "_ids", "_pool", "_reserve", "_sql")

    def __init__(self, pool: Pool) -> None:
        """Use `create` or `open`."""
        self._pool: Final = pool
        self._sql: Final = statements()
        self._ids: dict[Scope, int] = {}
        self._group: Final = GroupCommit(timeout_seconds=pool.timeout_seconds)
        self._reserve: Final = Reserve(pool.location)
        self._reserve.fill()

    # Opening

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], *, durability: Durability = "full",
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
    ) -> Self:  # fmt: skip
        """Make a new store at `path`, which must not exist, with mode 0600, and open it. Raises StoreError, AssemblyError."""
        pool = Pool(path, durability=durability, busy_timeout_seconds=busy_timeout_seconds)
        create_file(pool.path)
        try:
            connection = pool.connect()
            try:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                upgrade_connection(connection)
            finally:
                close(connection)
            _sync_directory(pool.path.parent)
            return cls._started(pool)
        except BaseException as error:
            pool.close()
            for suffix in ("", "-wal", "-shm"):
                Path(f"{pool.location}{suffix}").unlink(missing_ok=True)
            if isinstance(error, IntendedError) or not isinstance(error, Exception):
                raise
            raise translate(error, pool.location) from error

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], *, durability: Durability = "full",
        busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS,
    ) -> Self:  # fmt: skip
        """Open the store at `path`; never creates one. AssemblyError for another format, StoreError and its kinds for the file."""
        pool = Pool(path, durability=durability, busy_timeout_seconds=busy_timeout_seconds)
        check_file(pool.path)
        return cls._started(pool)

    @classmethod
    def upgrade(cls, path: str | os.PathLike[str], *, busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS) -> str:
        """Bring an older store to this version's format, in one transaction; returns the format. A newer one is refused."""
        pool = Pool(path, durability="full", busy_timeout_seconds=busy_timeout_seconds)
        check_file(pool.path)
        try:
            with pool as cursor:
                _check_application(cursor, pool.location)
                if upgradable(cursor.connection):
                    upgrade_connection(cursor.connection)
                check_revision(cursor.connection, pool.location)
                return revision_of(cursor.connection)
        except sqlite3.Error as error:
            raise translate(error, pool.location) from None
        finally:
            pool.close()

    @classmethod
    def _started(cls, pool: Pool) -> Self:
        try:
            with pool as cursor:
                _check_application(cursor, pool.location)
                check_revision(cursor.connection, pool.location)
        except sqlite3.Error as error:
            pool.close()
            raise translate(error, pool.location) from None
        except BaseException:
            pool.close()
            raise
        return cls(pool)

    # Writing

    def create_scope(self, scope: Scope) -> None:
        """Make room for a scope; StoreConflictError when its name or uuid are taken in that environment.

        Room that was made and never used (whoever made it crashed before its first unit) is given to the next who asks.
        """
        environment(scope.environment)
        with self._pool as cursor:
            try:
                cursor.execute("BEGIN IMMEDIATE")
                cursor.execute(self._sql.scope_clear, (scope.tenant, scope.environment))
                cursor.execute(self._sql.scope_insert, (scope.tenant, scope.uuid, scope.environment))
            except BaseException as error:  # noqa: BLE001 - _undo raises it again
                self._undo(cursor, error)
            self._finish(cursor)

    def commit(self, unit: Unit) -> Committed:
        """Run one unit in one durable write transaction, alone or with others (`group`).

        Whatever `decide` raises comes out unchanged, with nothing of the unit written.
        """
        return self._group.submit(unit, self._run)

    def _run(self, jobs: Sequence[Job]) -> int:
        """`_attempt`; what goes first and met a full disk is run once more, alone, in space that is kept for it (`reserve`)."""
        took = self._attempt(jobs)
        full = [job for job in jobs[:took] if isinstance(job.error, StoreFullError)]
        for job in full:
            self._reserve.low = True
            if job.unit.first:
                job.error = None
                self._attempt((job,), lend=True)
        if self._reserve.low and not full:
            self._reserve.again()
        return took

    def _attempt(self, jobs: Sequence[Job], *, lend: bool = False) -> int:
        """One transaction for the first of `jobs`; leaves an answer or an error in each that it took, and raises nothing."""
        try:
            with self._pool as cursor, self._reserve if lend else _NOTHING:
                if len(jobs) > 1:
                    return self._transact(cursor, jobs)
                job = jobs[0]
                found: dict[Scope, int] = {}
                try:
                    cursor.execute("BEGIN IMMEDIATE")
                    if lend:
                        self._reserve.lend()
                    job.committed = self._apply(cursor, job.unit, found)
                except BaseException as error:  # noqa: BLE001 - _undo raises it again
                    self._undo(cursor, error)
                self._finish(cursor)
                if found:
                    self._ids.update(found)
                return 1
        except BaseException as error:  # noqa: BLE001 - told to every caller of the batch that has no error of its own
            shared = error if isinstance(error, IntendedError) else None
            for job in jobs:
                job.committed = None
                job.error = job.error or (error if job is jobs[0] else shared)
            return len(jobs)

    def _transact(self, cursor: sqlite3.Cursor, jobs: Sequence[Job]) -> int:
        found: dict[Scope, int] = {}
        try:
            cursor.execute("BEGIN IMMEDIATE")
            took = self._apply_together(cursor, jobs, found)
            if not took:
                cursor.execute("BEGIN IMMEDIATE")
                took = self._apply_one_by_one(cursor, jobs, found)
        except BaseException as error:  # noqa: BLE001 - _undo raises it again
            self._undo(cursor, error)
        self._finish(cursor)
        if found:
            self._ids.update(found)
        return took

    def _apply_together(self, cursor: sqlite3.Cursor, jobs: Sequence[Job], found: dict[Scope, int]) -> int:
        """How many were run; 0, with the transaction rolled back, where each of these units is to be run alone."""
        end = time.monotonic() + BATCH_SECONDS
        jobs = jobs[:MAX_TOGETHER]
        try:
            scopes = [self._ids.get(job.unit.scope) or self._find(cursor, job.unit.scope) for job in jobs]
            took = apply_together(
                cursor, self._sql, many_statements(), jobs, scopes, goes_on=lambda: time.monotonic() <= end
            )
        except (NotTogetherError, sqlite3.Error, OverflowError, UnicodeError):
            for job in jobs:
                job.committed = job.error = None
            if cursor.connection.in_transaction:
                cursor.execute("ROLLBACK")
            return 0
        for job, scope in zip(jobs[:took], scopes, strict=False):
            if scope is not None and job.committed is not None and job.unit.scope not in self._ids:
                found[job.unit.scope] = scope
        return took

    def _apply_one_by_one(self, cursor: sqlite3.Cursor, jobs: Sequence[Job], found: dict[Scope, int]) -> int:
        end = time.monotonic() + BATCH_SECONDS
        took = 0
        for job in jobs:
            self._apply_in_savepoint(cursor, job, found)
            took += 1
            if time.monotonic() > end:
                break
        return took

    def _apply(self, cursor: sqlite3.Cursor, unit: Unit, found: dict[Scope, int]) -> Committed:
        scope = self._ids.get(unit.scope)
        if scope is None:
            scope = self._find(cursor, unit.scope)
            if scope is None:
                raise StoreError("the store has no such tenant and environment: create its scope first")
            found[unit.scope] = scope
        return apply_unit(cursor, self._sql, scope, unit)

    def _apply_in_savepoint(self, cursor: sqlite3.Cursor, job: Job, found: dict[Scope, int]) -> None:
        """A unit that fails is undone alone. What ended the whole transaction is raised."""
        cursor.execute("SAVEPOINT unit")
        try:
            job.committed = self._apply(cursor, job.unit, found)
        except Exception as error:
            job.error = translate(error, self._pool.location) if isinstance(error, sqlite3.Error) else error
            if not cursor.connection.in_transaction:
                raise
            cursor.execute("ROLLBACK TO unit")
        cursor.execute("RELEASE unit")

    def _finish(self, cursor: sqlite3.Cursor) -> None:
        try:
            self._pool.check_file_stands()
            cursor.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - _undo raises it again
            # After a commit that broke off, this connection's picture of the file is not built upon: it is opened again.
            self._undo(cursor, error, drop=True)

    def _undo(self, cursor: sqlite3.Cursor, error: BaseException, *, drop: bool = False) -> NoReturn:
        """Roll back and raise `error`, the driver's own as the operator's. A connection that cannot roll back is closed."""
        if cursor.connection.in_transaction:
            try:
                cursor.execute("ROLLBACK")
            except sqlite3.Error:
                drop = True  # closing rolls back as well
        if drop:
            self._pool.drop_writer()
        if isinstance(error, sqlite3.Error):
            raise translate(error, self._pool.location) from None
        raise error

    def _find(self, cursor: sqlite3.Cursor, scope: Scope) -> int | None:
        """The scope's number. It is remembered once the scope has a head: from then on it never changes."""
        known = self._ids.get(scope)
        if known is None:
            row = cursor.execute(self._sql.scope_id, (scope.uuid, scope.environment, scope.tenant)).fetchone()
            known = None if row is None else int(row[0])
        return known

    # Reading

    def tenants(self) -> Sequence[Scope]:
        """Every scope that has a head, by name and environment."""
        rows = self._pool.read(lambda cursor: cursor.execute(self._sql.scopes).fetchall())
        return tuple(Scope(*row) for row in rows)

    def head(self, scope: Scope) -> Head | None:
        """The head as last committed, or None."""

        def work(cursor: sqlite3.Cursor) -> Head | None:
            known = self._find(cursor, scope)
            row = None if known is None else cursor.execute(self._sql.head, (known,)).fetchone()
            if row is None or known is None:
                return None
            self._ids[scope] = known
            return Head(*row[:3])

        return self._pool.read(work)

    def heads(self) -> Sequence[tuple[Scope, Head]]:
        """Every scope that has a head, with it, in one snapshot."""
        rows = self._pool.read(lambda cursor: cursor.execute(self._sql.heads).fetchall())
        return tuple((Scope(*row[:3]), Head(*row[3:])) for row in rows)

    def read(self, scope: Scope, keys: Sequence[RowKey]) -> Sequence[Row]:
        """The rows that exist among `keys`, in their order, in one snapshot."""
        wanted = tuple(dict.fromkeys(keys))

        def work(cursor: sqlite3.Cursor) -> Sequence[Row]:
            cursor.execute("BEGIN")
            try:
                known = self._find(cursor, scope)
                return () if known is None else tuple(select_rows(cursor, self._sql, known, wanted).values())
            finally:
                cursor.execute("ROLLBACK")

        return self._pool.read(work)

    def scan(self, scope: Scope, kind: RowKind, *, state: str | None = None) -> Sequence[Row]:
        """Every row of `kind`, by key; optionally only those in `state`."""
        sql = self._sql.rows.get(kind)
        if sql is None:
            raise StoreError(UNKNOWN_KIND)
        rows = self._rows(scope, sql.scan) if state is None else self._rows(scope, sql.scan_state, state)
        return tuple(Row(kind, *row) for row in rows)

    def records(self, scope: Scope, *, start: int = 0, stop: int | None = None) -> Iterator[RecordRow]:
        """Records start <= seq < stop in order, a page at a time. Without `stop`: those there when the first is asked for."""
        if stop is None:
            ends = self._rows(scope, self._sql.record_end)
            stop = 0 if not ends or ends[0][0] is None else int(ends[0][0]) + 1
        for first in range(max(0, start), stop, PAGE_RECORDS):
            for row in self._rows(scope, self._sql.records, first, min(first + PAGE_RECORDS, stop)):
                yield _record(*row)

    def thread(self, scope: Scope, thread: str) -> Sequence[RecordRow]:
        """The records of one thread, by seq."""
        return tuple(RecordRow(*row) for row in self._rows(scope, self._sql.thread, thread))

    def leaves(self, scope: Scope, start: int, stop: int) -> Sequence[bytes]:
        """Leaf hashes of start <= seq < stop."""
        return tuple(row[0] for row in self._rows(scope, self._sql.leaves, start, stop))

    def _rows(self, scope: Scope, sql: str, *parameters: object) -> list[Any]:
        def work(cursor: sqlite3.Cursor) -> list[Any]:
            known = self._find(cursor, scope)
            return [] if known is None else cursor.execute(sql, (known, *parameters)).fetchall()

        return self._pool.read(work)

    # Health and end

    def info(self) -> StorageInfo:
        """Where the store is, its format, the writer's settings as the database answers them, and what is in reserve for a halt."""
        with self._pool as cursor:
            try:
                found = settings(cursor.connection)
                revision = revision_of(cursor.connection)
            except sqlite3.Error as error:
                self._undo(cursor, error)
        found = (*found, ("reserve", f"{self._reserve.held()} of {RESERVE_BYTES} bytes"))
        return StorageInfo(adapter="sqlite", location=self._pool.location, format_version=revision, settings=found)

    def probe(self) -> None:
        """Raise StoreError or AssemblyError unless the file is there, of this format, durable as configured and writable now."""
        check_file(self._pool.path)
        self._reserve.fill()
        wanted = {"journal_mode": "wal", "synchronous": {"full": "2", "normal": "1"}[self._pool.durability]}
        with self._pool as cursor:
            try:
                found = dict(settings(cursor.connection))
                check_revision(cursor.connection, self._pool.location)
                cursor.execute("BEGIN IMMEDIATE")
                cursor.execute("ROLLBACK")
            except sqlite3.Error as error:
                self._undo(cursor, error)
        for name, value in wanted.items():
            if found[name] != value:
                raise StoreError(f"{self._pool.location} is set to {name} = {found[name]}, not {value}: open it again")

    def close(self) -> None:
        """Close every connection. Closing twice is nothing; anything else afterwards is a StoreError."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SqliteStorage({self._pool.location!r})"


def _check_application(cursor: sqlite3.Cursor, location: str) -> None:
    if cursor.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{location} is an SQLite file of something else: name the store's file")


def _sync_directory(path: Path) -> None:
    """Make a new name in `path` durable."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sqlite_storage(
    *, path: str, new: bool = False, durability: Durability = "full", busy_timeout_seconds: float = BUSY_TIMEOUT_SECONDS
) -> SqliteStorage:
    """The factory that is registered as storage `sqlite`: `new` creates the file, otherwise it must exist."""
    make = SqliteStorage.create if new else SqliteStorage.open
    return make(path, durability=durability, busy_timeout_seconds=busy_timeout_seconds)
