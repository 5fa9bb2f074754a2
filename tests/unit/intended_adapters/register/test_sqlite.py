"""The detached register in a file: one winner for a nonce, whoever asks and whatever happens in between."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from intended_adapters.register.sqlite import SqliteRegister
from intended_core import ManualClock
from intended_core.errors import AssemblyError, StoreError

NOW_US = 1_800_000_000_000_000


def ask(register: SqliteRegister, jti: str, keep: int = 19) -> str:
    return register.consume(jti, keep, token="", call=b"", attempt="", proof=None)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_US)


@pytest.fixture
def register(tmp_path: Path, clock: ManualClock) -> SqliteRegister:
    return SqliteRegister.create(tmp_path / "r.db", name="edge-1", clock=clock)


def test_once_and_after_a_restart(register: SqliteRegister, tmp_path: Path, clock: ManualClock) -> None:
    assert [ask(register, "a"), ask(register, "a"), ask(register, "b")] == ["consumed", "spent", "consumed"]
    register.record(b"{}")
    register.close()
    again = SqliteRegister.open(tmp_path / "r.db", name="edge-1", clock=clock)
    assert [ask(again, "a"), ask(again, "c")] == ["spent", "consumed"]
    assert again.entries() == (b"{}",)
    assert (again.name, again.detached) == ("edge-1", True)
    assert stat.S_IMODE((tmp_path / "r.db").stat().st_mode) == 0o600
    with pytest.raises(StoreError):
        ask(register, "d")


def test_one_winner_among_threads_with_files_of_their_own(tmp_path: Path, clock: ManualClock, register: SqliteRegister) -> None:
    others = [SqliteRegister.open(tmp_path / "r.db", name="edge-1", clock=clock) for _ in range(3)]
    answers: list[str] = []
    barrier = threading.Barrier(8)

    def run(each: SqliteRegister) -> None:
        for number in range(25):
            barrier.wait(30)
            answers.append(ask(each, f"jti-{number}"))

    threads = [threading.Thread(target=run, args=(each,)) for each in [register, *others] * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (answers.count("consumed"), answers.count("spent")) == (25, 175)


def test_another_process_finds_the_mark(tmp_path: Path, register: SqliteRegister) -> None:
    assert ask(register, "a") == "consumed"
    text = (
        "import sys; from intended_adapters.register.sqlite import SqliteRegister; from intended_core.clock import ManualClock;"
        f"r = SqliteRegister.open(sys.argv[1], name='edge-1', clock=ManualClock({NOW_US}));"
        "print(r.consume('a', 19, token='', call=b'', attempt='', proof=None), r.consume('b', 19, token='', call=b'', attempt='', proof=None))"
    )
    done = subprocess.run([sys.executable, "-c", text, str(tmp_path / "r.db")], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["spent", "consumed"]
    assert ask(register, "b") == "spent"


def test_a_mark_outlives_its_time_by_the_leeway_and_is_then_forgotten(register: SqliteRegister, clock: ManualClock) -> None:
    ask(register, "a")
    clock.advance(seconds=19 + 30)
    assert ask(register, "a") == "spent"
    clock.advance(seconds=2)
    assert ask(register, "a") == "consumed"  # its token expired a minute ago; the redeemer never asks


def test_a_clock_that_is_set_back(tmp_path: Path, register: SqliteRegister, clock: ManualClock) -> None:
    ask(register, "a")
    clock.advance(seconds=3600)
    ask(register, "b")  # "a" is forgotten now
    clock.advance(seconds=-29)
    assert ask(register, "c") == "consumed"
    clock.advance(seconds=-2)
    with pytest.raises(StoreError):
        ask(register, "a")
    earlier = SqliteRegister.open(tmp_path / "r.db", name="edge-1", clock=ManualClock(NOW_US))
    with pytest.raises(StoreError):
        ask(earlier, "a")


@pytest.mark.parametrize("keep", [0, -1, 3601, True, 1.5, None])
def test_a_time_to_keep_that_is_none(register: SqliteRegister, keep: object) -> None:
    with pytest.raises(StoreError):
        ask(register, "a", keep)  # type: ignore[arg-type]


def test_opening_makes_nothing_and_takes_no_other_file(tmp_path: Path, clock: ManualClock, register: SqliteRegister) -> None:
    with pytest.raises(AssemblyError):
        SqliteRegister.create(tmp_path / "r.db", name="edge-1", clock=clock)
    with pytest.raises(AssemblyError):
        SqliteRegister.open(tmp_path / "none.db", name="edge-1", clock=clock)
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(AssemblyError):
        SqliteRegister.open(tmp_path / "r.db", name="edge-2", clock=clock)
    (tmp_path / "text.db").write_text("not a database, and long enough to be looked at as one" * 20)
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE about (name TEXT)").connection.commit()
    for name in ("text.db", "empty.db"):
        with pytest.raises(AssemblyError):
            SqliteRegister.open(tmp_path / name, name="edge-1", clock=clock)


def test_a_store_that_is_held_or_spoilt_answers_nothing(tmp_path: Path, register: SqliteRegister, monkeypatch: pytest.MonkeyPatch) -> None:
    register._connection.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(tmp_path / "r.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError):
        ask(register, "a")
    other.execute("ROLLBACK")
    other.execute("DROP TABLE journal")
    with pytest.raises(StoreError):
        register.record(b"{}")
    assert ask(register, "a") == "consumed"
    other.execute("DROP TABLE spent")
    with pytest.raises(StoreError):
        ask(register, "b")
