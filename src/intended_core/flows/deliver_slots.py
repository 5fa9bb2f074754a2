"""deliver_slots: the head that a tenant's log has in each epoch is told to a notifier of the tenant's, with its proof, epoch by epoch.

The anchor log is the outbox, as the tenant's log is that of notifications: a row per notifier remembers up to which epoch it was told, and
which head was told last, so that the next message also shows that the log grew from there. What an epoch was is kept whole for a
while only: an epoch that is thinned before it was told, or that was not taken after `MAX_TRIES`, is counted as given up, and the next
message shows growth from the last one that was told all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from intended_core.audit.checkpoint import read_head, split_note
from intended_core.audit.epochs import parse_epoch
from intended_core.audit.levels import Levels
from intended_core.audit.log import LogHead
from intended_core.audit.proof import ConsistencyProof, prove_consistency
from intended_core.audit.slotfollow import SLOT_KIND, SlotMessage, message_data
from intended_core.audit.slots import SlotOpening, slot_leaf
from intended_core.canonical import b64url, canonical_json
from intended_core.errors import AdapterError, AuditError
from intended_core.flows.attest import newest_checkpoint, prove_slot
from intended_core.flows.deliver import MAX_TRIES, check_name, pause_us, read_numbers, save_cursor
from intended_core.flows.effects import Context, Flow, LoadTree, Notify, Now, ReadRows
from intended_core.flows.evidence import authentic_head
from intended_core.flows.seal import KEPT_WHOLE
from intended_core.flows.seats import Seat
from intended_core.ports import Notification, Notifier
from intended_core.unit import Row, RowKey

__all__ = ["MAX_QUEUED", "SlotsTold", "deliver_slots"]

MAX_QUEUED: Final = KEPT_WHOLE - 2  # epochs that wait: older ones are no longer kept whole
AT_ONCE: Final = 256  # epochs in one call
_MEMBERS: Final = frozenset({"next", "tries", "due", "given_up", "size", "generation", "unsure"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotsTold:
    """What a delivery did: how many epochs were told now, which is next, and from when it is worth asking again (`due_us`, 0 where nothing
    waits for a pause). `waiting`: epochs that are sealed and not told. `given_up`: epochs that were never told, since it began.
    """

    told: int
    next_epoch: int
    due_us: int
    waiting: int
    given_up: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cursor:
    next: int
    tries: int = 0
    due: int = 0
    given_up: int = 0
    size: int = 0  # of the head that was told last, and its generation
    generation: int = 0
    unsure: int = 0  # size of a head that was sent since and never answered: it may have been taken

    def to_body(self) -> bytes:
        return canonical_json({name: getattr(self, name) for name in sorted(_MEMBERS)})

    @classmethod
    def from_row(cls, row: Row) -> _Cursor:
        return cls(**read_numbers(row, _MEMBERS))

    def past(self, *, given_up: int) -> _Cursor:
        return replace(self, next=self.next + 1, tries=0, due=0, given_up=self.given_up + given_up)


def deliver_slots(anchor: Context, seat: Seat, name: str, notifier: Notifier, *, since: int | None = None) -> Flow[SlotsTold]:
    """Tell `notifier`, known to the seat's tenant as `name`, every epoch that it was not told. Run it now and then, one at a time a name.

    The first time it begins at epoch `since`, or with the newest. `anchor`: the anchor's context; the flow is the tenant's. Raises
    IntentError for a bad name, AuditError `audit.index` before the first epoch, StoreError.
    """
    check_name(name)
    key = RowKey("outbox", f"slots:{name}")
    rows: Sequence[Row] = yield ReadRows(seat.context.scope, (key,))
    size = read_head(split_note((yield from newest_checkpoint(anchor)))[0])[1]
    version, cursor = 0, _Cursor(next=size - 1 if since is None else max(0, min(since, size)))
    if rows:
        row = seat.context.mac.check(seat.context.scope, rows[0]).row
        version, cursor = row.version, _Cursor.from_row(row)
    if size - cursor.next > MAX_QUEUED:
        lost = size - cursor.next - MAX_QUEUED
        cursor = replace(cursor, next=cursor.next + lost, tries=0, due=0, given_up=cursor.given_up + lost)
    told = 0
    now_us: int = yield Now()
    stop = min(size, cursor.next + AT_ONCE)
    while now_us >= cursor.due and cursor.next < stop:
        cursor, took = yield from _tell(anchor, seat, notifier, cursor, now_us)
        told += took
        version = yield from save_cursor(seat.context, key, version, cursor.to_body())
    if version == 0:
        yield from save_cursor(seat.context, key, version, cursor.to_body())
    return SlotsTold(
        told=told, next_epoch=cursor.next, due_us=cursor.due, waiting=max(0, size - cursor.next), given_up=cursor.given_up
    )


def _tell(anchor: Context, seat: Seat, notifier: Notifier, cursor: _Cursor, now_us: int) -> Flow[tuple[_Cursor, int]]:
    try:
        made, opening = yield from _message(anchor, seat, cursor)
    except AuditError:  # thinned meanwhile, or of before the log was there
        return cursor.past(given_up=1), 0
    try:
        yield Notify(notifier, made)
    except AdapterError:
        tries = cursor.tries + 1
        if tries >= MAX_TRIES:
            return replace(cursor.past(given_up=1), unsure=opening.size), 0
        return replace(cursor, tries=tries, due=now_us + pause_us(tries)), 0
    return replace(cursor.past(given_up=0), size=opening.size, generation=opening.generation, unsure=0), 1


def _message(anchor: Context, seat: Seat, cursor: _Cursor) -> Flow[tuple[Notification, SlotOpening]]:
    proof = yield from prove_slot(anchor, seat, epoch=cursor.next)
    opening = proof.opening
    growth: tuple[ConsistencyProof, ...] = ()
    since = sorted({size for size in (cursor.size, cursor.unsure) if 0 < size < opening.size})
    if since and cursor.generation == opening.generation:
        head: LogHead = yield from authentic_head(seat.context)
        tree: Levels = yield LoadTree(seat.context.scope, head.size, head.frontier.root())
        growth = tuple(prove_consistency(tree, first=size, second=opening.size) for size in since)
    scope = seat.context.scope
    data = message_data(
        SlotMessage(proof=proof, growth=growth), epoch=cursor.next, tenant=scope.tenant, environment=scope.environment
    )
    made = Notification(
        id=f"evt_{b64url(slot_leaf(opening))}", kind=SLOT_KIND, at_us=parse_epoch(proof.entry).time_us, data=data
    )
    return made, opening
