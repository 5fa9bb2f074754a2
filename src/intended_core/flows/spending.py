"""What a unit asks before a nonce is spent, by a redemption or by an attenuation: it is issued, as signed, and nobody has spent it."""

from __future__ import annotations

from intended_core.audit.log import LogHead
from intended_core.errors import TokenError
from intended_core.flows.effects import Context
from intended_core.flows.steps import authentic
from intended_core.tokens.claims import LogPosition
from intended_core.unit import Row, RowKey, UnitView

__all__ = ["still_issued"]


def still_issued(
    context: Context, view: UnitView, head: LogHead, key: RowKey, *, wanted: bytes, issued: LogPosition, thread: str
) -> Row:
    """The nonce's row, ISSUED, in this generation, its body exactly `wanted`, its life in the log at its first step.

    `issued`: the claim `log`. `thread`: the filed name of the token's life; the unit read both. Raises TokenError or StoreCorruptError.
    """
    generation, seq, leaf = issued
    row = authentic(context, view, key, once=True)
    if row is None:
        raise TokenError("token.nonce_unknown")
    if row.state != "ISSUED":
        raise TokenError("token.replayed" if row.state == "CONSUMED" else f"token.nonce_{row.state.lower()}")
    if row.body != wanted or generation != head.generation:
        raise TokenError("token.nonce_mismatch")
    # The log is asked as well as the row: putting an older row back does not bring a spent nonce back.
    lived = view.threads.get(thread, ())
    if len(lived) != 1 or lived[0].seq != seq or lived[0].leaf != leaf:
        raise TokenError("token.replayed" if len(lived) > 1 else "token.log_mismatch")
    return row
