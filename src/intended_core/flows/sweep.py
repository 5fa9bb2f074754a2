"""sweep: tokens that nobody redeemed in time expire, and what they held in reserve goes back to their meters; requests expire.

A reservation is released only here, by ISSUED → EXPIRED or by a nonce that was REVOKED; what was CONSUMED stays used. Each token is one
unit, so a sweep may stop anywhere and go on later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind, Thread
from intended_core.canonical import b64url
from intended_core.errors import UnitRefusedError
from intended_core.flows.duties import SWEEP_MOVED, find_overdue
from intended_core.flows.effects import Commit, Context, Flow, Now, Random, ScanRows
from intended_core.flows.metering import held_key, meter_rows, open_book
from intended_core.flows.refusals import record_counts
from intended_core.flows.rows import NonceRow
from intended_core.flows.steps import authentic, close_unit, open_head, thread_commitment
from intended_core.flows.withdraw import expire_requests
from intended_core.meters.shards import Held
from intended_core.unit import Changes, Row, RowKey, Unit, UnitView, Write

__all__ = ["Swept", "sweep"]

PREFIX = "held:"
GRACE_S = 1  # whole seconds are compared: a token of this second may still be redeemed


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What a sweep did: reservations `released`, those found to be `used`, approval requests that `expired`, obligations that are `overdue`
    now for the first time; `counted`: refusals of tokens that can be laid at nobody's door, recorded now.
    """

    released: int
    used: int
    expired: int = 0
    overdue: int = 0
    counted: int = 0


def sweep(context: Context) -> Flow[Swept]:
    """Settle every reservation whose token can no longer be redeemed, end the requests whose time is over, record overdue obligations.

    Raises StoreError; nothing is lost by stopping in between.
    """
    now_us: int = yield Now()
    rows: Sequence[Row] = yield ScanRows(context.scope, "meter", "HELD")
    released = used = 0
    for row in rows:
        if not row.key.startswith(PREFIX):
            continue
        held = Held.from_body(context.mac.check(context.scope, row).row.body)
        if now_us // 1_000_000 <= held.expires_s + context.settings.leeway_seconds + GRACE_S:
            continue
        try:
            freed = yield from _settle(context, row.key.removeprefix(PREFIX), held, now_us)
        except UnitRefusedError:
            continue  # another process has settled it meanwhile, or it waits for a newer clock
        released, used = released + freed, used + 1 - freed
    expired = yield from expire_requests(context)
    try:
        overdue = yield from find_overdue(context)
    except UnitRefusedError as refused:
        if refused.code != SWEEP_MOVED:
            raise
        overdue = 0  # another sweep is finding them at this moment
    counted = yield from record_counts(context)
    return Swept(released=released, used=used, expired=expired, overdue=overdue, counted=counted)


def _settle(context: Context, nonce: str, held: Held, now_us: int) -> Flow[int]:
    salt: bytes = yield Random(16)
    name, row_key = RowKey("nonce", nonce), held_key(nonce)
    keys = [key for key, _, _ in held.uses]

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        row, issued = authentic(context, view, row_key, once=True), authentic(context, view, name, once=True)
        if row is None or row.state != "HELD" or issued is None:
            raise UnitRefusedError("reservation_state", "the reservation is settled already")
        free = issued.state != "CONSUMED"
        writes: list[Write] = []
        drafts: list[Draft] = []
        commitment = thread_commitment("token", nonce)
        if issued.state == "ISSUED":
            expired = context.mac.seal_row(context.scope, "nonce", nonce, issued.version + 1, "EXPIRED", issued.body)
            writes.append(Write(expired, issued.version))
            thread = Thread(commitment=commitment, n=1, previous=NonceRow.from_row(issued).seq)
            drafts.append(Draft(kind=EventKind.TOKEN_EXPIRED, body={"cause": "not redeemed"}, salt=salt, thread=thread))
        if free and held.generation == head.generation:
            book = open_book(context, view, head, keys)
            for key, amount, at_ms in held.uses:
                book.release(key, amount, at_ms=at_ms)
            head, counted = book.close()
            writes += counted
            drafts.append(Draft(kind=EventKind.METER_RELEASED, body={"token": b64url(commitment)}, salt=salt))
        state = "RELEASED" if free else "USED"
        settled = context.mac.seal_row(context.scope, "meter", row_key.key, row.version + 1, state, row.body)
        writes.append(Write(settled, row.version))
        return close_unit(context, view, head, tuple(drafts), now_us=now_us, writes=tuple(writes), answer=int(free))

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(name, row_key, *meter_rows(keys))))
    freed: int = committed.answer
    return freed
