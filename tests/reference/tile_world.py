"""Logs long enough to have tiles."""

from __future__ import annotations

from typing import Any

from intended_core import TenantAuthority
from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.flows.effects import Commit, Context, Flow, Now
from intended_core.flows.steps import close_unit, open_head
from intended_core.unit import Changes, Unit, UnitView

__all__ = ["fill", "filling"]


def filling(context: Context, count: int) -> Flow[None]:
    """One unit that adds `count` records which nothing rests on."""
    now_us: int = yield Now()

    def decide(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        drafts = tuple(
            Draft(kind=EventKind.ACTION_DONE, body={"n": head.size + at}, salt=at.to_bytes(16, "big")) for at in range(count)
        )
        return close_unit(context, view, head, drafts, now_us=now_us)

    yield Commit(Unit(context.scope, decide))


def fill(tenant: TenantAuthority, size: int) -> Any:
    """Add records until the log holds `size`."""
    while (missing := size - tenant.head().size) > 0:
        tenant.operate(filling(tenant.context, min(missing, 1_000)))
