"""deliver: what people outside must hear of is told to a notifier, after it was committed and never on the way of a request.

The log is the outbox: a row per notifier remembers up to which record it was told, so nothing that committed is forgotten and nothing is
written twice. A notification carries no authority and no arguments of an intent: it says that there is something to look at. It is told at
least once, under an id that stays the same; a notifier that fails is asked again later, each time after a longer pause, and given up for
this one notification after `MAX_TRIES`. Whether it is told changes no answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from intended_core.audit.fields import read_body
from intended_core.audit.log import LogHead
from intended_core.audit.record import Entry, EventKind, parse_entry
from intended_core.audit.tree import leaf_hash
from intended_core.canonical import Json, b64url, canonical_json, parse_canonical
from intended_core.errors import AdapterError, IntentError, StoreCorruptError, UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, Notify, Now, ReadHead, ReadRecords, ReadRows
from intended_core.flows.steps import authentic, close_unit, open_head
from intended_core.ports import Notification, Notifier
from intended_core.unit import Changes, Head, RecordRow, Row, RowKey, Unit, UnitView, Write

__all__ = [
    "FIRST_PAUSE_US", "LONGEST_PAUSE_US", "MAX_TRIES", "NOTIFIED", "Delivered", "check_name", "deliver", "notification_of", "pause_us",
    "read_numbers", "save_cursor",
]  # fmt: skip

CHUNK: Final = 500  # records looked at in one read
MAX_TRIES: Final = 12  # with the pauses below: about six hours
FIRST_PAUSE_US: Final = 5_000_000
LONGEST_PAUSE_US: Final = 3_600_000_000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_MEMBERS: Final = frozenset({"next", "tries", "due", "given_up"})

NOTIFIED: Final[dict[EventKind, str]] = {
    EventKind.DECISION_ESCALATE: "approval.requested",
    EventKind.APPROVAL_GRANTED: "approval.granted",
    EventKind.APPROVAL_REJECTED: "approval.rejected",
    EventKind.APPROVAL_CANCELLED: "approval.cancelled",
    EventKind.APPROVAL_EXPIRED: "approval.expired",
    EventKind.OBLIGATION_OVERDUE: "obligation.overdue",
    EventKind.HALT_ENGAGED: "halt.engaged",
    EventKind.HALT_RESUMED: "halt.resumed",
    EventKind.KEY_COMPROMISED: "key.compromised",
    EventKind.CREDENTIAL_WITHDRAWN: "credential.withdrawn",
    EventKind.POLICY_DRAFTED: "policy.drafted",
    EventKind.POLICY_APPROVED: "policy.approved",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a delivery did: how many were told now, up to which record the notifier was told, and from when it is worth asking again
    (`due_us`, 0 where nothing waits). `given_up`: how many were never taken, since the notifier began.
    """

    told: int
    next_seq: int
    due_us: int
    given_up: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cursor:
    next: int
    tries: int = 0
    due: int = 0
    given_up: int = 0

    def to_body(self) -> bytes:
        return canonical_json({"next": self.next, "tries": self.tries, "due": self.due, "given_up": self.given_up})

    @classmethod
    def from_row(cls, row: Row) -> _Cursor:
        return cls(**read_numbers(row, _MEMBERS))


def read_numbers(row: Row, members: frozenset[str]) -> dict[str, int]:
    """What a notifier's row remembers: these members and no others, each an integer. Raises StoreCorruptError."""
    try:
        data: Any = parse_canonical(row.body, max_bytes=1024)
    except IntentError:
        raise StoreCorruptError("a notifier's row is damaged") from None
    if not isinstance(data, dict) or data.keys() != members or any(type(item) is not int for item in data.values()):
        raise StoreCorruptError("a notifier's row is damaged")
    return data


def check_name(name: str) -> None:
    """Raise IntentError unless a notifier may be known by this name."""
    if _NAME.fullmatch(name) is None:
        raise IntentError("a notifier's name is 1-40 lower-case letters, digits and hyphens", place="name")


