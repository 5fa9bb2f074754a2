"""kill -9 between any two statements of a unit, a log cut at any place, and forks: all of a unit or nothing, and nobody is locked out."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from intended_adapters.storage.sqlite import SqliteStorage
from intended_core.errors import UnitRefusedError
from intended_core.testing.storage_cases import ACME, advance, check_log, consume, issue
from tests.adapters.storage.sqlite_world import SqliteHarness, founded

STATEMENTS = ("BEGIN", "SELECT", "SELECT", "UPDATE", "INSERT", "UPDATE", "COMMIT")  # of a unit that spends one nonce


def _in_fork(work: Callable[[], None]) -> int:
    """Run `work` in a forked child; how the child ended (negative: the signal)."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("place", range(len(STATEMENTS) + 1))
def test_killed_between_statements(tmp_path: Path, place: int) -> None:
    path = tmp_path / "authority.db"
    founded(path, "n").close()

    def work() -> None:
        storage = SqliteStorage.open(path)
        storage.head(ACME)
        seen = 0
        with storage._pool as cursor:

            def count(statement: str) -> None:
                nonlocal seen
                if seen == place or not statement.startswith(STATEMENTS[seen]):
                    os.kill(os.getpid(), signal.SIGKILL)
                seen += 1

            cursor.connection.set_trace_callback(count)
        storage.commit(consume(ACME, "n", b"x"))
        os.kill(os.getpid(), signal.SIGKILL)

    assert _in_fork(work) == -signal.SIGKILL
    storage = SqliteStorage.open(path, busy_timeout_seconds=0)
    done = place == len(STATEMENTS)
    assert [row.state for row in storage.scan(ACME, "nonce")] == ["CONSUMED" if done else "ISSUED"]
    check_log(storage, ACME, 3 if done else 2, f"killed before statement {place}")
    if done:
        with pytest.raises(UnitRefusedError):
            storage.commit(consume(ACME, "n", b"y"))
    else:
        storage.commit(consume(ACME, "n", b"y"))
    check_log(storage, ACME, 3, "the next unit")


def test_a_write_ahead_log_cut_anywhere_ends_at_a_whole_unit(tmp_path: Path) -> None:
    path, copy = tmp_path / "authority.db", tmp_path / "copy.db"
    founded(path).close()  # the last to close moves the log into the file
    storage = SqliteStorage.open(path)
    for number in range(6):
        storage.commit(issue(ACME, f"n{number}"))
    wal = Path(f"{path}-wal").read_bytes()
    main = path.read_bytes()
    found = set()
    for end in range(len(wal), -1, -1531):
        copy.write_bytes(main)
        Path(f"{copy}-wal").write_bytes(wal[:end])
        opened = SqliteStorage.open(copy)
        head = opened.head(ACME)
        size = 0 if head is None else head.version
        check_log(opened, ACME, size, f"cut at {end}")
        assert len(opened.scan(ACME, "nonce")) == size - 2
        found.add(size)
        opened.close()
        for suffix in ("-wal", "-shm"):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
    assert found == set(range(2, 9)), "the cuts fell into every unit"
    storage.close()


def test_parent_and_child_share_the_file_and_no_connection(tmp_path: Path) -> None:
    harness = SqliteHarness(tmp_path / "authority.db")
    storage = founded(harness.path, *[f"n{number}" for number in range(20)])
    storage.head(ACME)
    reading, writing = os.pipe()

    def work() -> None:
        won = b""
        for number in range(20):
            try:
                storage.commit(consume(ACME, f"n{number}", b"child"))
                won += bytes([number])
            except UnitRefusedError:
                continue
        assert storage.head(ACME) is not None
        os.write(writing, won)
        storage.close()

    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    mine = set()
    for number in reversed(range(20)):
        try:
            storage.commit(consume(ACME, f"n{number}", b"parent"))
            mine.add(number)
        except UnitRefusedError:
            continue
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    os.close(writing)
    theirs = set(os.read(reading, 100))
    os.close(reading)
    assert mine | theirs == set(range(20))
    assert not mine & theirs
    check_log(storage, ACME, 22, "after both")


def test_a_child_outlives_its_parents_store(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    storage = founded(path, "n")
    storage.head(ACME)
    go_reading, go_writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            storage.commit(advance(ACME))
            os.read(go_reading, 1)
            storage.commit(consume(ACME, "n", b"child"))
            code = 0
        finally:
            os._exit(code)
    storage.commit(advance(ACME))
    storage.close()
    os.write(go_writing, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    again = SqliteStorage.open(path)
    check_log(again, ACME, 5, "after the child wrote on")
    assert [row.body for row in again.scan(ACME, "nonce")] == [b"child"]


def test_forking_while_other_threads_write(tmp_path: Path) -> None:
    storage = founded(tmp_path / "authority.db")
    stop = threading.Event()
    failures: list[Exception] = []

    def write() -> None:
        while not stop.is_set():
            try:
                storage.commit(advance(ACME))
                storage.head(ACME)
            except Exception as error:  # noqa: BLE001 - reported below
                failures.append(error)
                return

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    codes = [_in_fork(lambda: storage.commit(advance(ACME)) and None) for _ in range(5)]
    stop.set()
    for thread in threads:
        thread.join()
    assert (codes, failures) == ([0] * 5, [])
    head = storage.head(ACME)
    assert head is not None
    check_log(storage, ACME, head.version, "after forks and writes")


def test_a_fork_inside_a_unit_leaves_the_child_without_the_store(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    founded(path, "n").close()
    storage = SqliteStorage.open(path, busy_timeout_seconds=0.05)
    codes: list[int] = []

    def fork() -> None:
        codes.append(_in_fork(lambda: storage.head(ACME) and None))

    storage.commit(consume(ACME, "n", b"parent", before=fork))
    assert codes == [1]
    check_log(storage, ACME, 3, "the parent's unit")


def test_a_copy_of_a_closed_store_is_a_store(tmp_path: Path) -> None:
    path = tmp_path / "authority.db"
    storage = founded(path, "n")
    storage.close()
    shutil.copy(path, tmp_path / "backup.db")
    copy = SqliteStorage.open(tmp_path / "backup.db")
    check_log(copy, ACME, 2, "the backup")
