"""Verification of a whole log, record by record, from stored bytes alone.

Every leaf is computed again from the entry; nothing that stands beside the entries is believed. Memory is that of a frontier and some
pages, so a log of any length can be streamed. What this cannot see (audit.md § 2): false input at the moment of recording, and the
loss of records after the newest head that the verifier knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NoReturn

from intended_core.audit.checkpoint import Checkpoint
from intended_core.audit.clean import Clean, Recognised
from intended_core.audit.erasures import ERASURES, Erasures
from intended_core.audit.fields import MISSING, joined
from intended_core.audit.grades import Finding, Grade, worst
from intended_core.audit.holds import HoldWalk
from intended_core.audit.log import NO_LEAF
from intended_core.audit.pages import Page, page_sizes, recognised
from intended_core.audit.record import Entry, EventKind, parse_body, parse_entry
from intended_core.audit.tree import leaf_hash
from intended_core.canonical import Json, b64url
from intended_core.errors import AuditError
from intended_core.unit import RecordRow

__all__ = ["KnownHead", "LogIdentity", "LogVerdict", "Receipt", "verify_log"]

@dataclass(frozen=True, slots=True, kw_only=True)
class LogIdentity:
    """Which log this must be. `log_public_der`: the key in its genesis record, when the verifier knows it."""

    origin: str
    tenant_uuid: str
    generation: int
    log_public_der: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHead:
    """A head that the verifier trusts: of a checkpoint it opened under a pinned key, or one it remembers itself."""

    size: int
    root: bytes

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> KnownHead:
        """The head of an opened checkpoint."""
        return cls(size=checkpoint.size, root=checkpoint.root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Where a verified token says its decision stands: a head that somebody outside carries."""

    seq: int
    leaf: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogVerdict:
    """What was found. `seq`: the first record that cannot be believed. `size`, `root`: of what was read before that.

    `unattested`: records after the newest known head. `attested`: how many records the newest head covers
    that somebody outside cosigned; `organisations`: who, as the verifier's policy groups them. `erased`: records whose
    bodies were taken out, each with permission; `erased_fields`: fields of others. Has no truth value: match on `grade`.
    """

    grade: Grade
    seq: int | None
    findings: tuple[Finding, ...]
    size: int
    root: bytes
    unattested: int
    last_time_us: int
    attested: int = 0
    organisations: tuple[str, ...] = ()
    erased: int = 0
    erased_fields: int = 0

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict has no truth value: look at its grade")


class _Bad(Exception):
    def __init__(self, code: str, seq: int, text: str, grade: Grade = Grade.TAMPERED) -> None:
        super().__init__(text)
        self.finding = Finding(code=code, grade=grade, text=text, seq=seq)


def verify_log(
    records: Iterable[RecordRow],
    *,
    identity: LogIdentity,
    heads: Sequence[KnownHead] = (),
    receipts: Sequence[Receipt] = (),
    jobs: int = 1,
) -> LogVerdict:
    """Check `records` (the whole log, ascending from 0) against itself, the known heads and the receipts.

    CONSISTENT_UNANCHORED needs at least one known head; without any, nothing says that this log was not written anew as a whole, and the
    best grade is CONSISTENT_UNPINNED. Stops at the first record that cannot be believed. `jobs`: how many processes look at the records;
    the verdict is the same for any number (`audit.pages`). Raises AuditError for a number that is none.
    """
    walk = _Walk(identity, heads, receipts)
    try:
        walk.compare_heads()
        pages = recognised(_pages(records, identity), jobs=jobs)
        for rows, found in pages:
            if found is None or not walk.adopt(found, len(rows)):
                walk.judge(rows, pages)
        walk.finish()
    except _Bad as bad:
        return walk.verdict((bad.finding,))
    return walk.verdict(())


def _pages(records: Iterable[RecordRow], identity: LogIdentity) -> Iterator[tuple[Sequence[RecordRow], Page | None]]:
    """The records by pages, each with what there is to recognise; None where they are not even numbered one after the other."""
    stream = iter(records)
    start, before = 0, NO_LEAF
    for size in page_sizes(0):
        rows = list(islice(stream, size))
        if not rows:
            return
        page = None
        if start and [row.seq for row in rows] == list(range(start, start + len(rows))):
            page = Page(
                identity.origin, identity.tenant_uuid, start, before, [row.entry for row in rows], [row.body for row in rows],
                [row.leaf for row in rows], [row.thread for row in rows], [row.fields for row in rows],
            )  # fmt: skip
        start += len(rows)
        before = rows[-1].leaf
        yield rows, page


