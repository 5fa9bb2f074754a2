"""Recognises records of a log a page at a time, on one core or on several: what `audit.clean` does, in the order that costs least.

A page is recognised for a place in a log (where it begins, and the leaf before it), from its bytes alone, so several can be looked at at
once; whether it stands in that place, in generation and time, `Clean.adopt` compares. In the least doubt the answer is None, and the
records are judged one by one, so that no verdict depends on pages or on how many processes there were.
"""

from __future__ import annotations

import multiprocessing
from binascii import b2a_base64
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar

from intended_core.audit.clean import JUDGED, Recognised, sound_body
from intended_core.audit.fields import sound_fields
from intended_core.audit.record import (
    BODY_LABEL,
    KINDS,
    MAX_ENTRY_BYTES,
    header_begin,
    header_end,
    header_pattern,
)
from intended_core.audit.tree import HASH_BYTES
from intended_core.errors import AuditError
from intended_core.values import SAFE_INT

__all__ = ["MAX_JOBS", "PAGE_RECORDS", "Page", "check_jobs", "page_sizes", "recognise", "recognised"]

PAGE_RECORDS: Final = 1024  # a power of two: a whole page is one subtree
MAX_JOBS: Final = 64
_AHEAD: Final = 2  # pages of each process that are on their way: what memory a verification takes
_BEGINNING: Final = 16  # records where a log or a stretch begins: what it is judged by stands there
_BEGIN: Final = header_begin()
_HASH_AT: Final = len(_BEGIN)
_HASH_END: Final = _HASH_AT + 43
_HASH_SIGNS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST_SIGNS: Final = b"AEIMQUYcgkosw048"  # of 32 bytes: the unused bits are zero
_HEADER: Final = header_pattern().fullmatch
_END: Final = header_end().fullmatch
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FEW: Final = 15  # digits of a number that is below 2**53 whatever they are

T = TypeVar("T")


def check_jobs(jobs: int) -> None:
    """Raise AuditError unless this is a number of processes."""
    if type(jobs) is not int or not 1 <= jobs <= MAX_JOBS:
        raise AuditError(f"a verification has 1 to {MAX_JOBS} jobs", code="audit.jobs")


def page_sizes(first: int) -> Iterator[int]:
    """How long the pages are from record `first` on: a short one for what is judged one by one, then so that they end at round places."""
    yield _BEGINNING
    at = first + _BEGINNING
    while True:
        size = PAGE_RECORDS - at % PAGE_RECORDS
        yield size
        at += size


@dataclass(frozen=True, slots=True)
class Page:
    """Records as they are stored, for one place. `before`: the leaf of the record before the first.

    `bodies`, `leaves`, `threads` and `fields` are None where only headers are there; `fields` alone where only bodies are.
    """

    origin: str
    tenant_uuid: str
    start: int
    before: bytes
    entries: list[bytes]
    bodies: list[bytes] | None = None
    leaves: list[bytes] | None = None
    threads: list[str] | None = None
    fields: list[bytes] | None = None


def recognise(page: Page) -> Recognised | None:
    """What the page comes to if it is surely good as a whole, else None."""
    entries, bodies = page.entries, page.bodies
    beside = (bodies, page.leaves, page.threads, page.fields)
    if not entries or any(held is not None and len(held) != len(entries) for held in beside):
        return None
    if set(map(type, entries)) != {bytes} or max(map(len, entries)) > MAX_ENTRY_BYTES:
        return None
    if type(page.before) is not bytes or len(page.before) != HASH_BYTES:
        return None
    leaves = [sha256(b"\x00" + entry).digest() for entry in entries]
    if page.leaves is not None and page.leaves != leaves:
        return None
    if bodies is None:
        hashed = [entry[_HASH_AT:_HASH_END] for entry in entries]
        joined = b"".join(hashed)
        if joined.translate(None, _HASH_SIGNS) or joined[42::43].translate(None, _LAST_SIGNS):
            return None
    else:
        if set(map(type, bodies)) != {bytes}:
            return None
        hashed = _texts([sha256(BODY_LABEL + len(body).to_bytes(8, "big") + body).digest() for body in bodies])
    return _read(page, leaves, hashed)


