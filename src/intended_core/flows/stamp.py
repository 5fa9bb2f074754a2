"""stamp: somebody outside signs when they have seen the newest checkpoint (RFC 3161), and what they signed is kept.

Everything that the checkpoint stands over was recorded before that time. What was recorded since an epoch that names a cosigned
checkpoint was recorded after the time of those cosignatures: so two stamps, one before a record and one after it, put it between clocks
that nobody here sets (docs/adr/0038). The token is verified and kept before anybody uses it. An authority that does not answer, or whose
answer does not hold, lowers what can be proved and stops nothing; that it failed is kept too, so that `doctor` tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.anchored import RecordProof
from intended_core.audit.timefile import Before, TimeFile
from intended_core.canonical import Json, b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import AdapterError, AuditError, IntentError, StoreCorruptError
from intended_core.flows.attest import prove_record, prove_slot
from intended_core.flows.effects import AskTime, Commit, Context, Flow, Now, ReadRows
from intended_core.flows.seal import BEFORE, PUBLISHED, WITNESSED, epoch_key, note_size, read_row
from intended_core.flows.seats import EpochRow, Seat
from intended_core.flows.steps import authentic, next_head, open_head
from intended_core.ports import TimeAuthority, TimeStamp, TimeVerifier
from intended_core.unit import Changes, Row, RowKey, Unit, UnitView, Write

__all__ = ["Stamped", "Stamping", "prove_time", "stamp_key", "stamp_newest", "stamping"]

STAMPS: Final = RowKey("anchor", "stamps")  # how many there are, and how it goes
MAX_SKEW_US: Final = 300_000_000  # as of a cosignature: a token of another time than now is no news
MAX_BODY_BYTES: Final = 256 * 1024
MAX_WHY_CHARS: Final = 300


def stamp_key(number: int) -> RowKey:
    """The row that keeps a stamp."""
    return RowKey("anchor", f"stamp:{number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A time stamp that is kept, over the anchor log of `size` epochs. `fresh`: asked for now, and not there already."""

    size: int
    stamp: TimeStamp
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamping:
    """How stamping goes. Times in microseconds since 1970 UTC; 0: never.

    `count`: stamps that are kept; `size`, `time_us`: the newest one's; `due_us`: when the next one is due, by whoever stamped last;
    `failed_us`, `why`: since when it fails, and how the last try ended.
    """

    count: int
    size: int
    time_us: int
    due_us: int
    failed_us: int
    why: str
    authority: str = ""
    serial: str = ""
    accuracy_us: int = 0

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        return canonical_json(
            {
                "accuracy": self.accuracy_us, "authority": self.authority, "count": self.count, "due": self.due_us,
                "failed": self.failed_us, "serial": self.serial, "size": self.size, "time": self.time_us, "why": self.why,
            }
        )  # fmt: skip

    @classmethod
    def from_row(cls, row: Row | None) -> Stamping:
        """As the authenticated row says; raises StoreCorruptError."""
        if row is None:
            return cls(count=0, size=0, time_us=0, due_us=0, failed_us=0, why="")
        try:
            body: Any = parse_canonical(row.body, max_bytes=4096)
            made = cls(
                count=body["count"], size=body["size"], time_us=body["time"], due_us=body["due"], failed_us=body["failed"],
                why=body["why"], authority=body["authority"], serial=body["serial"], accuracy_us=body["accuracy"],
            )  # fmt: skip
            if made.to_body() != row.body:
                raise StoreCorruptError("the row of time stamps is damaged")
        except (IntentError, KeyError, TypeError):
            raise StoreCorruptError("the row of time stamps is damaged") from None
        return made


def stamping(context: Context) -> Flow[Stamping]:
    """How stamping goes, as the store remembers. `context` is the anchor's."""
    return Stamping.from_row((yield from read_row(context, STAMPS)))


def stamp_newest(context: Context, authority: TimeAuthority, verifier: TimeVerifier, *, due_seconds: int = 0) -> Flow[Stamped]:
    """Have `authority` stamp the newest checkpoint; what it answers counts only as `verifier` finds it, and is kept first.

    `due_seconds`: when the next stamp is due, 0 for never: a store that is not stamped by then is said to be late. Raises AdapterError for
    no answer and AuditError `time.…` for one that does not hold; either is remembered as a failure. AuditError `audit.index` before the
    first epoch.
    """
    published, witnessed = (yield from read_row(context, PUBLISHED)), (yield from read_row(context, WITNESSED))
    if published is None:
        raise AuditError("no epoch is sealed yet", code="audit.index")
    newest = witnessed is not None and note_size(witnessed.body) >= note_size(published.body)
    note = witnessed.body if newest and witnessed is not None else published.body
    size = note_size(note)
    known = yield from stamping(context)
    if known.size == size and not known.failed_us:
        stamp = TimeStamp(time_us=known.time_us, accuracy_us=known.accuracy_us, authority=known.authority, serial=known.serial)
        return Stamped(size=size, stamp=stamp, fresh=False)
    named = yield from read_row(context, BEFORE)
    try:
        answer: tuple[bytes, TimeStamp] = yield AskTime(authority, verifier, note)
        response, stamp = answer
        now_us: int = yield Now()
        if abs(stamp.time_us - now_us) > MAX_SKEW_US:
            raise AuditError(f"the time stamp of {stamp.authority} is of another time than now", code="time.skew")
    except (AdapterError, AuditError) as error:
        yield from _failed(context, str(error))
        raise
    before = None if named is None or int.from_bytes(named.body[:8], "big") != size - 1 else named.body
    yield from _keep(context, note, response, before, stamp, now_us=now_us, due_us=now_us + due_seconds * 1_000_000 if due_seconds else 0)
    return Stamped(size=size, stamp=stamp, fresh=True)


