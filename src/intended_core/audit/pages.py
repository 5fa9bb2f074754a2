"""Recognises records of a log a page at a time, on one core or on several: what `audit.clean` does, in the order that costs least.

A page is recognised for a place in a log (where it begins, and the leaf before it), from its bytes alone, so several can be looked at at
once; whether it stands in that place, in generation and time, `Clean.adopt` compares. In the least doubt the answer is None, and the
records are judged one by one, so that no verdict depends on pages or on how many processes there were.
"""

from __future__ import annotations

import multiprocessing
import re
from binascii import b2a_base64
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar

from intended_core.audit.clean import JUDGED, Recognised
from intended_core.audit.record import (
    BODY_LABEL,
    KINDS,
    MAX_ENTRY_BYTES,
    header_end,
    header_lines,
)
from intended_core.audit.sound import sound_page
from intended_core.audit.tree import HASH_BYTES
from intended_core.errors import AuditError
from intended_core.values import SAFE_INT

__all__ = ["MAX_JOBS", "PAGE_RECORDS", "Page", "check_jobs", "page_sizes", "recognise", "recognised"]

PAGE_RECORDS: Final = 1024  # a power of two: a whole page is one subtree
MAX_JOBS: Final = 64
_AHEAD: Final = 2  # pages of each process that are on their way: what memory a verification takes
_BEGINNING: Final = 16  # records where a log or a stretch begins: what it is judged by stands there
_HASH_SIGNS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LAST_SIGNS: Final = b"AEIMQUYcgkosw048"  # of 32 bytes: the unused bits are zero
_POLICY: Final = re.compile(rb'null|"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"').fullmatch
_END: Final = header_end().fullmatch
_TAKEN: Final = KINDS.keys() - JUDGED
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")

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
        return _read(page, leaves, None)
    if set(map(type, bodies)) != {bytes}:
        return None
    sizes = list(map(len, bodies))
    begun = {size: BODY_LABEL + size.to_bytes(8, "big") for size in set(sizes)}
    return _read(page, leaves, [sha256(begun[size] + body).digest() for size, body in zip(sizes, bodies, strict=True)])


def _read(page: Page, leaves: list[bytes], bodies: list[bytes] | None) -> Recognised | None:
    entries, start = page.entries, page.start
    # Every match ends with a newline, and each header has one: as many matches as headers, and no header has another within.
    found = header_lines(origin=page.origin, tenant=page.tenant_uuid).findall(b"\n".join((*entries, b"")))
    if len(found) != len(entries):
        return None
    hashed, generations, kinds, links, policies, numbers, lives, earlier, times, ends = zip(*found, strict=True)
    if not set(kinds) <= _TAKEN:  # nor is a kind that is none: of a line that is no header of this log
        return None
    times_us = list(map(int, times))
    if (
        _joined(links) != _text([page.before, *leaves[:-1]])
        or (not _digests(hashed) if bodies is None else _joined(hashed) != _text(bodies))
        or list(map(int, numbers)) != list(range(start, start + len(entries)))
        or len(set(generations)) != 1
        or not _digests(set(lives) - {b""})
        or not all(map(_POLICY, set(policies)))
        or not all(map(_END, set(ends)))
        or times_us != sorted(times_us)
        or times_us[-1] > SAFE_INT
        or [place for place, step in enumerate(earlier, start) if step and int(step) >= place]
        or (page.threads is not None and page.threads != b" ".join(lives).decode("ascii").split(" "))
        or (page.bodies is not None and not sound_page(kinds, page.bodies, page.fields))
    ):
        return None
    return Recognised(
        start=start, before=page.before, generation=int(generations[0]), first_us=times_us[0], last_us=times_us[-1], last_leaf=leaves[-1],
        peaks=_peaks(start, leaves), kinds=kinds, hashed=hashed, bodies=page.bodies is not None,
    )  # fmt: skip


def _text(digests: list[bytes]) -> bytes:
    """Base64url of each, with an A behind it: one zero byte fills up to whole characters, so that all become text at once."""
    return b2a_base64(b"\x00".join(digests) + b"\x00", newline=False).translate(_TO_URL)


def _joined(texts: Iterable[bytes]) -> bytes:
    """Texts of 43 characters as `_text` has them."""
    return b"A".join(texts) + b"A"


def _digests(texts: Collection[bytes]) -> bool:
    """Whether these texts of 43 characters are all digests."""
    joined = b"".join(texts)
    return not joined.translate(None, _HASH_SIGNS) and not joined[42::43].translate(None, _LAST_SIGNS)


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
