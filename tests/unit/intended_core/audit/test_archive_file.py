"""The archive as a file: the same bytes as the one in memory, read by place and in bounded pieces."""

from __future__ import annotations

from io import BytesIO

import pytest

from intended_core.audit import archive_file
from intended_core.audit.archive import pack
from intended_core.audit.archive_file import ArchiveFile, ArchiveWriter, Sum
from intended_core.errors import AuditError

MEMBERS = {"README.txt": b"read me", "a/b.json": b"{}", "lines.jsonl": b"one\ntwo\nthree\n", "z": b""}


def written() -> bytes:
    out = BytesIO()
    writer = ArchiveWriter(out)
    for name in sorted(MEMBERS):
        data = MEMBERS[name]
        made = writer.stream(name, (data[at : at + 2] for at in range(0, len(data), 2)))
        assert made == Sum.of(data)
    assert writer.close() == len(out.getvalue())
    return out.getvalue()


def test_streaming_writes_the_one_form() -> None:
    assert written() == pack(MEMBERS)


def test_members_are_read_by_place() -> None:
    archive = ArchiveFile.open(BytesIO(pack(MEMBERS)))
    assert {name: archive.read(name, limit=100) for name in archive.members} == MEMBERS
    with pytest.raises(AuditError, match="longer"):
        archive.read("README.txt", limit=6)


@pytest.mark.parametrize("chunk", [1, 3, 4, 1024])
def test_lines_come_whole_whatever_the_pieces(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_file, "CHUNK_BYTES", chunk)
    archive, seen = ArchiveFile.open(BytesIO(pack(MEMBERS))), list[Sum]()
    assert list(archive.lines("lines.jsonl", limit=5, seen=seen)) == [b"one", b"two", b"three"]
    assert seen == [Sum.of(MEMBERS["lines.jsonl"])]
    assert list(archive.lines("z", limit=5, seen=seen)) == []
    with pytest.raises(AuditError, match="overlong"):
        list(archive.lines("lines.jsonl", limit=4, seen=seen))
    with pytest.raises(AuditError, match="unfinished"):
        list(archive.lines("README.txt", limit=7, seen=seen))
    with pytest.raises(AuditError, match="empty"):
        list(ArchiveFile.open(BytesIO(pack({"x": b"\n\n"}))).lines("x", limit=5, seen=seen))


def test_a_writer_takes_plain_names_in_order() -> None:
    for names in (["b", "a"], ["a", "a"], ["../a"], [""]):
        writer = ArchiveWriter(BytesIO())
        with pytest.raises(AuditError, match="in order"):
            for name in names:
                writer.add(name, b"")


def test_a_file_that_would_be_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_file, "MAX_FILE_BYTES", 100)
    with pytest.raises(AuditError, match="at most"):
        ArchiveWriter(BytesIO()).stream("a", (b"x" * 60 for _ in range(2)))
    with pytest.raises(AuditError, match="at most"):
        ArchiveFile.open(BytesIO(pack({"a": b"x" * 101})))


def test_a_file_that_shrinks_under_the_reader_is_noticed() -> None:
    file = BytesIO(pack({"lines": b"x\n" * 100}))
    archive = ArchiveFile.open(file)
    file.truncate(60)
    with pytest.raises(AuditError, match="ends before"):
        list(archive.lines("lines", limit=5, seen=[]))
