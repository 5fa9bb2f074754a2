"""Row 28: zip bombs, path traversal, duplicate names, compression, hidden members: a bundle file has one form, and it is not extracted."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest

from intended_core.audit import archive
from intended_core.audit.archive import MAX_ARCHIVE_BYTES, pack, unpack
from intended_core.errors import AuditError

GOOD = {"README.txt": b"hello", "bodies/0001.json": b"{}", "heads/checkpoint": b"x" * 100}


def refuse(data: bytes) -> None:
    with pytest.raises(AuditError) as caught:
        unpack(data)
    assert caught.value.code == "audit.archive"


def zipped(members: list[tuple[str, bytes]], **info: object) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for name, data in members:
            item = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            item.create_system, item.create_version, item.extract_version = 3, 20, 10
            item.external_attr = 0o100644 << 16
            for field, value in info.items():
                setattr(item, field, value)
            target.writestr(item, data)
    return buffer.getvalue()


def test_the_standard_library_reads_and_writes_the_same_archive() -> None:
    packed = pack(GOOD)
    with zipfile.ZipFile(io.BytesIO(packed)) as source:
        assert source.testzip() is None
        assert {item.filename: source.read(item) for item in source.infolist()} == GOOD
        assert {item.compress_type for item in source.infolist()} == {zipfile.ZIP_STORED}
    assert dict(unpack(packed).members) == GOOD
    assert unpack(packed).damaged == ()


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "a/../b", "/etc/passwd", "a//b", "a/b/c", "C:\\x", "a\\b", "", ".", "..", ".hidden", "a/.hidden", "a ", "a\x00b",
        "a\nb", "ä", "a" * 60, "a/", "-a", "con.", "a.tar.gz", "a.EXE",
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere(name: str) -> None:
    with pytest.raises(AuditError):
        pack({name: b"x"})
    refuse(archive._pack([(name.encode("ascii", "replace").decode(), b"x", zlib.crc32(b"x"))]))


def test_duplicate_and_unsorted_names() -> None:
    body = (b"x", zlib.crc32(b"x"))
    refuse(archive._pack([("a", *body), ("a", *body)]))
    refuse(archive._pack([("b", *body), ("a", *body)]))
    refuse(zipped([("b", b"x"), ("a", b"y")]))


def test_compressed_members() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("README.txt", b"\x00" * 10_000_000)
    refuse(buffer.getvalue())
    assert len(buffer.getvalue()) < 20_000


@pytest.mark.parametrize(
    "info",
    [
        {"date_time": (2020, 1, 1, 0, 0, 0)}, {"comment": b"hi"}, {"extra": b"\x00\x00\x00\x00"}, {"create_system": 0},
        {"external_attr": 0o120777 << 16}, {"external_attr": 0}, {"create_version": 63},
    ],
)  # fmt: skip
def test_times_comments_links_and_extra_fields(info: dict[str, object]) -> None:
    refuse(zipped([("README.txt", b"x")], **info))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data + b"\x00",
        lambda data: b"MZ" + data,
        lambda data: data[:-1],
        lambda data: data[:-22],
        lambda data: data[:-2] + b"\x01\x00" + b"c",
        lambda data: data + data,
        lambda data: data[:10] + b"\x08\x00" + data[12:],
        lambda data: data[:8] + b"\x08\x00" + data[10:],
        lambda data: data[:6] + b"\x01\x00" + data[8:],
        lambda data: data[:18] + b"\xff\xff\xff\xff" + data[22:],
        lambda data: data[:22] + b"\xff\xff\xff\xff" + data[26:],
        lambda data: data[:22] + b"\x04\x00\x00\x00" + data[26:],
        lambda data: data[:26] + b"\xff\xff" + data[28:],
        lambda data: data.replace(b"README.txt", b"readme.txt", 1),
        lambda data: data.replace(b"heads/checkpoint", b"heads/checkpoinu")[:-60] + data[-60:],
    ],
)
def test_headers_that_lie(change: object) -> None:
    refuse(change(pack(GOOD)))  # type: ignore[operator]


def test_local_and_central_names_that_differ() -> None:
    packed = pack({"a.txt": b"shown", "b.txt": b"other"})
    directory = packed.index(b"PK\x01\x02")
    refuse(packed[:directory] + packed[directory:].replace(b"a.txt", b"c.txt"))


def test_a_member_between_the_members_and_the_directory() -> None:
    packed = pack(GOOD)
    directory = packed.index(b"PK\x01\x02")
    refuse(packed[:directory] + b"hidden" + packed[directory:])


def test_zip64_and_overlap() -> None:
    packed = bytearray(pack(GOOD))
    at = packed.index(b"PK\x01\x02")
    struct.pack_into("<I", packed, at + 42, 10)
    refuse(bytes(packed))


def test_limits() -> None:
    refuse(b"PK\x03\x04" + b"\x00" * MAX_ARCHIVE_BYTES)
    with pytest.raises(AuditError):
        pack({})
    with pytest.raises(AuditError):
        pack({f"n{number}": b"" for number in range(4097)})
    refuse(archive._pack([(f"n{number:05d}", b"", 0) for number in range(4097)]))
    with pytest.raises(AuditError):
        pack({"a": b"\x00" * MAX_ARCHIVE_BYTES})


def test_bytes_that_rotted_are_named() -> None:
    packed = pack(GOOD).replace(b"hello", b"hellp")
    assert unpack(packed).damaged == ("README.txt",)