def _read(page: Page, leaves: list[bytes], hashed: list[bytes]) -> Recognised | None:
    who = b'","o":"%b","p":"' % page.origin.encode("utf-8")
    whose = b',"t":"%b","th":' % page.tenant_uuid.encode("utf-8")
    lead = policy = b""  # what the header before said; the first is read whole
    kind_at, seq, newest = _HASH_END, page.start, 0
    first_us = generation = -1
    kinds: list[bytes] = []
    lives: list[bytes] = []
    before = _texts([page.before, *leaves])
    for entry, link, mine in zip(page.entries, before, hashed, strict=False):
        # Most of a header follows from the one before it: it is put together here and compared, and only its end is read.
        kind = entry[kind_at : entry.find(b'"', kind_at)]
        begun = b"".join((_BEGIN, mine, lead, kind, who, link, policy, b"%d" % seq, whose))
        if not lead or not entry.startswith(begun):
            named = _HEADER(entry)
            if named is None or len(named[2]) > _FEW or len(named[3]) > _FEW or int(named[3]) != generation >= 0:
                return None
            generation, kind = int(named[3]), named[4]
            lead = b'","e":%b,"g":%b,"k":"' % (named[2], named[3])
            kind_at = _HASH_END + len(lead)
            policy = b'","pv":null,"s":' if named[7] is None else b'","pv":"%b","s":' % named[7]
            begun = b"".join((_BEGIN, mine, lead, kind, who, link, policy, b"%d" % seq, whose))
            if not entry.startswith(begun):
                return None
        found = _END(entry, len(begun))
        if found is None or kind not in KINDS or kind in JUDGED:
            return None
        life, step, earlier, time = found.groups()
        time_us = int(time)
        if not newest <= time_us <= SAFE_INT:
            return None
        if life is None:
            life = b""
        elif len(step) > _FEW or ((step == b"0") is not (earlier is None)) or (earlier is not None and int(earlier) >= seq):
            return None
        if first_us < 0:
            first_us = time_us
        newest = time_us
        seq += 1
        kinds.append(kind)
        lives.append(life)
    if page.threads is not None and page.threads != [life.decode("ascii") for life in lives]:
        return None
    if page.bodies is not None and not all(map(sound_body, kinds, page.bodies)):
        return None
    if page.bodies is not None and page.fields is not None and not all(map(sound_fields, page.bodies, page.fields)):
        return None
    return Recognised(
        start=page.start, before=page.before, generation=generation, first_us=first_us, last_us=newest, last_leaf=leaves[-1],
        peaks=_peaks(page.start, leaves), kinds=tuple(kinds), hashed=tuple(hashed), bodies=page.bodies is not None,
    )  # fmt: skip


def _texts(digests: list[bytes]) -> list[bytes]:
    return [b2a_base64(digest, newline=False).translate(_TO_URL, b"=") for digest in digests]


def _peaks(start: int, leaves: list[bytes]) -> tuple[tuple[int, bytes], ...]:
    """The perfect subtrees that leaves from place `start` on fill: as large as their place and their number allow."""
    peaks: list[tuple[int, bytes]] = []
    at, stop = start, start + len(leaves)
    while at < stop:
        height = (stop - at).bit_length() - 1
        if at:
            height = min(height, (at & -at).bit_length() - 1)
        level = leaves[at - start : at - start + (1 << height)]
        while len(level) > 1:
            level = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=True)]
        peaks.append((height, level[0]))
        at += 1 << height
    return tuple(peaks)


def recognised(pages: Iterable[tuple[T, Page | None]], *, jobs: int = 1) -> Iterator[tuple[T, Recognised | None]]:
    """Each page's answer beside what it came with, in order; None for a page that nobody made. `jobs`: how many processes look at them.

    The processes are new ones (spawned), so a program that asks for more than one has its main module guarded. Raises AuditError.
    """
    check_jobs(jobs)
    if jobs == 1:
        for given, page in pages:
            yield given, None if page is None else recognise(page)
        return
    try:
        yield from _in_company(pages, jobs)
    except BrokenExecutor:
        raise AuditError("a process of the verification was ended from outside", code="audit.jobs") from None


def _in_company(pages: Iterable[tuple[T, Page | None]], jobs: int) -> Iterator[tuple[T, Recognised | None]]:
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as crowd:
        waiting: deque[tuple[T, Future[Recognised | None] | None]] = deque()
        try:
            for given, page in pages:
                waiting.append((given, None if page is None else crowd.submit(recognise, page)))
                if len(waiting) > _AHEAD * jobs:
                    first, answer = waiting.popleft()
                    yield first, None if answer is None else answer.result()
            while waiting:
                first, answer = waiting.popleft()
                yield first, None if answer is None else answer.result()
        finally:
            crowd.shutdown(cancel_futures=True)
