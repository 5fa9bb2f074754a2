"""A file that is open in this process is not opened beside SQLite: its locks would be given up."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from intended_adapters.storage.connection import check_file, connect
from intended_adapters.storage.openfiles import close, unless_open
from intended_adapters.storage.sqlite import SqliteStorage
from intended_core.testing.storage_cases import in_processes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    SqliteStorage.create(path, durability="normal").close()
    return path


def looked(path: Path) -> bool:
    return unless_open(path, lambda: True) is True


def test_a_file_counts_as_open_until_its_last_connection_is_closed(file: Path) -> None:
    assert looked(file)
    one = connect(file, durability="normal", busy_timeout_seconds=1)
    two = connect(file, durability="normal", busy_timeout_seconds=1, read_only=True)
    assert not looked(file)
    close(one)
    close(one)
    assert not looked(file)
    close(two)
    assert looked(file)


def test_another_name_of_the_file_is_the_same_file(file: Path) -> None:
    link = file.with_name("b.db")
    link.symlink_to(file)
    connection = connect(file, durability="normal", busy_timeout_seconds=1)
    assert not looked(link)
    close(connection)
    assert looked(link)
    assert looked(file.with_name("none.db"))


def test_a_child_of_a_fork_has_nothing_open(file: Path) -> None:
    connection = connect(file, durability="normal", busy_timeout_seconds=1)
    child = os.fork()
    if child == 0:
        os._exit(0 if looked(file) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    close(connection)


def test_what_is_open_is_checked_without_a_look(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = SqliteStorage.open(file, durability="normal")

    def refuse(*given: object, **named: object) -> Any:
        raise AssertionError("opened beside SQLite")

    monkeypatch.setattr(Path, "open", refuse)
    check_file(file)
    storage.probe()
    SqliteStorage.open(file, durability="normal").close()
    storage.close()


def _open_and_close(sending: Any, file: Path) -> None:
    SqliteStorage.open(file, durability="normal").close()
    sending.send(True)


def test_another_process_that_closes_the_store_leaves_our_log(file: Path) -> None:
    """Seen: it took itself for the last one, removed the write-ahead log, and what was committed afterwards was lost."""
    storage = SqliteStorage.open(file, durability="normal")
    storage.probe()
    assert storage.tenants() == ()
    assert in_processes(_open_and_close, [(file,)]) == ([True], [0])
    assert Path(f"{file}-wal").exists()
    storage.close()
    assert not Path(f"{file}-wal").exists(), "the last one takes it in"
    sqlite3.connect(file).close()
