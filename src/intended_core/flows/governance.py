"""Who may put a policy set or data in force: the founder's hand until a scope has an admin, two distinct persons from then on.

As long as nobody is registered with the role admin, whoever runs the program registers persons, activates sets and sets data, alone; the
records say so. The first admin ends that for good: the last one cannot be removed (docs/adr/0025).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from intended_core.audit.log import LogHead
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.effects import Context, Flow, ScanRows
from intended_core.flows.roster import GUARD_ROSTER, check_guards, standing
from intended_core.flows.rows import decode_person
from intended_core.flows.steps import GUARDS_MOVED, authentic
from intended_core.unit import Row, UnitView

__all__ = ["GOVERNED", "governed_under_lock", "in_the_founders_hand", "read_persons"]

GOVERNED: Final = "governed"
ADMIN: Final = "admin"


def read_persons(context: Context) -> Flow[tuple[Row, ...]]:
    """Every person's row, each with its tag checked."""
    found: Sequence[Row] = yield ScanRows(context.scope, "person")
    return tuple(context.mac.check(context.scope, row).row for row in found)


def governed_under_lock(context: Context, view: UnitView, head: LogHead, persons: Sequence[Row]) -> bool:
    """Whether an admin stands, after these rows were held against the roster; the unit reads GUARD_ROSTER.

    Raises UnitRefusedError `guards_moved` when they are not exactly those that stand: one was written meanwhile, taken away or put back.
    """
    try:
        check_guards(standing(authentic(context, view, GUARD_ROSTER), head.guards), persons, kinds=("person",))
    except StoreCorruptError:
        raise UnitRefusedError(GUARDS_MOVED, "persons changed meanwhile, or are not those that stand") from None
    return any(row.state == "ACTIVE" and ADMIN in decode_person(row).roles for row in persons)


def in_the_founders_hand(context: Context, view: UnitView, head: LogHead, persons: Sequence[Row]) -> None:
    """Raise UnitRefusedError `governed` once the scope has an admin."""
    if governed_under_lock(context, view, head, persons):
        raise UnitRefusedError(
            GOVERNED, "this scope has an admin: what is put in force is drafted and signed by one person and approved by a second"
        )
