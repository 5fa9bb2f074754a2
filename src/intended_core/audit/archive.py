"""The one form of a bundle file: a ZIP of stored members, sorted by name, with fixed times, and not a byte more.

Reading walks the members, writes them again and compares: a file that differs anywhere from what `pack` writes is refused. So there is
no second name, no member that only some readers see, no compression to blow up and no path to leave a folder by. Nothing is extracted.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from intended_core.errors import AuditError

__all__ = [
    "LOCAL",
    "MAX_ARCHIVE_BYTES",
    "MAX_MEMBERS",
    "NAME",
    "Archive",
    "central_header",
    "end_record",
    "local_header",
    "pack",
    "unpack",
]

MAX_ARCHIVE_BYTES: Final = (
    64 * 1024 * 1024
)  # one decision with 10,000 headers and a full entity snapshot is below 32 MiB
MAX_MEMBERS: Final = 4096
NAME: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}(\.[a-z0-9]{1,10})?(/[a-z0-9][a-z0-9_-]{0,40}(\.[a-z0-9]{1,10})?)?"
)
# APPNOTE.TXT § 4.3: local header, central header, end record. Version 1.0, no flags, stored, 1980-01-01 00:00, made on Unix (0644).
LOCAL: Final = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL: Final = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END: Final = struct.Struct("<4sHHHHIIH")
_DATE: Final = 0x0021
_MADE_BY: Final = (3 << 8) | 20
_MODE: Final = 0o100644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Members by name, and the names of those whose checksum does not fit their bytes (storage that rotted)."""

    members: Mapping[str, bytes]
    damaged: tuple[str, ...]


def pack(members: Mapping[str, bytes]) -> bytes:
    """The archive of `members`; raises AuditError `audit.archive` for a name or size outside the limits."""
    if not 0 < len(members) <= MAX_MEMBERS or any(NAME.fullmatch(name) is None for name in members):
        raise AuditError("an archive holds 1 to 4096 members with plain names", code="audit.archive")
    packed = _pack([(name, members[name], zlib.crc32(members[name])) for name in sorted(members)])
    if len(packed) > MAX_ARCHIVE_BYTES:
        raise AuditError(f"an archive has at most {MAX_ARCHIVE_BYTES} bytes", code="audit.archive")
    return packed


def _pack(members: list[tuple[str, bytes, int]]) -> bytes:
    parts: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for name, data, crc in members:
        local = local_header(name, size=len(data), crc=crc)
        central.append(central_header(name, size=len(data), crc=crc, offset=offset))
        parts += [local, data]
        offset += len(local) + len(data)
    directory = b"".join(central)
    return b"".join([*parts, directory, end_record(len(members), size=len(directory), offset=offset)])


def local_header(name: str, *, size: int, crc: int) -> bytes:
    """What stands before a member's bytes."""
    label = name.encode("ascii")
    return LOCAL.pack(b"PK\x03\x04", 10, 0, 0, 0, _DATE, crc, size, size, len(label), 0) + label


def central_header(name: str, *, size: int, crc: int, offset: int) -> bytes:
    """A member's line in the directory at the end."""
    label = name.encode("ascii")
    return (
        _CENTRAL.pack(
            b"PK\x01\x02", _MADE_BY, 10, 0, 0, 0, _DATE, crc, size, size, len(label), 0, 0, 0, 0, _MODE, offset,
        )
        + label
    )  # fmt: skip


def end_record(count: int, *, size: int, offset: int) -> bytes:
    """What ends the file: how many members, and how long and where the directory is."""
    return _END.pack(b"PK\x05\x06", 0, 0, count, count, size, offset, 0)


def unpack(data: bytes) -> Archive:
    """The archive in `data`; raises AuditError `audit.archive` unless these are the bytes that `pack` writes."""
    if len(data) > MAX_ARCHIVE_BYTES:
        raise AuditError(f"an archive has at most {MAX_ARCHIVE_BYTES} bytes", code="audit.archive")
    found: list[tuple[str, bytes, int]] = []
    at = 0
    while data[at : at + 4] == b"PK\x03\x04":
        if len(found) == MAX_MEMBERS or at + LOCAL.size > len(data):
            raise AuditError("an archive holds 1 to 4096 members", code="audit.archive")
        crc, size, _, name_size = LOCAL.unpack_from(data, at)[6:10]
        start = at + LOCAL.size + name_size
        label = data[at + LOCAL.size : start]
        at = start + size
        name = label.decode("ascii", "replace")
        if at > len(data) or NAME.fullmatch(name) is None:
            raise AuditError("an archive's member has no plain name or no such size", code="audit.archive")
        if found and found[-1][0] >= name:
            raise AuditError("an archive's members are sorted and each stands once", code="audit.archive")
        found.append((name, data[start:at], crc))
    if not found or _pack(found) != data:
        raise AuditError("not an archive in the one form that a bundle has", code="audit.archive")
    damaged = tuple(name for name, body, crc in found if zlib.crc32(body) != crc)
    return Archive(members={name: body for name, body, _ in found}, damaged=damaged)