def _failed(context: Context, why: str) -> Flow[None]:
    now_us: int = yield Now()
    text = "".join(each if " " <= each <= "~" else "?" for each in why)[:MAX_WHY_CHARS] or "no reason"

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True)
        row = authentic(context, view, STAMPS, once=True)
        was = Stamping.from_row(row)
        made = Stamping(
            count=was.count, size=was.size, time_us=was.time_us, due_us=was.due_us, failed_us=was.failed_us or now_us, why=text,
            authority=was.authority, serial=was.serial, accuracy_us=was.accuracy_us,
        )  # fmt: skip
        write = _write(context, STAMPS, row, "FAILING", made.to_body())
        return Changes(head=next_head(context, view.head, head), writes=(write,), records=())

    yield Commit(Unit(context.scope, decide_unit, reads=(STAMPS,)))


def _keep(
    context: Context, note: bytes, response: bytes, before: bytes | None, stamp: TimeStamp, *, now_us: int, due_us: int
) -> Flow[None]:
    size = note_size(note)
    was = yield from stamping(context)
    key = stamp_key(was.count)
    after: Json = None
    if before is not None:
        after = {"epoch": int.from_bytes(before[:8], "big"), "note": before[8:].decode("utf-8")}
    body = canonical_json({"after": after, "note": note.decode("utf-8"), "response": b64url(response)})
    kept = tuple(epoch_key(epoch) for epoch in (size - 2, size - 1) if epoch >= 0)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        row = authentic(context, view, STAMPS, once=True)
        if Stamping.from_row(row).count != was.count or authentic(context, view, key) is not None:
            raise AuditError("another process keeps stamps at the same time", code="time.race")
        made = Stamping(
            count=was.count + 1, size=size, time_us=stamp.time_us, due_us=due_us, failed_us=0, why="", authority=stamp.authority,
            serial=stamp.serial, accuracy_us=stamp.accuracy_us,
        )  # fmt: skip
        writes = [_write(context, STAMPS, row, "STANDS", made.to_body()), _write(context, key, None, "STAMPED", body)]
        for name in kept:
            whole = authentic(context, view, name, once=True)
            if whole is not None and whole.state == "WHOLE" and whole.version == 1:
                # the sealer thins rows of version 1 only: what a stamp rests on stays whole
                writes.append(_write(context, name, whole, "WHOLE", whole.body))
        return Changes(head=next_head(context, view.head, head), writes=tuple(writes), records=())

    yield Commit(Unit(context.scope, decide_unit, reads=(STAMPS, key, *kept)))


def _write(context: Context, key: RowKey, row: Row | None, state: str, body: bytes) -> Write:
    version = 0 if row is None else row.version
    return Write(context.mac.seal_row(context.scope, key.kind, key.key, version + 1, state, body), version)


# -- out of the store --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kept:
    note: bytes
    response: bytes
    after: tuple[int, bytes] | None  # an epoch, and the cosigned checkpoint that it names


def prove_time(context: Context, seat: Seat, seq: int) -> Flow[TimeFile]:
    """Between which outside times record `seq` of the seat's log was recorded. `context` is the anchor's.

    Raises AuditError `time.none` when no stamp reaches so far yet, and as `prove_record`.
    """
    count = (yield from stamping(context)).count
    low, high = 0, count  # the first stamp whose epoch holds the record
    while low < high:
        middle = (low + high) // 2
        kept = yield from _stamp(context, middle)
        if (yield from _sealed(context, seat, note_size(kept.note) - 1)) > seq:
            high = middle
        else:
            low = middle + 1
    if low == count:
        raise AuditError(f"no time stamp stands over record {seq} yet: stamp the newest checkpoint", code="time.none")
    last = yield from _stamp(context, low)
    record: RecordProof = yield from prove_record(context, seat, seq, epoch=note_size(last.note) - 1, note=last.note)
    before: Before | None = None
    if low:
        first = yield from _stamp(context, low - 1)
        if first.after is not None and (yield from _sealed(context, seat, first.after[0])) >= 0:
            epoch, note = first.after
            before = Before(slot=(yield from prove_slot(context, seat, epoch=epoch, note=last.note)), note=note)
    return TimeFile(record=record, responses=(last.response,), before=before)


def _stamp(context: Context, number: int) -> Flow[_Kept]:
    row = yield from read_row(context, stamp_key(number))
    if row is None:
        raise StoreCorruptError("a time stamp is gone from the store")
    try:
        body: Any = parse_canonical(row.body, max_bytes=MAX_BODY_BYTES)
        after = None if body["after"] is None else (body["after"]["epoch"], body["after"]["note"].encode("utf-8"))
        return _Kept(body["note"].encode("utf-8"), unb64url(body["response"]), after)
    except (IntentError, KeyError, TypeError, AttributeError):
        raise StoreCorruptError("a time stamp in the store is damaged") from None


def _sealed(context: Context, seat: Seat, epoch: int) -> Flow[int]:
    """How many records the seat's log had in an epoch, -1 where it was not there yet."""
    key = epoch_key(epoch)
    rows: Sequence[Row] = yield ReadRows(context.scope, (key,))
    row = context.mac.check_once(context.scope, rows[0]).row if rows else None
    if row is None or row.state != "WHOLE":
        raise AuditError(f"the leaves of epoch {epoch} are not kept", code="audit.thinned")
    cells = EpochRow.from_row(row).cells
    return seat.key.find(epoch, cells[seat.slot][1])[1] if seat.slot in cells else -1