class _Walk:
    __slots__ = ("_closed", "_erasures", "_holds", "_identity", "_known", "_matched", "_receipts", "_state")

    def __init__(self, identity: LogIdentity, heads: Sequence[KnownHead], receipts: Sequence[Receipt]) -> None:
        self._identity = identity
        self._known = sorted(heads, key=lambda head: head.size)
        self._receipts: dict[int, bytes] = {}
        for receipt in receipts:
            self._receipts.setdefault(receipt.seq, receipt.leaf)
        self._state = Clean(origin=identity.origin, tenant_uuid=identity.tenant_uuid, generation=identity.generation)
        self._matched = 0
        self._closed = False
        self._erasures = Erasures(tenant_uuid=identity.tenant_uuid)
        self._holds = HoldWalk()

    def compare_heads(self) -> None:
        for earlier, later in zip(self._known, self._known[1:], strict=False):
            if earlier.size == later.size and earlier.root != later.root:
                text = f"two known heads of {later.size} records have different roots"
                raise _Bad("head.fork", later.size, text, Grade.FORKED)

    def clean(self, row: RecordRow) -> bool:
        """Take the record if nothing about it can be in doubt; else leave it to `take`, which says what is wrong."""
        size = self._state.size
        if self._closed or (self._receipts and size in self._receipts) or not self._state.take(row):
            return False
        if self._known and self._known[0].size <= size + 1:
            self._check_heads()
        return True

    def adopt(self, found: Recognised, count: int) -> bool:
        """Take a page that was recognised, unless something is to be looked at in the middle of it."""
        start = self._state.size
        stop = start + count
        if self._closed or (self._known and self._known[0].size < stop) or any(start <= seq < stop for seq in self._receipts):
            return False
        if not self._state.adopt(found):
            return False
        self._check_heads()
        return True

    def judge(self, rows: Sequence[RecordRow], ahead: Iterator[tuple[Sequence[RecordRow], Recognised | None]]) -> None:
        """Take a page record by record; from the pages `ahead` only what follows its last record is read, and only if that is asked for."""

        def following(place: int) -> RecordRow | None:
            if place + 1 < len(rows):
                return rows[place + 1]
            page = next(ahead, None)  # asked for by a walk that ends with this record
            return None if page is None else page[0][0]

        for place, row in enumerate(rows):
            if not self.clean(row):
                self.take(row, partial(following, place))

    def take(self, row: RecordRow, following: Callable[[], RecordRow | None] | None) -> None:
        at = self._state.size
        if self._closed:
            raise _Bad("log.closed", at, f"record {at} stands after the record that closed the log")
        if row.seq != at:
            what = "is missing" if row.seq > at else f"is not where it belongs: number {row.seq} comes again"
            raise _Bad("log.gap" if row.seq > at else "log.order", at, f"record {at} {what}")
        if not type(row.entry) is type(row.body) is type(row.leaf) is type(row.fields) is bytes:
            raise _Bad("column.type", at, f"record {at} is stored as something else than bytes")
        leaf = leaf_hash(row.entry)
        if leaf != row.leaf:
            raise _Bad("column.leaf", at, f"the header of record {at} is not the one that its stored hash was made of")
        entry = self._header(row, at)
        if entry.previous_leaf != self._state.last_leaf:
            self._broken_link(at, leaf, following)
        body: dict[str, Json] = {}
        try:
            if row.body == b"":
                if row.fields:
                    raise AuditError("fields are here without a body", code="audit.field")
                self._erasures.missing(at, entry.kind)
                self._holds.missing(at, entry.kind, row.thread)
            else:
                body = joined(parse_body(row.body, expected=entry.body_hash), row.fields)
                gone = body.get(MISSING)
                if isinstance(gone, dict):
                    self._erasures.missing_fields(at, gone)
                    self._holds.missing(at, entry.kind, row.thread)
        except AuditError as error:
            raise _Bad("record.body", at, f"record {at}: {error}") from None
        self._meaning(entry, body, row, at)
        self._closed = entry.kind is EventKind.TENANT_CLOSED
        try:
            self._erasures.take(at, entry.kind, body, generation=entry.generation)
        except AuditError as error:
            raise _Bad("erasure", at, f"record {at}: {error}") from None
        self._held(entry, body, at)
        expected = self._receipts.pop(at, None)
        if expected is not None and expected != leaf:
            raise _Bad("receipt.leaf", at, f"record {at} is not the one that a token was issued for")
        self._state.add(leaf, entry.time_us)
        self._check_heads()

    def _held(self, entry: Entry, body: dict[str, Json], at: int) -> None:
        if entry.kind in ERASURES:
            disregarded = self._holds.spite(entry.kind, body)
            if disregarded is not None:
                hold, place = disregarded
                raise _Bad("erasure.held", at, f"record {at} erased from record {place} on what the hold of record {hold} keeps")
        elif entry.kind in (EventKind.HOLD_PLACED, EventKind.HOLD_LIFTED):
            try:
                self._holds.take(at, entry.kind, body, generation=entry.generation, persons=self._erasures)
            except AuditError as error:
                raise _Bad("hold", at, f"record {at}: {error}") from None

    def _header(self, row: RecordRow, at: int) -> Entry:
        try:
            entry = parse_entry(row.entry)
        except AuditError as error:
            raise _Bad("record.header", at, f"record {at}: {error}") from None
        mine = self._identity
        if (entry.origin, entry.tenant_uuid) != (mine.origin, mine.tenant_uuid) or not self._state.goes_on(entry):
            raise _Bad("record.foreign", at, f"record {at} belongs to another log")
        if entry.seq != at:
            raise _Bad("record.seq", at, f"record {at} says that it is number {entry.seq}")
        return entry

    def _broken_link(self, at: int, leaf: bytes, ahead: Callable[[], RecordRow | None] | None) -> NoReturn:
        # Record `at` and the one before disagree; the one after vouches for `at`, and then the earlier one was changed.
        vouched = at == 0
        following = None if ahead is None else ahead()
        if following is not None and type(following.entry) is bytes:
            try:
                vouched = parse_entry(following.entry).previous_leaf != leaf
            except AuditError:
                vouched = True
        bad = at if vouched else at - 1
        raise _Bad("record.link", bad, f"record {at} does not follow the record {at - 1} that is stored")

    def _meaning(self, entry: Entry, body: dict[str, Json], row: RecordRow, at: int) -> None:
        if (entry.kind is EventKind.LOG_GENESIS) != (at == 0):
            raise _Bad("log.genesis", at, "a log begins with its genesis record and has no other")
        if at == 0:
            key = self._identity.log_public_der
            if body.get("origin") != entry.origin or body.get("hash") != "sha256":
                raise _Bad("log.genesis", 0, "the genesis record is of another log or another algorithm")
            if key is not None and body.get("log_key") != b64url(key):
                raise _Bad("log.genesis", 0, "the genesis record names another log key")
        # A generation may begin at an earlier time: the clock had run ahead, and two persons have said so.
        if entry.time_us < self._state.time_us and entry.kind is not EventKind.LOG_RECOVER:
            raise _Bad("record.time", at, f"record {at} is older than the record before it")
        thread = "" if entry.thread is None else b64url(entry.thread.commitment)
        if row.thread != thread:
            raise _Bad("column.thread", at, f"record {at} is filed under a thread that it does not name")

    def _check_heads(self) -> None:
        size = self._state.size
        while self._known and self._known[0].size <= size:
            head = self._known.pop(0)
            if head.size == size and self._state.frontier().root() != head.root:
                text = f"the log was written anew somewhere in records {self._matched} to {size - 1}: the root of {size} is another"
                raise _Bad("head.root", self._matched, text)
            self._matched = max(self._matched, head.size)

    def finish(self) -> None:
        size = self._state.size
        gone = self._erasures.unpermitted()
        if gone is not None:
            raise _Bad("record.body", gone, f"the body of record {gone} is not here, and no record of the log permits that")
        field = self._erasures.unpermitted_field()
        if field is not None:
            raise _Bad("record.body", field[0], f"{field[1]} of record {field[0]} is not here, and no record of the log permits that")
        if size == 0:
            raise _Bad("log.empty", 0, "there is no record, not even the genesis", Grade.TRUNCATED)
        if self._state.generation != self._identity.generation:
            text = f"the newest record is not of generation {self._identity.generation}, which the head names"
            raise _Bad("record.foreign", size - 1, text)
        if self._known:
            text = f"the log holds {size} records, but a head of {self._known[-1].size} is known"
            raise _Bad("log.truncated", size, text, Grade.TRUNCATED)
        if self._receipts:
            text = f"the log holds {size} records, but a token stands for record {max(self._receipts)}"
            raise _Bad("log.truncated", size, text, Grade.TRUNCATED)

    def verdict(self, findings: tuple[Finding, ...]) -> LogVerdict:
        best = Grade.CONSISTENT_UNANCHORED if self._matched else Grade.CONSISTENT_UNPINNED
        return LogVerdict(
            grade=worst(findings, otherwise=best),
            seq=findings[0].seq if findings else None,
            findings=findings,
            size=self._state.size,
            root=self._state.frontier().root(),
            unattested=self._state.size - self._matched,
            last_time_us=self._state.time_us,
            erased=self._erasures.count,
            erased_fields=self._erasures.fields,
        )
