"""The mark moves forward only, whoever writes to it, and a file that is not its own is no mark."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from intended_adapters.head_mark.file import FileHeadMark, open_file_head_mark
from intended_core.errors import AdapterError
from intended_core.ids import Scope
from intended_core.ports import HeadNote
from intended_core.testing.storage_cases import in_processes
from tests.reference.token_world import OTHER, SCOPE


def note(size: int, generation: int = 1) -> HeadNote:
    return HeadNote(generation=generation, size=size, root=bytes([size % 256]) * 32, tag=b"t" * 32)


@pytest.fixture
def mark(tmp_path: Path) -> FileHeadMark:
    return open_file_head_mark(path=str(tmp_path / "kek.heads"))


def test_nothing_is_noted_before_the_first_head(mark: FileHeadMark) -> None:
    assert (mark.exists(), mark.newest(SCOPE)) == (False, None)
    mark.advance([(SCOPE, note(3))])
    assert (mark.exists(), mark.newest(SCOPE), mark.newest(OTHER)) == (True, note(3), None)
    assert stat.S_IMODE(Path(mark.location).stat().st_mode) == 0o600
    assert [path.name for path in Path(mark.location).parent.iterdir()] == ["kek.heads"]


def test_a_new_mark_is_there_before_anything_is_noted(mark: FileHeadMark) -> None:
    for _ in range(2):
        made = open_file_head_mark(path=mark.location, new=True)
        assert (made.exists(), made.newest(SCOPE)) == (True, None)
    mark.advance([(SCOPE, note(3))])
    assert open_file_head_mark(path=mark.location, new=True).newest(SCOPE) == note(3)


def test_a_note_moves_forward_only_by_generation_and_then_by_size(mark: FileHeadMark) -> None:
    for made, stands in ((note(5), 5), (note(4), 5), (note(6), 6), (note(2, 2), 2), (note(9, 1), 2)):
        mark.advance([(SCOPE, made), (OTHER, note(1))])
        found = mark.newest(SCOPE)
        assert found is not None
        assert found.size == stands


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"v":1,"heads":{}}', b'{"v":0,"heads":[]}', b'{"v":0,"heads":{"x":{"g":"1"}}}', b'{"v":0,"heads":{"x":{"g":1,"n":2,"root":"*","tag":""}}}', b"\xff"],
    ids=range(8),
)  # fmt: skip
def test_a_damaged_file_is_neither_read_nor_written_over(mark: FileHeadMark, data: bytes) -> None:
    path = Path(mark.location)
    path.write_bytes(data)
    for act in (lambda: mark.newest(SCOPE), lambda: mark.advance([(SCOPE, note(1))])):
        with pytest.raises(AdapterError):
            act()
    assert path.read_bytes() == data


def test_a_link_a_directory_or_no_directory(mark: FileHeadMark, tmp_path: Path) -> None:
    path = Path(mark.location)
    path.symlink_to(tmp_path / "elsewhere")
    assert mark.exists()
    with pytest.raises(AdapterError):
        mark.newest(SCOPE)
    path.unlink()
    path.mkdir()
    with pytest.raises(AdapterError):
        mark.newest(SCOPE)
    with pytest.raises(AdapterError):
        FileHeadMark(tmp_path / "none" / "heads").advance([(SCOPE, note(1))])


def test_what_a_dead_writer_left_is_written_over(mark: FileHeadMark) -> None:
    Path(mark.location + ".new").write_bytes(b"half")
    mark.advance([(SCOPE, note(1))])
    assert mark.newest(SCOPE) == note(1)


def _write(sending: object, path: str, mine: int) -> None:
    mark = FileHeadMark(path)
    for size in range(1, 40):
        mark.advance([(Scope(SCOPE.tenant, f"{mine:032x}", "live"), note(size))])


def test_two_processes_lose_nothing_of_each_other(mark: FileHeadMark) -> None:
    _, codes = in_processes(_write, [(mark.location, 1), (mark.location, 2)])
    assert codes == [0, 0]
    assert [mark.newest(Scope(SCOPE.tenant, f"{mine:032x}", "live")) for mine in (1, 2)] == [note(39)] * 2
