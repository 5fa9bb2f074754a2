"""A SQLite file as the conformance kit wants it, and what tests of the file itself share."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from intended_adapters.storage.sqlite import SqliteStorage
from intended_core.testing.storage_cases import ACME, advance, issue


@dataclass(frozen=True)
class SqliteHarness:
    """One file."""

    path: Path
    processes: bool = True
    durable: bool = True

    def create(self) -> SqliteStorage:
        return SqliteStorage.create(self.path, busy_timeout_seconds=30)

    def reopen(self) -> SqliteStorage:
        return SqliteStorage.open(self.path, busy_timeout_seconds=30)


def founded(path: Path, *nonces: str) -> SqliteStorage:
    """A new store with the scope ACME, two units old."""
    storage = SqliteStorage.create(path)
    storage.create_scope(ACME)
    storage.commit(advance(ACME, thread="t"))
    storage.commit(issue(ACME, *nonces))
    return storage


def bare(path: Path) -> sqlite3.Connection:
    """The file as anybody with write access to it sees it."""
    return sqlite3.connect(path, isolation_level=None)
