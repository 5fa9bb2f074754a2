from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from intended_adapters.key_encryption import file as room
from intended_adapters.key_encryption.file import FileKeyEncryption, open_file_key_encryption
from intended_core.errors import KeyRingError

KEY = bytes(range(32))


def written(path: Path, data: bytes = KEY, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_create_writes_once_with_mode_0600(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        one = FileKeyEncryption.create(tmp_path / "kek")
    finally:
        os.umask(old)
    found = (tmp_path / "kek").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_size) == (0o600, 32)
    assert FileKeyEncryption.open(tmp_path / "kek").kek_id == one.kek_id
    assert open_file_key_encryption(path=str(tmp_path / "kek")).kek_id == one.kek_id
    before = (tmp_path / "kek").read_bytes()
    with pytest.raises(KeyRingError, match="never overwritten"):
        FileKeyEncryption.create(tmp_path / "kek")
    assert (tmp_path / "kek").read_bytes() == before


def test_every_created_key_is_another(tmp_path: Path) -> None:
    assert FileKeyEncryption.create(tmp_path / "a").kek_id != FileKeyEncryption.create(tmp_path / "b").kek_id


def test_open_never_creates(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="missing"):
        FileKeyEncryption.open(tmp_path / "kek")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666, 0o777])
def test_open_refuses_what_others_can_touch(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyRingError, match="chmod 600"):
        FileKeyEncryption.open(written(tmp_path / "kek", mode=mode))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_open_refuses_another_length(tmp_path: Path, size: int) -> None:
    with pytest.raises(KeyRingError, match="32 bytes"):
        FileKeyEncryption.open(written(tmp_path / "kek", b"k" * size))


def test_links_directories_and_pipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(written(tmp_path / "kek"))
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "pipe", "."):
        with pytest.raises(KeyRingError):
            FileKeyEncryption.open(tmp_path / name)
    (tmp_path / "dangling").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyRingError):
        FileKeyEncryption.create(tmp_path / "dangling")
    assert not (tmp_path / "elsewhere").exists()


def test_another_accounts_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "kek")
    monkeypatch.setattr(room.os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(KeyRingError, match="another account"):
        FileKeyEncryption.open(path)


def test_create_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="cannot be created"):
        FileKeyEncryption.create(tmp_path / "no" / "kek")


def test_wrap_and_unwrap() -> None:
    kek = FileKeyEncryption(KEY)
    wrapped = kek.wrap(b"d" * 32, b"aad")
    assert len(wrapped) == 60
    assert kek.unwrap(kek.kek_id, wrapped, b"aad") == b"d" * 32
    assert kek.wrap(b"d" * 32, b"aad") != wrapped


def test_exactly_the_named_key_and_place() -> None:
    kek, other = FileKeyEncryption(KEY), FileKeyEncryption(KEY[::-1])
    wrapped = kek.wrap(b"d" * 32, b"aad")
    for adapter, name, blob, aad in (
        (kek, other.kek_id, wrapped, b"aad"),
        (other, other.kek_id, wrapped, b"aad"),
        (other, kek.kek_id, wrapped, b"aad"),
        (kek, kek.kek_id, wrapped, b"aae"),
        (kek, kek.kek_id, wrapped[:-1], b"aad"),
        (kek, kek.kek_id, b"", b"aad"),
        (kek, "", wrapped, b"aad"),
        (kek, kek.kek_id, wrapped[:59] + bytes([wrapped[59] ^ 1]), b"aad"),
    ):
        with pytest.raises(KeyRingError):
            adapter.unwrap(name, blob, aad)


def test_wraps_are_counted_and_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_WRAPS", 2)
    kek = FileKeyEncryption(KEY)
    kek.wrap(b"d" * 32, b"")
    kek.wrap(b"d" * 32, b"")
    with pytest.raises(KeyRingError, match="maximum"):
        kek.wrap(b"d" * 32, b"")


def test_data_keys_have_32_bytes() -> None:
    with pytest.raises(KeyRingError):
        FileKeyEncryption(KEY).wrap(b"d" * 16, b"")


def test_id_names_the_key_and_does_not_hold_it() -> None:
    kek = FileKeyEncryption(KEY)
    assert kek.kek_id == FileKeyEncryption(KEY).kek_id
    assert kek.kek_id.startswith("file:")
    assert KEY.hex()[:16] not in kek.kek_id


def test_a_renewed_file_opens_what_either_key_wrapped(tmp_path: Path) -> None:
    kek = FileKeyEncryption.create(tmp_path / "kek")
    first = kek.kek_id
    old = kek.wrap(b"d" * 32, b"")
    second = kek.renew()
    assert (kek.kek_id, tuple(kek.kek_ids)) == (second, (second, first))
    new = kek.wrap(b"e" * 32, b"")
    again = FileKeyEncryption.open(tmp_path / "kek")
    assert (again.unwrap(first, old, b""), again.unwrap(second, new, b"")) == (b"d" * 32, b"e" * 32)
    for name, wrapped in ((second, old), (first, new)):
        with pytest.raises(KeyRingError):
            again.unwrap(name, wrapped, b"")


def test_another_process_takes_the_renewed_file_when_it_needs_it(tmp_path: Path) -> None:
    one = FileKeyEncryption.create(tmp_path / "kek")
    other = FileKeyEncryption.open(tmp_path / "kek")
    second = one.renew()
    assert other.kek_id != second
    assert other.unwrap(second, one.wrap(b"d" * 32, b""), b"") == b"d" * 32
    assert other.kek_id == second
    third = one.renew()
    assert one.unwrap(third, other.wrap(b"e" * 32, b""), b"") == b"e" * 32, "what is wrapped is wrapped by the newest"


def test_older_keys_are_dropped_and_open_nothing_any_more(tmp_path: Path) -> None:
    kek = FileKeyEncryption.create(tmp_path / "kek")
    first, old = kek.kek_id, kek.wrap(b"d" * 32, b"")
    second = kek.renew()
    assert kek.drop_older() == (first,)
    assert tuple(kek.kek_ids) == (second,)
    assert (tmp_path / "kek").stat().st_size == 32
    with pytest.raises(KeyRingError):
        kek.unwrap(first, old, b"")


def test_a_file_has_at_most_sixteen_keys(tmp_path: Path) -> None:
    kek = FileKeyEncryption.create(tmp_path / "kek")
    for _ in range(15):
        kek.renew()
    with pytest.raises(KeyRingError, match="16 keys"):
        kek.renew()
    assert len(FileKeyEncryption.open(tmp_path / "kek").kek_ids) == 16


def test_keys_without_a_file_are_not_renewed() -> None:
    for call in (FileKeyEncryption(KEY).renew, FileKeyEncryption(KEY).drop_older):
        with pytest.raises(KeyRingError, match="no file"):
            call()


def test_a_file_that_goes_away_changes_nothing_for_who_has_it(tmp_path: Path) -> None:
    kek = FileKeyEncryption.create(tmp_path / "kek")
    (tmp_path / "kek").unlink()
    assert kek.unwrap(kek.kek_id, kek.wrap(b"d" * 32, b""), b"") == b"d" * 32


def test_the_count_stands_beside_the_file_and_outlives_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FileKeyEncryption.create(tmp_path / "kek").wrap(b"d" * 32, b"")
    monkeypatch.setattr(room, "MAX_WRAPS", 256)
    with pytest.raises(KeyRingError, match="maximum"):
        FileKeyEncryption.open(tmp_path / "kek").wrap(b"d" * 32, b"")
