"""complete: the adapter says what became of the act that it ran; a failed one gives its reservations back to their meters.

Said once, by who redeemed: the nonce is CONSUMED by exactly this attempt, and the token's life in the log has no later step.
"""

from __future__ import annotations

from typing import Final, Literal

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind, Thread
from intended_core.canonical import b64url
from intended_core.errors import UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, Now, Random, ReadRows
from intended_core.flows.metering import held_key, meter_rows, open_book
from intended_core.flows.rows import NonceRow
from intended_core.flows.steps import authentic, close_unit, open_head, thread_commitment
from intended_core.meters.shards import Held
from intended_core.tokens.redeemed import RedeemedToken
from intended_core.unit import Changes, RowKey, Unit, UnitView, Write

__all__ = ["ActResult", "complete"]

ActResult = Literal["done", "failed", "unknown"]
_KINDS: Final = {
    "done": EventKind.ACTION_DONE, "failed": EventKind.ACTION_FAILED, "unknown": EventKind.ACTION_UNKNOWN,
}  # fmt: skip


def complete(context: Context, redeemed: RedeemedToken, result: ActResult) -> Flow[int]:
    """Record what became of the act; returns the record's place in the log.

    Only `failed` releases what the token held in reserve; `unknown` keeps it used. Raises UnitRefusedError when this was said already or
    the token was redeemed by another attempt.
    """
    if result not in _KINDS:
        raise UnitRefusedError("act_result", "an act is done, failed or unknown")
    nonce = redeemed.claims.jti
    name, row_key = RowKey("nonce", nonce), held_key(nonce)
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    found = yield ReadRows(context.scope, (row_key,))
    held = None if not found else Held.from_body(context.mac.check(context.scope, found[0]).row.body)
    uses = () if held is None or result != "failed" else held.uses
    keys = [key for key, _, _ in uses]
    commitment = thread_commitment("token", nonce)
    thread = b64url(commitment)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True)
        row, spent = authentic(context, view, row_key, once=True), authentic(context, view, name, once=True)
        if spent is None or spent.state != "CONSUMED" or NonceRow.from_row(spent).attempt != redeemed.attempt_id:
            raise UnitRefusedError("act_attempt", "this token was not redeemed by this attempt")
        lived = view.threads.get(thread, ())
        if len(lived) != 2 or lived[1].seq != redeemed.seq:
            raise UnitRefusedError("act_completed", "what became of this act was said already")
        writes: list[Write] = []
        body = {"attempt": redeemed.attempt_id, "result": result}
        drafts = [
            Draft(
                kind=_KINDS[result], body=body, salt=salt,
                thread=Thread(commitment=commitment, n=2, previous=redeemed.seq), policy_digest=redeemed.claims.pol,
            )
        ]  # fmt: skip
        if uses and held is not None and row is not None and row.state in ("HELD", "USED"):
            if held.generation == head.generation:
                book = open_book(context, view, head, keys)
                for key, amount, at_ms in uses:
                    book.release(key, amount, at_ms=at_ms)
                head, counted = book.close()
                writes += counted
                drafts.append(Draft(kind=EventKind.METER_RELEASED, body={"token": thread}, salt=salt))
            settled = context.mac.seal_row(context.scope, "meter", row_key.key, row.version + 1, "RELEASED", row.body)
            writes.append(Write(settled, row.version))
        return close_unit(context, view, head, tuple(drafts), now_us=now_us, writes=tuple(writes), answer=head.size)

    reads = (name, row_key, *meter_rows(keys))
    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads, threads=(thread,)), shielded=True)
    seq: int = committed.answer
    return seq
