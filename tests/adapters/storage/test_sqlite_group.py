"""Units that share one durable commit on a real file: each is alone in what it does, and all stand or fall with the commit."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from intended_adapters.storage.group import Job
from intended_adapters.storage.sqlite import SqliteStorage
from intended_core.errors import StoreConflictError, StoreError, StoreFullError, UnitRefusedError
from intended_core.ids import Scope
from intended_core.testing.storage_cases import ACME, advance, check_log, consume, in_processes, issue, row
from intended_core.unit import Unit, Write
from tests.adapters.storage.sqlite_world import SqliteHarness, founded


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intended_adapters.storage.sqlite.BATCH_SECONDS", 60.0)  # a busy machine splits no batch


def batch(storage: SqliteStorage, *units: Unit) -> list[Any]:
    """Put these units through one transaction; the answer or the error of each."""
    jobs = [Job(unit) for unit in units]
    assert storage._run(jobs) == len(jobs)
    return [job.error or job.committed for job in jobs]


def statements_of(storage: SqliteStorage, act: Callable[[], object]) -> list[str]:
    seen: list[str] = []
    with storage._pool as cursor:
        cursor.connection.set_trace_callback(lambda text: seen.append(text.split()[0]))
    act()
    with storage._pool as cursor:
        cursor.connection.set_trace_callback(None)
    return seen


def test_many_units_one_commit(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db", "n", "m")
    seen = statements_of(
        storage, lambda: batch(storage, consume(ACME, "n", b"x"), advance(ACME), consume(ACME, "m", b"y"))
    )
    # One read of the head and of the nonces; the nonces one by one, the records in sizes of powers of two, the head once.
    assert seen == ["BEGIN", "SELECT", "SELECT", "UPDATE", "UPDATE", "INSERT", "INSERT", "UPDATE", "COMMIT"]
    check_log(storage, ACME, 5, "three units at once")


def test_what_is_not_simple_is_run_unit_by_unit_in_another_transaction(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db", "n")
    key = advance(ACME, Write(row("signing_key", "token:a", state="ACTIVE"), 0))
    other = advance(ACME, Write(row("signing_key", "token:b", state="ACTIVE"), 0))
    answers: list[Any] = []
    seen = statements_of(storage, lambda: answers.extend(batch(storage, consume(ACME, "n", b"x"), key, other)))
    assert [type(answer).__name__ for answer in answers] == ["Committed", "Committed", "StoreConflictError"]
    assert (seen.count("BEGIN"), seen.count("SAVEPOINT"), seen.count("RELEASE"), seen.count("COMMIT")) == (2, 3, 3, 1)
    assert seen.count("ROLLBACK") == 2  # of the first transaction, and of the second key
    assert [each.key for each in storage.scan(ACME, "signing_key")] == ["token:a"]
    check_log(storage, ACME, 4, "a nonce and a key")


def test_a_unit_that_fails_takes_no_other_along(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db", "n")
    there = Write(row("nonce", "n", state="ISSUED"), 0)
    nowhere = Scope("nobody", "9" * 32, "live")
    answers = batch(
        storage,
        consume(ACME, "n", b"first"), consume(ACME, "n", b"second"), advance(ACME, there), advance(nowhere),
        advance(ACME, Write(row("nonce", "late", state="ISSUED"), 0), there), issue(ACME, "m"),
    )  # fmt: skip
    assert [type(answer).__name__ for answer in answers] == [
        "Committed", "UnitRefusedError", "StoreConflictError", "StoreError", "StoreConflictError", "Committed",
    ]  # fmt: skip
    assert {each.key: each.state for each in storage.scan(ACME, "nonce")} == {"n": "CONSUMED", "m": "ISSUED"}
    check_log(storage, ACME, 4, "two of six units")


def test_the_same_nonce_twice_in_one_commit_is_spent_once(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db", "n")
    answers = batch(storage, *[consume(ACME, "n", bytes([number])) for number in range(8)])
    assert [isinstance(answer, UnitRefusedError) for answer in answers] == [False] + [True] * 7


def test_when_the_commit_fails_nobody_is_answered_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = founded(tmp_path / "a.db", "n", "m")
    full = StoreFullError("no space")

    def fails(self: SqliteStorage, cursor: Any) -> None:
        self._undo(cursor, full, drop=True)

    with monkeypatch.context() as patched:
        patched.setattr(SqliteStorage, "_finish", fails)
        answers = batch(storage, consume(ACME, "n", b"x"), consume(ACME, "n", b"y"), consume(ACME, "m", b"z"))
    assert answers[0] is answers[2] is full
    assert isinstance(answers[1], UnitRefusedError)
    assert {each.state for each in storage.scan(ACME, "nonce")} == {"ISSUED"}
    check_log(storage, ACME, 2, "after the commit failed")
    storage.commit(consume(ACME, "n", b"x"))


def test_a_full_disk_inside_a_batch(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db", "n")
    with storage._pool as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    answers = batch(storage, consume(ACME, "n", b"x"), issue(ACME, *[f"m{number}" for number in range(200)]))
    assert isinstance(answers[1], StoreFullError)
    states = [each.state for each in storage.scan(ACME, "nonce")]
    assert states == (["ISSUED"] if isinstance(answers[0], StoreError) else ["CONSUMED"])
    check_log(storage, ACME, 2 if isinstance(answers[0], StoreError) else 3, "after a full disk")


def test_a_break_in_one_callers_thread_leaves_the_others_with_an_unknown_outcome(tmp_path: Path) -> None:
    storage = founded(tmp_path / "a.db", "n")

    def broken(_view: object) -> Any:
        raise KeyboardInterrupt

    jobs = [Job(consume(ACME, "n", b"x")), Job(Unit(ACME, broken)), Job(advance(ACME))]
    storage._run(jobs)
    assert isinstance(jobs[0].error, KeyboardInterrupt)
    for job in jobs[1:]:
        with pytest.raises(StoreError, match="not known"):
            job.answer()
    check_log(storage, ACME, 2, "after an interrupt")


def test_a_transaction_does_not_grow_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intended_adapters.storage.sqlite.BATCH_SECONDS", -1.0)
    storage = founded(tmp_path / "a.db")
    jobs = [Job(advance(ACME)) for _ in range(3)]
    assert storage._run(jobs) == 1
    assert [job.committed is not None for job in jobs] == [True, False, False]
    check_log(storage, ACME, 3, "one of three")


def test_no_more_units_are_read_than_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intended_adapters.storage.sqlite.MAX_TOGETHER", 3)
    storage = founded(tmp_path / "a.db")
    jobs = [Job(advance(ACME)) for _ in range(5)]
    assert storage._run(jobs) == 3
    assert [job.committed is not None for job in jobs] == [True, True, True, False, False]
    check_log(storage, ACME, 5, "three of five")


def test_many_threads_spend_each_nonce_once(tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(40)]
    storage = founded(tmp_path / "a.db", *names)
    won: list[tuple[str, int]] = []

    def work(me: int) -> None:
        for name in names:
            try:
                storage.commit(consume(ACME, name, bytes([me])))
            except UnitRefusedError:
                continue
            won.append((name, me))

    threads = [threading.Thread(target=work, args=(me,)) for me in range(8)]
    seen = statements_of(storage, lambda: [*map(threading.Thread.start, threads), *map(threading.Thread.join, threads)])
    assert sorted(name for name, _ in won) == sorted(names)
    assert {each.key: each.body for each in storage.scan(ACME, "nonce")} == {name: bytes([me]) for name, me in won}
    check_log(storage, ACME, 2 + len(names), "after the race")
    assert seen.count("BEGIN") <= 8 * len(names)


def _race(sending: Any, harness: SqliteHarness, names: Sequence[str]) -> None:
    storage = harness.reopen()
    won: list[str] = []

    def work() -> None:
        for name in names:
            try:
                storage.commit(consume(ACME, name, b"x"))
            except (UnitRefusedError, StoreConflictError):
                continue
            won.append(name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    storage.close()
    sending.send(won)


def test_threads_of_two_processes_spend_each_nonce_once(tmp_path: Path) -> None:
    names = [f"n{number}" for number in range(30)]
    harness = SqliteHarness(tmp_path / "a.db")
    founded(harness.path, *names).close()
    answers, codes = in_processes(_race, [(harness, names)] * 2)
    assert codes == [0, 0]
    assert sorted(answers[0] + answers[1]) == sorted(names)
    check_log(harness.reopen(), ACME, 2 + len(names), "after the race of processes")


SPENDING = (consume(ACME, "n", b"x"), consume(ACME, "n", b"y"), consume(ACME, "m", b"z"))
TAKEN = issue(ACME, "there")  # there is one already, and the unit has not looked


@pytest.mark.parametrize(
    ("statement", "units"),
    [(statement, SPENDING) for statement in ("BEGIN", "SELECT", "UPDATE", "INSERT", "COMMIT", None)]
    + [(statement, (*SPENDING, TAKEN)) for statement in ("ROLLBACK", "SAVEPOINT", "ROLLBACK TO", "RELEASE", "COMMIT", None)],
)
def test_killed_inside_a_batch(tmp_path: Path, statement: str | None, units: tuple[Unit, ...]) -> None:
    path = tmp_path / "a.db"
    founded(path, "n", "m", "there").close()
    child = os.fork()
    if child == 0:
        try:
            storage = SqliteStorage.open(path)
            with storage._pool as cursor:
                cursor.connection.set_trace_callback(
                    lambda text: os.kill(os.getpid(), signal.SIGKILL) if statement and text.startswith(statement) else None
                )
            batch(storage, *units)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    storage = SqliteStorage.open(path, busy_timeout_seconds=0)
    done = statement is None
    assert {each.state for each in storage.scan(ACME, "nonce") if each.key in "nm"} == {"CONSUMED" if done else "ISSUED"}
    check_log(storage, ACME, 4 if done else 2, f"killed at {statement}")
