"""The archive of `audit.archive` as a file that is longer than memory: written member by member, read by place.

The form is the same to the byte. What differs is that no member has to be held whole: a writer streams a member and puts its length and
checksum in afterwards, a reader is given the places of the members and streams those that it wants to see, in bounded memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO, Final

from intended_core.audit.archive import LOCAL, MAX_MEMBERS, NAME, central_header, end_record, local_header
from intended_core.errors import AuditError

__all__ = ["MAX_FILE_BYTES", "ArchiveFile", "ArchiveWriter", "Placed", "Sum"]

MAX_FILE_BYTES: Final = 2**32 - 2  # lengths and places in a ZIP without extensions are 32 bits (APPNOTE.TXT § 4.4)
CHUNK_BYTES: Final = 1024 * 1024


def _fail(text: str) -> AuditError:
    return AuditError(text, code="audit.archive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What a member's bytes add up to: length, CRC-32 and SHA-256 (hexadecimal)."""

    size: int
    crc: int
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> Sum:
        """The sum of these bytes."""
        return cls(size=len(data), crc=zlib.crc32(data), sha256=sha256(data).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A member's place in a file: where its bytes begin, how many they are, and the checksum that stands beside them."""

    start: int
    size: int
    crc: int


class ArchiveWriter:
    """Writes members, in the order of their names, into an empty file that can seek."""

    __slots__ = ("_central", "_file", "_last")

    def __init__(self, file: BinaryIO) -> None:
        self._file: Final = file
        self._central: Final[list[bytes]] = []
        self._last = ""

    def add(self, name: str, data: bytes) -> Sum:
        """Write a member; raises AuditError when its name is not plain or does not follow the one before."""
        return self.stream(name, (data,))

    def stream(self, name: str, chunks: Iterable[bytes]) -> Sum:
        """Write a member as it comes; the same errors, and when the file grows beyond what a ZIP can hold."""
        if NAME.fullmatch(name) is None or name <= self._last or len(self._central) == MAX_MEMBERS:
            raise _fail("an archive holds 1 to 4096 members with plain names, in order")
        at = self._file.tell()
        self._file.write(local_header(name, size=0, crc=0))
        size, crc, digest = 0, 0, sha256()
        for chunk in chunks:
            self._file.write(chunk)
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
            digest.update(chunk)
            if at + size > MAX_FILE_BYTES:
                raise _fail(f"an archive has at most {MAX_FILE_BYTES} bytes")
        end = self._file.tell()
        self._file.seek(at)
        self._file.write(local_header(name, size=size, crc=crc))
        self._file.seek(end)
        self._central.append(central_header(name, size=size, crc=crc, offset=at))
        self._last = name
        return Sum(size=size, crc=crc, sha256=digest.hexdigest())

    def close(self) -> int:
        """Write the directory; returns the size of the whole in bytes. The file itself stays open."""
        at = self._file.tell()
        directory = b"".join(self._central)
        self._file.write(directory + end_record(len(self._central), size=len(directory), offset=at))
        return self._file.tell()


class ArchiveFile:
    """The members of an archive in a file, by place. Made by `open`; nothing is read but what is asked for."""

    __slots__ = ("_file", "members")

    def __init__(self, file: BinaryIO, members: dict[str, Placed]) -> None:
        self._file: Final = file
        self.members: Final = members

    @classmethod
    def open(cls, file: BinaryIO) -> ArchiveFile:
        """Walk the members of `file`; raises AuditError `audit.archive` for any other form than the one that is written."""
        size = file.seek(0, 2)
        if size > MAX_FILE_BYTES:
            raise _fail(f"an archive has at most {MAX_FILE_BYTES} bytes")
        members: dict[str, Placed] = {}
        central: list[bytes] = []
        at, last = 0, ""
        while len(found := _read(file, at, LOCAL.size)) == LOCAL.size and found[:4] == b"PK\x03\x04":
            crc, length, _, name_size = LOCAL.unpack(found)[6:10]
            name = _read(file, at + LOCAL.size, min(name_size, 256)).decode("ascii", "replace")
            start = at + LOCAL.size + name_size
            if NAME.fullmatch(name) is None or name <= last or len(members) == MAX_MEMBERS or start + length > size:
                raise _fail("an archive holds 1 to 4096 members with plain names, in order, each as long as it says")
            if found + name.encode("ascii") != local_header(name, size=length, crc=crc):
                raise _fail("a member is stored in another form than the one that a bundle has")
            members[name] = Placed(start=start, size=length, crc=crc)
            central.append(central_header(name, size=length, crc=crc, offset=at))
            at, last = start + length, name
        directory = b"".join(central)
        rest = directory + end_record(len(members), size=len(directory), offset=at)
        if not members or size - at != len(rest) or _read(file, at, len(rest)) != rest:
            raise _fail("not an archive in the one form that a bundle has")
        return cls(file, members)

    def read(self, name: str, *, limit: int) -> bytes:
        """A whole member; raises AuditError when it is longer than `limit` bytes."""
        place = self.members[name]
        if place.size > limit:
            raise _fail(f"{name} is longer than a bundle's member of its kind may be")
        return _read(self._file, place.start, place.size)

    def lines(self, name: str, *, limit: int, seen: list[Sum]) -> Iterator[bytes]:
        """The lines of a member one after the other, without their ends; at the end its sum is appended to `seen`.

        Raises AuditError for an empty or unfinished line and for one longer than `limit` bytes.
        """
        place = self.members[name]
        crc, digest, rest, at = 0, sha256(), b"", 0
        while at < place.size:
            chunk = _read(self._file, place.start + at, min(CHUNK_BYTES, place.size - at))
            if not chunk:
                raise _fail(f"{name} ends before its length")
            at += len(chunk)
            crc = zlib.crc32(chunk, crc)
            digest.update(chunk)
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                if not 0 < len(line) <= limit:
                    raise _fail(f"{name} has an empty or overlong line")
                yield line
            if len(rest) > limit:
                raise _fail(f"{name} has an empty or overlong line")
        if rest:
            raise _fail(f"{name} ends in an unfinished line")
        seen.append(Sum(size=place.size, crc=crc, sha256=digest.hexdigest()))


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)
