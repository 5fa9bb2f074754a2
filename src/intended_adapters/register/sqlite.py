"""A detached register in one SQLite file beside the adapter: it counts nonces, and keeps the journal of what was redeemed.

Promise: `consume` answers `consumed` once for a nonce, across threads, processes and restarts, and only when the mark is on disk. A mark
is kept until its time is over by this file's own clock floor: a clock that is set back is refused, so that no forgotten mark meets a
token that is valid again. Not promised: network file systems; and halts and revocations, which reach a detached register only by a
token's expiry.

    register = SqliteRegister.open("register.db", name="edge-1", clock=SystemClock())
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self, TypeVar

from intended_core.clock import Clock
from intended_core.errors import AssemblyError, StoreBusyError, StoreConflictError, StoreError
from intended_core.ports import Consumed

__all__ = ["SqliteRegister"]

T = TypeVar("T")

BUSY_TIMEOUT_SECONDS: Final = 3.0  # authority.md § 9: one call of one adapter
LEEWAY_SECONDS: Final = 30  # the most that a redeemer may have
MAX_KEEP_SECONDS: Final = 3600
APPLICATION_ID: Final = 0x696E7472  # "intr"
_TABLES: Final = (
    "CREATE TABLE spent (jti TEXT PRIMARY KEY, until_s INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX spent_until ON spent (until_s)",
    "CREATE TABLE journal (seq INTEGER PRIMARY KEY, entry BLOB NOT NULL)",
    "CREATE TABLE about (name TEXT NOT NULL, floor_s INTEGER NOT NULL)",
)


class SqliteRegister:
    """A `ports.Register` and `ports.Journal` over one file. Safe to share between threads; each process opens its own."""

    __slots__ = ("_clock", "_connection", "_lock", "_name")

    def __init__(self, connection: sqlite3.Connection, *, name: str, clock: Clock) -> None:
        """Use `create` or `open`."""
        self._connection: Final = connection
        self._name: Final = name
        self._clock: Final = clock
        self._lock: Final = threading.Lock()

    @classmethod
    def create(cls, path: str | os.PathLike[str], *, name: str, clock: Clock) -> Self:
        """A new register at `path`, which must not exist, with mode 0600. `name`: the `reg` of its tokens. Raises AssemblyError."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise AssemblyError(f"the register {path} cannot be made: {error.strerror}") from None
        connection = _connect(path)
        with connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO about VALUES (?, 0)", (name,))
        return cls(connection, name=name, clock=clock)

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, name: str, clock: Clock) -> Self:
        """The register at `path`; never makes one: an empty register has forgotten what was spent. Raises AssemblyError."""
        if not Path(path).is_file():
            raise AssemblyError(f"there is no register at {path}; make it with SqliteRegister.create")
        try:
            connection = _connect(path)
            kind = connection.execute("PRAGMA application_id").fetchone()
            found = connection.execute("SELECT name FROM about").fetchall()
        except sqlite3.Error as error:
            raise AssemblyError(f"{path} is not a register: {error}") from None
        if kind != (APPLICATION_ID,) or found != [(name,)]:
            connection.close()
            raise AssemblyError(f"{path} is another register than {name!r}")
        return cls(connection, name=name, clock=clock)

    def __repr__(self) -> str:
        return f"SqliteRegister({self._name!r})"

    @property
    def name(self) -> str:
        """The `reg` of the tokens that it counts."""
        return self._name

    @property
    def detached(self) -> bool:
        """It stands apart from the authority."""
        return True

    def consume(
        self, jti: str, keep_seconds: int, *, token: str, call: bytes, attempt: str, proof: object
    ) -> Consumed:
        """Mark the nonce, durably. `keep_seconds`: at least so long. Raises StoreError and its kinds."""
        if type(keep_seconds) is not int or not 0 < keep_seconds <= MAX_KEEP_SECONDS:
            raise StoreError("a mark is kept for a second to an hour")
        now_s = self._clock.now_us() // 1_000_000

        def work(cursor: sqlite3.Cursor) -> Consumed:
            (floor_s,) = cursor.execute("SELECT floor_s FROM about").fetchone()
            if now_s + LEEWAY_SECONDS < floor_s:
                raise StoreConflictError("the clock stands before what this register has seen: marks may be forgotten")
            if now_s > floor_s:
                cursor.execute("UPDATE about SET floor_s = ?", (now_s,))
            # The leeway again: a clock that is set back that far still finds its marks.
            cursor.execute("DELETE FROM spent WHERE until_s < ?", (max(now_s, floor_s) - LEEWAY_SECONDS,))
            cursor.execute("INSERT OR IGNORE INTO spent VALUES (?, ?)", (jti, max(now_s, floor_s) + keep_seconds))
            return "consumed" if cursor.rowcount == 1 else "spent"

        return self._write(work)

    def record(self, entry: bytes) -> None:
        """Keep an entry of the journal, durably. Raises StoreError and its kinds."""

        def work(cursor: sqlite3.Cursor) -> None:
            cursor.execute("INSERT INTO journal (entry) VALUES (?)", (entry,))

        self._write(work)

    def entries(self) -> tuple[bytes, ...]:
        """The journal, in order."""
        with self._lock:
            return tuple(entry for (entry,) in self._connection.execute("SELECT entry FROM journal ORDER BY seq"))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _write(self, work: Callable[[sqlite3.Cursor], T]) -> T:
        """Do `work` in one durable transaction."""
        with self._lock:
            try:
                cursor = self._connection.cursor()
                cursor.execute("BEGIN IMMEDIATE")
                done = work(cursor)
                cursor.execute("COMMIT")
            except sqlite3.OperationalError as error:
                self._undo()
                kind = StoreBusyError if "locked" in str(error) or "busy" in str(error) else StoreError
                raise kind(f"the register did not answer: {error}") from None
            except sqlite3.Error as error:
                self._undo()
                raise StoreError(f"the register did not answer: {error}") from None
            except BaseException:
                self._undo()
                raise
            return done

    def _undo(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            return  # what is not committed is not there, whatever the file says now


def _connect(path: str | os.PathLike[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a mark that a power cut takes back is a second redemption
    return connection
