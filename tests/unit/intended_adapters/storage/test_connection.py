"""Connections have their settings, read back; another journal or an old SQLite is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from intended_adapters.storage import connection
from intended_adapters.storage.connection import connect, settings
from intended_core.errors import AssemblyError, StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    connection.create_file(tmp_path / "x.db")
    return tmp_path / "x.db"


@pytest.mark.parametrize(("durability", "level"), [("full", "2"), ("normal", "1")])
def test_every_setting_on_every_connection(path: Path, durability: connection.Durability, level: str) -> None:
    for read_only in (False, True):
        made = connect(path, durability=durability, busy_timeout_seconds=1.5, read_only=read_only)
        found = dict(settings(made))
        expected = {
            "journal_mode": "wal", "synchronous": level, "busy_timeout": "1500", "foreign_keys": "1", "trusted_schema": "0",
            "cell_size_check": "1", "secure_delete": "1",
        }  # fmt: skip
        assert {name: found[name] for name in expected} == expected
        assert made.isolation_level is None
        made.close()


def test_a_journal_that_is_not_the_write_ahead_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.connect

    class Stubborn(sqlite3.Connection):
        def execute(self, statement: str, *given: object) -> sqlite3.Cursor:  # type: ignore[override]
            return super().execute("SELECT 'delete'" if "journal_mode" in statement else statement, *given)

    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: real(*given, **named, factory=Stubborn))
    with pytest.raises(StoreError, match="write-ahead log.*'delete'"):
        connect(path, durability="full", busy_timeout_seconds=1)


def test_a_setting_that_is_not_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = sqlite3.connect

    class Deaf(sqlite3.Connection):
        def execute(self, statement: str, *given: object) -> sqlite3.Cursor:  # type: ignore[override]
            return super().execute("SELECT 1" if "synchronous =" in statement else statement, *given)

    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: real(*given, **named, factory=Deaf))
    with pytest.raises(StoreError, match="did not take the setting synchronous"):
        connect(path, durability="normal", busy_timeout_seconds=1)


def test_an_old_sqlite(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 9))
    with pytest.raises(AssemblyError, match=r"3\.37 or newer"):
        connect(path, durability="full", busy_timeout_seconds=1)


def test_readers_do_not_write(path: Path) -> None:
    made = connect(path, durability="full", busy_timeout_seconds=1, read_only=True)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        made.execute("CREATE TABLE t (x)")
    made.close()