def deliver(context: Context, name: str, notifier: Notifier, *, since: int | None = None) -> Flow[Delivered]:
    """Tell `notifier`, which is known here as `name`, what it was not told yet. Run it now and then, one at a time per name.

    The first time it begins at record `since`, or with what happens from now on. Raises IntentError for a bad name, StoreError.
    """
    check_name(name)
    key = RowKey("outbox", f"notifier:{name}")
    rows: Sequence[Row] = yield ReadRows(context.scope, (key,))
    head = yield from _head(context)
    if rows:
        row = context.mac.check(context.scope, rows[0]).row
        version, cursor = row.version, _Cursor.from_row(row)
    else:
        version, cursor = 0, _Cursor(next=head.size if since is None else max(0, min(since, head.size)))
    begun, told = cursor, 0
    now_us: int = yield Now()
    while now_us >= cursor.due and cursor.next < head.size:
        records: Sequence[RecordRow] = yield ReadRecords(context.scope, cursor.next, min(cursor.next + CHUNK, head.size))
        if not records:
            raise StoreCorruptError("the log has no record where its head says there is one")
        for record in records:
            made = notification_of(context, record)
            if made is None:
                cursor = replace(cursor, next=record.seq + 1)
                continue
            cursor, took = yield from _tell(notifier, made, cursor, record.seq, now_us)
            told += took
            version = yield from save_cursor(context, key, version, cursor.to_body())
            begun = cursor
            if cursor.due > now_us:
                return Delivered(told=told, next_seq=cursor.next, due_us=cursor.due, given_up=cursor.given_up)
    if cursor != begun or version == 0:
        yield from save_cursor(context, key, version, cursor.to_body())
    return Delivered(told=told, next_seq=cursor.next, due_us=cursor.due, given_up=cursor.given_up)


def _tell(notifier: Notifier, made: Notification, cursor: _Cursor, seq: int, now_us: int) -> Flow[tuple[_Cursor, int]]:
    try:
        yield Notify(notifier, made)
    except AdapterError:
        tries = cursor.tries + 1
        if tries >= MAX_TRIES:
            return _Cursor(next=seq + 1, given_up=cursor.given_up + 1), 0
        return replace(cursor, next=seq, tries=tries, due=now_us + pause_us(tries)), 0
    return replace(cursor, next=seq + 1, tries=0, due=0), 1


def pause_us(tries: int) -> int:
    """How long a notifier that failed `tries` times in a row is left alone, in microseconds."""
    return min(FIRST_PAUSE_US << (tries - 1), LONGEST_PAUSE_US)


def save_cursor(context: Context, key: RowKey, version: int, body: bytes) -> Flow[int]:
    """Write a notifier's row anew, which stood at `version`; its version now. Raises UnitRefusedError `notifier_moved`, StoreError."""
    now_us: int = yield Now()

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True, any_clock=True, even_closed=True)
        row = authentic(context, view, key, once=True)
        if (0 if row is None else row.version) != version:
            raise UnitRefusedError("notifier_moved", "somebody else is telling this notifier: run one delivery at a time")
        made = context.mac.seal_row(context.scope, key.kind, key.key, version + 1, "STANDS", body)
        return close_unit(context, view, head, (), now_us=now_us, writes=(Write(made, version),))

    yield Commit(Unit(context.scope, decide_unit, reads=(key,)))
    return version + 1


def _head(context: Context) -> Flow[LogHead]:
    stored: Head | None = yield ReadHead(context.scope)
    if stored is None:
        raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
    return context.heads.read(context.mac, context.scope, stored)


def notification_of(context: Context, record: RecordRow) -> Notification | None:
    """What is told of this record; None for one that nobody outside needs to hear of. Raises AuditError when it is not whole."""
    entry = parse_entry(record.entry)
    kind = NOTIFIED.get(entry.kind)
    if kind is None or not record.body:  # an erased body is told to nobody
        return None
    body = read_body(record)
    if entry.kind is EventKind.DECISION_ESCALATE and ("approval" not in body or "intent" not in body):
        return None
    if entry.kind is EventKind.POLICY_DRAFTED and "base" not in body:
        return None  # a further step of a draft that was told of when it was made
    data: dict[str, Json] = {
        "tenant": context.scope.tenant, "environment": context.scope.environment, "record": record.seq, **_told(entry, body)
    }  # fmt: skip
    return Notification(
        id=f"evt_{b64url(leaf_hash(record.entry))}", kind=kind, at_us=entry.time_us, data=canonical_json(data)
    )


def _told(entry: Entry, body: dict[str, Json]) -> dict[str, Json]:
    """Who, what and until when, by name: an intent's arguments and context stay in the store."""
    if entry.kind is EventKind.DECISION_ESCALATE:
        intent = orjson.loads(str(body["intent"]))
        alternatives: Any = body.get("alternatives")
        return {
            "approval": body["approval"], "principal": intent["principal"], "action": intent["action"],
            "resource": intent["resource"],
            "needs": [[{"group": item["group"], "quorum": item["quorum"]} for item in each] for each in alternatives],
        }  # fmt: skip
    told = ("approval", "person", "state", "reason", "target", "kid", "token", "obligations", "due", "draft", "subject", "content",
            "drafter", "note", "packs", "unlock", "adapter", "id")  # fmt: skip
    return {name: body[name] for name in told if name in body}
