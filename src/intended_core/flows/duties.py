"""duties: what was due `after` an act and that nobody said was done. An overdue one is a record, and with it an alarm.

The log says which tokens were consumed and what they obliged to. A row remembers up to which record it was read, and a row per act that
still owes something until when; both are off the way of requests. `complete(done | failed)` settles a duty; `unknown` does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.fields import read_body
from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind, parse_entry
from intended_core.canonical import Json, b64url, canonical_json, parse_canonical
from intended_core.errors import IntentError, StoreCorruptError, TokenError, UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, Now, Random, ReadHead, ReadRecords, ReadRows, ScanRows
from intended_core.flows.obligations import read_obligations
from intended_core.flows.steps import authentic, close_unit, open_head
from intended_core.outcome import Obligation
from intended_core.unit import Changes, Head, RecordRow, Row, RowKey, Unit, UnitView, Write

__all__ = ["SWEEP_MOVED", "find_overdue"]

SWEEP_MOVED: Final = "sweep_moved"

CHUNK: Final = 500  # records looked at in one read, and duties written in one unit
MAX_BODY_BYTES: Final = 64 * 1024
CURSOR: Final = RowKey("outbox", "duties")
PREFIX: Final = "duty:"
WITHIN: Final = "within"  # a parameter of this name and type Duration says until when
_DURATION: Final = re.compile(r"u:[0-9]{1,12}")
_SETTLING: Final = frozenset({EventKind.ACTION_DONE, EventKind.ACTION_FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Duty:
    """What one act still owes: `thread` names its token in the log, `decision` its record, `due` in microseconds."""

    thread: str
    decision: int
    names: tuple[str, ...]
    due: int

    def to_body(self) -> bytes:
        return canonical_json({"thread": self.thread, "decision": self.decision, "names": [*self.names], "due": self.due})

    @classmethod
    def from_row(cls, row: Row) -> _Duty:
        try:
            data: Any = parse_canonical(row.body, max_bytes=MAX_BODY_BYTES)
            made = cls(
                thread=str(data["thread"]), decision=int(str(data["decision"])), names=tuple(str(name) for name in data["names"]),
                due=int(str(data["due"])),
            )  # fmt: skip
        except (IntentError, KeyError, TypeError, ValueError):
            raise StoreCorruptError("the row of a duty is damaged") from None
        if row.key != PREFIX + made.thread:
            raise StoreCorruptError("the row of a duty is damaged")
        return made


def find_overdue(context: Context) -> Flow[int]:
    """Record each obligation that is due `after` an act, and whose time has passed without a word; how many are overdue now for the first
    time. Raises StoreError; nothing is lost by stopping in between.
    """
    yield from _read_on(context)
    rows: Sequence[Row] = yield ScanRows(context.scope, "outbox", "OPEN")
    now_us: int = yield Now()
    overdue = 0
    for row in rows:
        duty = _Duty.from_row(context.mac.check(context.scope, row).row)
        lived: Sequence[RecordRow] = yield ReadRecords(context.scope, thread=duty.thread)
        settled = _is_settled(lived)
        if not settled and now_us < duty.due:
            continue
        try:
            overdue += yield from _close(context, row, duty)
        except UnitRefusedError:
            continue  # another process has closed it meanwhile
    return overdue


def _is_settled(lived: Sequence[RecordRow]) -> bool:
    return any(parse_entry(record.entry).kind in _SETTLING for record in lived)


def _read_on(context: Context) -> Flow[None]:
    """Note what the acts owe that were redeemed since the last look."""
    found: Sequence[Row] = yield ReadRows(context.scope, (CURSOR,))
    stored: Head | None = yield ReadHead(context.scope)
    if stored is None:
        raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
    size = context.heads.read(context.mac, context.scope, stored).size
    version, start = 0, 0
    if found:
        row = context.mac.check(context.scope, found[0]).row
        version, start = row.version, _position(row)
    while start < size:
        records: Sequence[RecordRow] = yield ReadRecords(context.scope, start, min(start + CHUNK, size))
        if not records:
            raise StoreCorruptError("the log has no record where its head says there is one")
        duties: list[_Duty] = []
        for record in records:
            duty = yield from _owed(context, record)
            if duty is not None:
                duties.append(duty)
        start = records[-1].seq + 1
        if duties or start >= size:
            yield from _note(context, version, start, duties)
            version += 1


def _owed(context: Context, record: RecordRow) -> Flow[_Duty | None]:
    entry = parse_entry(record.entry)
    if entry.kind is not EventKind.TOKEN_CONSUMED or entry.thread is None or entry.thread.previous is None:
        return None
    decision = entry.thread.previous
    found: Sequence[RecordRow] = yield ReadRecords(context.scope, decision, decision + 1)
    if not found:
        raise StoreCorruptError("the decision of a consumed token is not in the log")
    if not found[0].body:
        return None  # what it obliged to was erased with it
    said = read_body(found[0]).get("obligations", [])
    try:
        obligations = read_obligations([str(text) for text in said] if isinstance(said, list) else [])
    except TokenError:
        raise StoreCorruptError("a recorded obligation is not in its form") from None
    after = [each for each in obligations if each.phase == "after"]
    if not after:
        return None
    within = min(_within_us(context, each) for each in after)
    return _Duty(
        thread=b64url(entry.thread.commitment), decision=decision, names=tuple(sorted(each.name for each in after)),
        due=entry.time_us + within,
    )  # fmt: skip


def _within_us(context: Context, obligation: Obligation) -> int:
    text = obligation.values.get(WITHIN)
    if isinstance(text, str) and _DURATION.fullmatch(text):
        return int(text.removeprefix("u:")) * 1000  # the wire form of a Duration, in milliseconds
    return context.settings.obligation_seconds * 1_000_000


def _note(context: Context, version: int, start: int, duties: Sequence[_Duty]) -> Flow[None]:
    now_us: int = yield Now()
    keys = tuple(RowKey("outbox", PREFIX + duty.thread) for duty in duties)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True, any_clock=True)
        row = authentic(context, view, CURSOR, once=True)
        if (0 if row is None else row.version) != version:
            raise UnitRefusedError(SWEEP_MOVED, "another sweep is under way")
        seal, scope = context.mac.seal_row, context.scope
        writes = [Write(seal(scope, "outbox", CURSOR.key, version + 1, "STANDS", canonical_json({"next": start})), version)]
        for key, duty in zip(keys, duties, strict=True):
            if authentic(context, view, key, once=True) is None:
                writes.append(Write(seal(scope, "outbox", key.key, 1, "OPEN", duty.to_body()), 0))
        return close_unit(context, view, head, (), now_us=now_us, writes=tuple(writes))

    yield Commit(Unit(context.scope, decide_unit, reads=(CURSOR, *keys)))


def _position(row: Row) -> int:
    try:
        data: Any = parse_canonical(row.body, max_bytes=1024)
    except IntentError:
        raise StoreCorruptError("the row of the duties is damaged") from None
    if not isinstance(data, dict) or type(data.get("next")) is not int:
        raise StoreCorruptError("the row of the duties is damaged")
    position: int = data["next"]
    return position


def _close(context: Context, read: Row, duty: _Duty) -> Flow[int]:
    """OPEN → SETTLED when the act was spoken of meanwhile, else → OVERDUE with its record; 1 for the latter."""
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    key = RowKey("outbox", read.key)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True)
        row = authentic(context, view, key, once=True)
        if row is None or row.version != read.version or row.state != "OPEN":
            raise UnitRefusedError("duty_state", "this duty is closed already")
        settled = _is_settled(view.threads.get(duty.thread, ()))
        body: dict[str, Json] = {
            "token": duty.thread, "decision": duty.decision, "obligations": [*duty.names], "due": duty.due
        }  # fmt: skip
        # A record beside the token's life, not in it: what is said late can still be said.
        drafts = () if settled else (Draft(kind=EventKind.OBLIGATION_OVERDUE, body=body, salt=salt),)
        state = "SETTLED" if settled else "OVERDUE"
        closed = context.mac.seal_row(context.scope, "outbox", row.key, row.version + 1, state, row.body)
        writes = (Write(closed, row.version),)
        return close_unit(context, view, head, drafts, now_us=now_us, writes=writes, answer=int(not settled))

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(key,), threads=(duty.thread,)))
    late: int = committed.answer
    return late
