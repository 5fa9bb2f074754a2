"""Refusals before the signature check: they can be laid at nobody's door, so they are counted, and the counts are recorded.

A record says how often a reason was given between two times. There is at most one per reason, interval and process, however many forged
tokens come: a flood fills no log. What was counted is written at the tenth refusal of an interval, with the first refusal after it,
when somebody sweeps, and when the authority is closed. A process that is killed loses what it had counted since, never that there was
a flood. Counted as well is what the store did not take: it is recorded as soon as somebody sweeps or closes.
"""

from __future__ import annotations

from typing import Final

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.errors import IntendedError
from intended_core.flows.effects import Commit, Context, Flow, Now, Random
from intended_core.flows.steps import close_unit, open_head
from intended_core.tokens.refusal_counts import Counted
from intended_core.unit import Changes, Unit, UnitView

__all__ = ["DENIAL_UNWRITTEN", "REFUSAL_UNWRITTEN", "UNRECORDED", "count_refusal", "count_unseen", "record_counts"]

# Decisions and refusals whose own record the store did not take.
DENIAL_UNWRITTEN: Final = "denial.unwritten"
REFUSAL_UNWRITTEN: Final = "refusal.unwritten"
# Nothing that was said stands under a signature of ours that counts: neither the token's, nor the credential's of who brought it.
UNRECORDED: Final = frozenset(
    {"token.size", "token.base64", "token.segments", "token.header", "token.key_unknown", "token.algorithm",
     "token.key_state", "token.signature", "token.request", "token.attempt", "token.credential", "token.withdrawn"}
)  # fmt: skip


def count_refusal(context: Context, code: str, *, salt: bytes, now_us: int, adapter: str = "") -> Flow[None]:
    """Count one refusal for the reason `code`; now and then, record what was counted. `salt`: 16 random bytes. Raises nothing.

    `adapter`: whose credential was shown, and only where we made it: what else says who it is says nothing.
    """
    interval_us = context.settings.refusal_interval_seconds * 1_000_000
    due = context.refusals.add(code, now_us, interval_us=interval_us, adapter=adapter)
    if due is not None:
        yield from _record(context, (due,), salt, now_us)


def count_unseen(context: Context, code: str, *, adapter: str = "") -> Flow[None]:
    """`count_refusal` for a flow that has no time and salt at hand; a reason that is not one of UNRECORDED is not counted."""
    if code not in UNRECORDED:
        return
    try:
        now_us: int = yield Now()
        salt: bytes = yield Random(16)
    except IntendedError:
        return
    yield from count_refusal(context, code, salt=salt, now_us=now_us, adapter=adapter)


def record_counts(context: Context) -> Flow[int]:
    """Record everything that this process counted and has not recorded; returns how many refusals that were. Raises nothing."""
    taken = context.refusals.take()
    if not taken:
        return 0
    try:
        now_us: int = yield Now()
        salt: bytes = yield Random(16 * len(taken))
    except IntendedError:
        for counted in taken:
            context.refusals.give_back(counted)
        return 0
    return (yield from _record(context, taken, salt, now_us))


def _record(context: Context, counts: tuple[Counted, ...], salt: bytes, now_us: int) -> Flow[int]:
    drafts = tuple(
        Draft(
            kind=EventKind.REFUSALS_COUNTED,
            body={
                "code": item.code, "count": item.count, "from_us": item.from_us, "until_us": item.until_us,
                **({"adapter": item.adapter} if item.adapter else {}),
            },
            salt=salt[16 * number : 16 * number + 16],
        )
        for number, item in enumerate(counts)
    )  # fmt: skip

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True)
        return close_unit(context, view, head, drafts, now_us=now_us)

    try:
        yield Commit(Unit(context.scope, decide_unit))
    except IntendedError:
        for item in counts:
            context.refusals.give_back(item)  # the refusals stand either way; the next record says that there were more
        return 0
    return sum(item.count for item in counts)
