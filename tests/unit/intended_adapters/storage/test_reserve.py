"""What is the store's reserve and what only bears its name, how much it holds, and what is lent and comes back."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from intended_adapters.storage import reserve as room
from intended_adapters.storage.reserve import PART_BYTES, RESERVE_BYTES, Reserve
from intended_adapters.storage.sqlite import SqliteStorage
from intended_core.errors import StoreFullError
from intended_core.testing.storage_cases import ACME, advance


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The store's own file; nothing here looks inside."""
    path = tmp_path / "a.db"
    path.write_bytes(b"a store")
    return path


def beside(file: Path) -> Path:
    return file.with_name(f"{file.name}-reserve")


def test_it_is_set_aside_for_this_account_alone_and_really_takes_the_space(file: Path) -> None:
    Reserve(str(file)).fill()
    found = beside(file).stat()
    assert (found.st_size, found.st_mode & 0o777, found.st_nlink) == (RESERVE_BYTES, 0o600, 1)
    assert found.st_blocks * 512 >= RESERVE_BYTES
    assert beside(file).read_bytes() == bytes(RESERVE_BYTES)
    assert Reserve(str(file)).held() == RESERVE_BYTES


def test_it_lies_beside_what_a_link_leads_to(file: Path, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "b.db"
    link.symlink_to(file)
    Reserve(str(link)).fill()
    assert beside(file).stat().st_size == RESERVE_BYTES
    assert list(link.parent.iterdir()) == [link]


def test_there_is_none_without_a_store(file: Path) -> None:
    file.unlink()
    made = Reserve(str(file))
    made.fill()
    assert not beside(file).exists()
    assert made.held() == 0


def test_what_lost_a_part_or_has_holes_is_made_whole(file: Path) -> None:
    made = Reserve(str(file))
    made.fill()
    os.truncate(beside(file), 5000)
    made.fill()
    assert made.held() == RESERVE_BYTES
    beside(file).unlink()
    beside(file).touch(0o600)
    os.truncate(beside(file), RESERVE_BYTES)  # as a copy may be: all of it is a hole
    assert made.held() == 0
    made.fill()
    assert made.held() == RESERVE_BYTES


def _link(at: Path) -> None:
    at.with_name("elsewhere").write_bytes(bytes(100))
    at.symlink_to("elsewhere")


def _dangling(at: Path) -> None:
    at.symlink_to("nowhere")


def _second_name(at: Path) -> None:
    at.with_name("elsewhere").write_bytes(bytes(100))
    at.hardlink_to(at.with_name("elsewhere"))


def _the_store_itself(at: Path) -> None:
    at.hardlink_to(at.with_name("a.db"))


def _socket(at: Path) -> None:
    here = Path.cwd()
    os.chdir(at.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(at.name)
    finally:
        os.chdir(here)


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a text": lambda at: at.write_bytes(bytes(500) + b"x" + bytes(500)),
    "a whole one with one byte of another's": lambda at: at.write_bytes(bytes(RESERVE_BYTES - 1) + b"x"),
    "a part with one byte of another's in its midst": lambda at: at.write_bytes(bytes(70_001) + b"x" + bytes(100_000)),
    "larger": lambda at: at.write_bytes(bytes(RESERVE_BYTES + 1)),
    "a link": _link,
    "a link to nowhere": _dangling,
    "a second name": _second_name,
    "a second name of the store": _the_store_itself,
    "a folder": lambda at: at.mkdir(),
    "a pipe": lambda at: os.mkfifo(at),
    "a socket": _socket,
}


def seen(folder: Path) -> dict[str, object]:
    return {
        path.name: (os.lstat(path)[:7], path.read_bytes() if path.is_file() else path.readlink() if path.is_symlink() else b"")
        for path in folder.iterdir()
    }


@pytest.mark.parametrize("what", FOREIGN)
def test_what_may_be_anything_else_is_left_alone(file: Path, what: str) -> None:
    FOREIGN[what](beside(file))
    before = seen(file.parent)
    made = Reserve(str(file))
    made.fill()
    with made:
        made.lend()
        assert seen(file.parent) == before
    assert seen(file.parent) == before
    assert made.held() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to another account")
def test_a_file_of_another_account_is_left_alone_and_one_that_root_makes_is_the_stores_owners(file: Path) -> None:
    beside(file).write_bytes(b"")
    os.chown(beside(file), 4321, 4321)
    made = Reserve(str(file))
    made.fill()
    assert (made.held(), beside(file).stat().st_size) == (0, 0)
    beside(file).unlink()
    os.chown(file, 4321, 4321)
    made.fill()
    assert made.held() == RESERVE_BYTES
    assert (beside(file).stat().st_uid, beside(file).stat().st_gid) == (4321, 4321)


def test_a_part_is_lent_and_comes_back(file: Path) -> None:
    made = Reserve(str(file))
    made.fill()
    with made:
        made.lend()
        assert made.held() == RESERVE_BYTES - PART_BYTES
        Reserve(str(file)).fill()
        assert made.held() == RESERVE_BYTES - PART_BYTES, "nobody else takes it back meanwhile"
    assert made.held() == RESERVE_BYTES
    assert not made.low
    made.fill()
    assert made.held() == RESERVE_BYTES


def test_what_is_lent_comes_back_as_far_as_there_is_space(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = 3 * 4096 + 100
    take = room._allocate

    def short(handle: int, at: int, size: int) -> None:
        nonlocal space
        if size > space:
            os.truncate(handle, at + space)  # a file system may leave a part
            raise OSError(28, "No space left on device")
        space -= size
        take(handle, at, size)

    made = Reserve(str(file))
    made.fill()
    monkeypatch.setattr(room, "_allocate", short)
    with made:
        made.lend()
    assert made.held() == RESERVE_BYTES - PART_BYTES + 3 * 4096
    assert made.low
    space = RESERVE_BYTES
    made.again()
    assert made.held() == RESERVE_BYTES
    assert not made.low


def test_a_lock_of_somebody_else_holds_up_no_halt(file: Path) -> None:
    made = Reserve(str(file))
    made.fill()
    with beside(file).open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with made:
            made.lend()
            assert made.held() == RESERVE_BYTES - PART_BYTES
    assert made.held() == RESERVE_BYTES


def test_it_is_tried_again_every_now_and_then_where_it_was_low(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(room.time, "monotonic", lambda: now)
    made = Reserve(str(file))
    made.again()
    assert not beside(file).exists(), "it was not low"
    beside(file).mkdir()
    made.low = True
    made.again()
    beside(file).rmdir()
    made.again()
    assert not beside(file).exists(), "it was tried just now"
    now += 2
    made.again()
    assert made.held() == RESERVE_BYTES


class Watched(Reserve):
    """Counts what is lent."""

    lent = 0

    def lend(self) -> None:
        self.lent += 1
        super().lend()


def test_it_is_lent_only_to_what_goes_first_and_met_a_full_disk(tmp_path: Path) -> None:
    storage = SqliteStorage.create(tmp_path / "a.db", durability="normal")
    storage.create_scope(ACME)
    storage._reserve = watched = Watched(str(tmp_path / "a.db"))  # type: ignore[misc]
    unit, fails = advance(ACME), 0

    def decide(view: object) -> object:
        nonlocal fails
        if fails:
            fails -= 1
            raise StoreFullError("no space is left")
        return unit.decide(view)  # type: ignore[arg-type]

    ordinary = replace(unit, decide=decide)  # type: ignore[arg-type]
    stops = replace(ordinary, first=True)
    storage.commit(stops)
    assert watched.lent == 0
    fails = 1
    with pytest.raises(StoreFullError):
        storage.commit(ordinary)
    assert (watched.lent, fails) == (0, 0)
    fails = 1
    storage.commit(stops)
    assert (watched.lent, fails) == (1, 0)
    fails = 3
    with pytest.raises(StoreFullError):
        storage.commit(stops)
    assert (watched.lent, fails) == (2, 1), "once more, and not again"
    fails = 0
    storage.commit(ordinary)
    assert watched.held() == RESERVE_BYTES
    storage.close()
