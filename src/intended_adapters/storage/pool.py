"""The connections of one process to one store: a writer behind a lock, a reader per thread, and none at all across a fork."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from intended_adapters.storage import forks
from intended_adapters.storage.connection import Durability, connect, translate
from intended_adapters.storage.openfiles import close
from intended_core.errors import AssemblyError, StoreBusyError, StoreError

__all__ = ["Pool"]

T = TypeVar("T")


class _Reader:
    """One thread's read connection. The lock is only ever contended by a close or a fork."""

    __slots__ = ("__weakref__", "connection", "lock")

    def __init__(self) -> None:
        self.connection: sqlite3.Connection | None = None
        self.lock = threading.Lock()

    def drop(self) -> None:
        if self.connection is not None:
            close(self.connection)
            self.connection = None

    def __del__(self) -> None:
        self.drop()


class Pool:
    """Opens connections when they are needed and answers StoreError once closed. Safe to share between threads and across fork."""

    __slots__ = (
        "__weakref__", "_closed", "_durability", "_file", "_held", "_local", "_lock", "_lost", "_readers", "_readers_lock", "_timeout",
        "_writer", "location", "path",
    )  # fmt: skip

    def __init__(self, path: str | os.PathLike[str], *, durability: Durability, busy_timeout_seconds: float) -> None:
        if durability not in ("full", "normal"):
            raise AssemblyError("durability is 'full' or 'normal'")
        if not 0 <= busy_timeout_seconds <= 3600:
            raise AssemblyError("busy_timeout_seconds is between 0 and 3600")
        self.path: Final = Path(path).absolute()
        self.location: Final = str(self.path)
        self._durability: Final[Durability] = durability
        self._timeout: Final = float(busy_timeout_seconds)
        self._lock = threading.Lock()
        self._writer: sqlite3.Cursor | None = None
        self._file: tuple[int, int] | None = None
        self._local = threading.local()
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._readers_lock = threading.Lock()
        self._held: list[threading.Lock] = []
        self._closed = False
        self._lost = False
        forks.watch(self)

    @property
    def durability(self) -> Durability:
        """As configured; `settings` tells what the database answers."""
        return self._durability

    @property
    def timeout_seconds(self) -> float:
        """How long a unit waits for the store."""
        return self._timeout

    def connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        """A connection that the caller owns, to the very file that was opened first."""
        self.check_file_stands()
        made = connect(
            self.path, durability=self._durability, busy_timeout_seconds=self._timeout, read_only=read_only
        )
        try:
            self.check_file_stands()  # what was opened stood there before and after
        except BaseException:
            close(made)
            raise
        return made

    def check_file_stands(self) -> None:
        """Raise StoreError when another file, or none, stands where the store was opened: about 1 µs.

        SQLite goes on writing to a file that was deleted or replaced under it, and whatever is written there is lost.
        """
        try:
            found = os.stat(self.location)  # noqa: PTH116 - on the path of every commit, and a Path costs three times as much
        except OSError:
            raise StoreError(f"{self.location} was taken away while it was open: nothing is written until it is opened again") from None
        if self._file is None:
            self._file = (found.st_dev, found.st_ino)
        elif self._file != (found.st_dev, found.st_ino):
            raise StoreError(f"{self.location} was replaced by another file while it was open: nothing is written until it is opened again")

    def __enter__(self) -> sqlite3.Cursor:
        """Hold the writer: its cursor, in autocommit. StoreBusyError when another thread holds it for too long."""
        if not self._lock.acquire(timeout=self._timeout):
            raise StoreBusyError(f"another thread holds the writer of {self.location} for longer than {self._timeout} s")
        try:
            if self._writer is None:
                self._check_usable()
                self._writer = self.connect().cursor()
        except BaseException:
            self._lock.release()
            raise
        return self._writer

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def drop_writer(self) -> None:
        """Close the writer's connection, which rolls back what is open; the next holder gets a new one. Call while holding it."""
        if self._writer is not None:
            close(self._writer.connection)
            self._writer = None

    def read(self, work: Callable[[sqlite3.Cursor], T]) -> T:
        """Run `work` on this thread's reader. sqlite3.Error comes out as StoreError and its kinds, with a new reader next time."""
        reader: _Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = self._local.reader = _Reader()
            with self._readers_lock:
                self._readers.add(reader)
        with reader.lock:
            if reader.connection is None:
                self._check_usable()
                reader.connection = self.connect(read_only=True)
            try:
                return work(reader.connection.cursor())
            except sqlite3.Error as error:
                reader.drop()
                raise translate(error, self.location) from None
            except (OverflowError, UnicodeError):
                raise StoreError("a store cannot look for such a number or text") from None

    def close(self) -> None:
        """Close every connection; nothing works afterwards."""
        with self._lock:
            self._closed = True
            self.drop_writer()
            for reader in self._all_readers():
                with reader.lock:
                    reader.drop()

    def before_fork(self) -> None:
        """Wait for this process's units and reads, then close every connection (see `forks`)."""
        if not self._lock.acquire(timeout=self._timeout):
            return  # the child is told that it cannot use the store
        self._held.append(self._lock)
        self.drop_writer()
        self._readers_lock.acquire()  # held over the fork, so that no thread becomes a reader meanwhile
        for reader in tuple(self._readers):
            if not reader.lock.acquire(timeout=self._timeout):
                self._readers_lock.release()
                return
            self._held.append(reader.lock)
            reader.drop()
        self._held.append(self._readers_lock)

    def after_fork(self, *, in_child: bool) -> None:
        """Go on in the parent; in the child too, unless something was still open."""
        quiet = bool(self._held) and self._held[-1] is self._readers_lock
        for lock in self._held:
            lock.release()
        self._held.clear()
        if in_child and not quiet:
            self._lost = True

    def _all_readers(self) -> tuple[_Reader, ...]:
        with self._readers_lock:
            return tuple(self._readers)

    def _check_usable(self) -> None:
        if self._lost:
            raise StoreError(f"this process was forked while {self.location} was in use: start the process anew")
        if self._closed:
            raise StoreError(f"{self.location} is closed")
