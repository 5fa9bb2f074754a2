from __future__ import annotations

import os
from pathlib import Path

import pytest

from intended_adapters.key_encryption import keyfile as room
from intended_adapters.key_encryption.keyfile import SealCount, create_file, read_keys, replace_keys, state_of
from intended_core.errors import KeyRingError

ONE, TWO = b"1" * 32, b"2" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create_file(tmp_path / "kek", ONE)
    return tmp_path / "kek"


def test_several_keys_in_their_order(path: Path) -> None:
    assert read_keys(path, most=16) == (ONE,)
    replace_keys(path, lambda keys: (TWO, *keys), most=16)
    assert read_keys(path, most=16) == (TWO, ONE)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyRingError, match="32 bytes"):
        read_keys(path, most=1)


def test_a_change_that_fails_leaves_the_file(path: Path) -> None:
    def refuse(keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
        raise KeyRingError("no")

    with pytest.raises(KeyRingError, match="no"):
        replace_keys(path, refuse, most=16)
    assert read_keys(path, most=16) == (ONE,)


def test_what_a_crash_left_before_its_rename_is_in_nobodys_way(path: Path) -> None:
    create_file(path.with_name("kek.new"), b"half")
    replace_keys(path, lambda keys: (TWO, *keys), most=16)
    assert read_keys(path, most=16) == (TWO, ONE)
    assert not path.with_name("kek.new").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="cannot be written"):
        replace_keys(tmp_path / "no" / "kek", lambda keys: keys, most=16)


def test_a_replaced_file_is_another_one(path: Path) -> None:
    before = state_of(path)
    replace_keys(path, lambda keys: keys, most=16)
    assert state_of(path) not in (before, None)
    assert state_of(path.with_name("none")) is None


def taken(count: SealCount, name: str, most: int) -> int:
    for number in range(most + 2 * room.BLOCK):
        try:
            count.take(name, most=most)
        except KeyRingError as error:
            assert "maximum" in str(error)
            return number
    raise AssertionError("no bound")


def test_all_processes_count_together_and_never_too_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BLOCK", 4)
    file = tmp_path / "kek.seals"
    one, two = SealCount(file), SealCount(file)
    one.take("a", most=10)
    two.take("a", most=10)
    assert file.read_text() == "a 4\na 4\n"
    assert taken(two, "a", 10) == 3 + 2, "what is left of its block, and what is left of all"
    assert taken(SealCount(file), "a", 10) == 0
    assert taken(one, "a", 10) == 3, "a block that was taken is counted already"
    assert taken(SealCount(file), "b", 10) == 10, "each key has its own count"
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_crash_cut_counts_for_every_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BLOCK", 4)
    file = tmp_path / "kek.seals"
    file.write_bytes(b"a 4\nb \n\xff\xff\n")
    file.chmod(0o600)
    assert taken(SealCount(file), "c", 12) == 4


def test_a_count_that_cannot_be_written_seals_nothing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "else")
    for file in (tmp_path / "no" / "kek.seals", tmp_path / "link"):
        with pytest.raises(KeyRingError, match="nothing is sealed"):
            SealCount(file).take("a", most=10)


def test_a_fork_takes_a_block_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kek.seals"
    count = SealCount(file)
    count.take("a", most=10_000)
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)
    count.take("a", most=10_000)
    assert len(file.read_text().splitlines()) == 2
