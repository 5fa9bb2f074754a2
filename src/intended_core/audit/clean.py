"""Recognises records of one log that are surely good, several times faster than they can be judged.

`Clean.take` answers whether a record is good; when it is in the least doubt the answer is no and the caller judges the record itself, with
the parsers and the findings of `audit.verify`. So this room can refuse to know and cannot know differently: what it takes, those take.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from intended_core.audit.record import (
    BODY_LABEL,
    KINDS,
    MAX_ENTRY_BYTES,
    Entry,
    EventKind,
    header_pattern,
)
from intended_core.audit.sound import sound_body, sound_record
from intended_core.audit.tree import Frontier
from intended_core.unit import RecordRow
from intended_core.values import SAFE_INT

__all__ = ["JUDGED", "Clean", "Recognised", "clean_body"]

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
# What the rest of a log is judged by is always looked at by the judge: where a log or a generation begins, its persons, erasures, holds.
JUDGED: Final = frozenset(
    kind.value.encode("ascii")
    for kind in EventKind
    if kind in (EventKind.LOG_GENESIS, EventKind.LOG_RECOVER, EventKind.LOG_REDACT, EventKind.LOG_PRUNE)
    or kind.value.startswith(("person.", "tenant.", "hold."))
)
_FEW: Final = 15  # digits of a number that is below 2**53 whatever they are


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a page of records came to: all of them surely good if they go on from where the page was said to begin.

    `start`, `before`: where, and after which leaf. `peaks`: the roots of the perfect subtrees that they fill, from left to right, each
    with its height. `kinds` and `hashed`: of each record its kind and its body's hash (base64url). `bodies`: whether these were looked at.
    """

    start: int
    before: bytes
    generation: int
    first_us: int
    last_us: int
    last_leaf: bytes
    peaks: tuple[tuple[int, bytes], ...]
    kinds: tuple[bytes, ...]
    hashed: tuple[bytes, ...]
    bodies: bool


