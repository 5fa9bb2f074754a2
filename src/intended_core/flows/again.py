"""again: what is tried once more because somebody else changed meanwhile what it rests on; a few times, and then it is said.

    yield from again(context, once, what="policy or persons")      # a step whose unit found that guards had moved
    rows = yield from standing_rows(context, "halt", what="halts") # rows of a kind, all of one moment, as the roster names them
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

from intended_core.errors import UnitRefusedError
from intended_core.flows.effects import Context, Flow, ReadHead, ReadRows, ScanRows
from intended_core.flows.roster import GUARD_ROSTER, check_guards, standing
from intended_core.flows.steps import ENTITIES_MOVED, GUARDS_MOVED
from intended_core.unit import Head, Row

__all__ = ["EITHER_MOVED", "again", "standing_rows"]

T = TypeVar("T")
EITHER_MOVED: Final = (GUARDS_MOVED, ENTITIES_MOVED)


def again(
    context: Context, once: Callable[[bool], Flow[T]], *, what: str, moved: Collection[str] = (GUARDS_MOVED,)
) -> Flow[T]:
    """`once(fresh)`, and anew with `fresh` as long as its unit is refused with a code of `moved`; `what` names what kept changing.

    Raises what `once` raises, and UnitRefusedError `conflict` after `Settings.state_retries` more.
    """
    for attempt in range(context.settings.state_retries + 1):
        try:
            return (yield from once(attempt > 0))
        except UnitRefusedError as refused:
            if refused.code not in moved:
                raise
    raise UnitRefusedError("conflict", f"{what} kept changing; try again")


def standing_rows(context: Context, kind: str, *, what: str) -> Flow[list[Row]]:
    """Every row of a kind that hangs on the guards' roster, with its tag checked, exactly as the roster names them.

    Needs no policy set. Raises StoreCorruptError when one was taken away, put back or edited, UnitRefusedError `conflict`.
    """
    for _ in range(context.settings.state_retries + 1):
        stored: Head | None = yield ReadHead(context.scope)
        rows: Sequence[Row] = yield ScanRows(context.scope, kind)
        rosters: Sequence[Row] = yield ReadRows(context.scope, (GUARD_ROSTER,))
        after: Head | None = yield ReadHead(context.scope)
        if stored is None or after is None:
            raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
        head = context.heads.read(context.mac, context.scope, stored)
        if context.heads.read(context.mac, context.scope, after).guards != head.guards:
            continue  # somebody changed a guard while it was read
        found = [context.mac.check(context.scope, row).row for row in rows]
        roster = context.mac.check(context.scope, rosters[0]).row if rosters else None
        check_guards(standing(roster, head.guards), found, kinds=(kind,))
        return found
    raise UnitRefusedError("conflict", f"{what} kept changing; try again")