class Clean:
    """Where a log stands while its records are taken one after the other: the right edge, the last leaf, the newest time (µs)."""

    __slots__ = ("_generation", "_hashes", "_last", "_last_text", "_match", "_names", "_newest", "_start", "size", "time_us")

    def __init__(self, *, origin: str, tenant_uuid: str, generation: int, edge: Frontier | None = None) -> None:
        """`generation`: the newest of the log. `edge`: where the tree stands before the first record, when that is not the log's first."""
        self._names: Final = (f"({re.escape(origin)})", f"({re.escape(tenant_uuid)})")
        self._newest: Final = generation
        self._open(generation)
        self._start: Final = 0 if edge is None else edge.size
        self.size = self._start
        self.time_us = 0
        self._hashes: list[bytes] = [] if edge is None else list(edge.hashes)
        self._last = bytes(32)
        # What the record before a stretch was is not known: whatever the first one names is taken, and the tree judges.
        self._last_text = _text(self._last) if self.size == 0 else b""

    def _open(self, generation: int) -> None:
        origin, tenant = self._names
        self._generation = generation
        self._match = header_pattern(origin=origin, tenant=tenant, generation=f"({generation:d})").fullmatch

    @property
    def generation(self) -> int:
        """The generation of the newest record taken, or the log's newest before the first."""
        return self._generation

    def goes_on(self, entry: Entry) -> bool:
        """Whether the next record may be of `entry`'s generation: the one before's, or the one after it where `log.recover` opens that."""
        if self.size == self._start:
            fits = 1 <= entry.generation <= self._newest
        else:
            fits = entry.generation == self._generation + (entry.kind is EventKind.LOG_RECOVER) <= self._newest
        if fits and entry.generation != self._generation:
            self._open(entry.generation)
        return fits

    @property
    def last_leaf(self) -> bytes:
        """The leaf hash of the newest record taken, 32 zero bytes before the first."""
        return self._last

    def frontier(self) -> Frontier:
        """The right edge of what was taken."""
        return Frontier(self.size, tuple(self._hashes))

    def add(self, leaf: bytes, time_us: int) -> None:
        """Count a record that the caller judged good itself."""
        self._last, self._last_text, self.time_us = leaf, _text(leaf), time_us
        size, hashes, node = self.size, self._hashes, leaf
        self.size = size + 1
        while size & 1:
            node = sha256(b"\x01" + hashes.pop() + node).digest()
            size >>= 1
        hashes.append(node)

    def adopt(self, found: Recognised) -> bool:
        """Count the records of a page of this log that was recognised, if they go on from here; else False, and nothing has changed."""
        if (
            self.size == self._start
            or (found.start, found.before, found.generation) != (self.size, self._last, self._generation)
            or found.first_us < self.time_us
        ):
            return False
        self._last, self._last_text, self.time_us = found.last_leaf, _text(found.last_leaf), found.last_us
        hashes = self._hashes
        for height, peak in found.peaks:
            node, at = peak, self.size >> height
            while at & 1:
                node = sha256(b"\x01" + hashes.pop() + node).digest()
                at >>= 1
            hashes.append(node)
            self.size += 1 << height
        return True

    def header(self, entry: bytes) -> tuple[bytes, bytes] | None:
        """Count the next record by its header alone, if that is surely good: its kind and its body's hash (base64url), else None."""
        size = self.size
        found = self._match(entry) if len(entry) <= MAX_ENTRY_BYTES else None
        if found is None:
            return None
        hashed, epoch, kind, link, seq, life, step, before, time = found.group(1, 2, 4, 6, 8, 10, 11, 12, 13)
        time_us = int(time)
        if (
            (link != self._last_text and self._last_text != b"")
            or int(seq) != size
            or kind not in KINDS
            or kind in JUDGED
            or not self.time_us <= time_us <= SAFE_INT
            or len(epoch) > _FEW
            or (
                life is not None
                and (
                    len(step) > _FEW
                    or ((step == b"0") is not (before is None))
                    or (before is not None and int(before) >= size)
                )
            )
        ):
            return None
        leaf = sha256(b"\x00" + entry).digest()
        self._last, self._last_text, self.time_us = leaf, _text(leaf), time_us
        hashes = self._hashes
        self.size = size + 1
        while size & 1:
            leaf = sha256(b"\x01" + hashes.pop() + leaf).digest()
            size >>= 1
        hashes.append(leaf)
        return kind, hashed

    @property
    def knows_last(self) -> bool:
        """Whether the record before the next one is known."""
        return self._last_text != b""

    def take(self, row: RecordRow) -> bool:
        """Count the next record if it is surely good: True then, else False and nothing has changed."""
        size, entry, body = self.size, row.entry, row.body
        if row.seq != size or not type(entry) is type(body) is bytes or len(entry) > MAX_ENTRY_BYTES:
            return False
        found = self._match(entry)
        if found is None:
            return False
        hashed, epoch, kind, link, seq, life, step, before, time = found.group(1, 2, 4, 6, 8, 10, 11, 12, 13)
        leaf = sha256(b"\x00" + entry).digest()
        time_us = int(time)
        if (
            link != self._last_text
            or leaf != row.leaf
            or int(seq) != size
            or kind not in KINDS
            or kind in JUDGED
            or not self.time_us <= time_us <= SAFE_INT
            or len(epoch) > _FEW
        ):
            return False
        if life is None:
            if row.thread != "":
                return False
        elif (
            row.thread != life.decode("ascii")
            or len(step) > _FEW
            or ((step == b"0") is not (before is None))
            or (before is not None and int(before) >= size)
        ):
            return False
        if _committed(body) != hashed or not sound_record(kind, body, row.fields):
            return False
        self._last, self._last_text, self.time_us = leaf, _text(leaf), time_us
        hashes = self._hashes
        self.size = size + 1
        while size & 1:
            leaf = sha256(b"\x01" + hashes.pop() + leaf).digest()
            size >>= 1
        hashes.append(leaf)
        return True


def clean_body(kind: bytes, body: bytes, hashed: bytes) -> bool:
    """Whether `body` is surely a body of a record of this kind, and the one that `hashed` (base64url) commits to."""
    return _committed(body) == hashed and sound_body(kind, body)


def _committed(body: bytes) -> bytes:
    return _text(sha256(BODY_LABEL + len(body).to_bytes(8, "big") + body).digest())


def _text(digest: bytes) -> bytes:
    """Base64url of 32 bytes, without the padding."""
    return b2a_base64(digest, newline=False).translate(_TO_URL, b"=")
