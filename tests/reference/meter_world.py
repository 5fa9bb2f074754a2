"""A tenant on a real file whose policy counts: a day's budget, a rate that asks people, and a count of calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bench.world import AUDIENCE, NOW_US, POLICY, intent, make_tenant
from intended_core import Authority, Intent, ManualClock, TenantAuthority

__all__ = ["AUDIENCE", "METERED", "NOW_US", "paying", "world"]

METERED = POLICY + """
meter money_out { on: [transfer]; key: [resource]; window: calendar_day("UTC"); amount: args.money.amount; }
meter calls { on: [transfer]; key: [principal]; window: sliding(1m); amount: 1; }
@id("budget") forbid over_budget { meter money_out > 100.00; }
@id("rate") escalate too_fast { meter calls > 20; approval { from: Group::"desk"; quorum: 1; expires: 30m; } }
"""


@contextmanager
def world(folder: Path, policy: str = METERED) -> Iterator[tuple[TenantAuthority, ManualClock, Path]]:
    """The tenant, its clock, and the store's file."""
    (folder / "data").mkdir()
    (folder / "keys").mkdir()
    clock = ManualClock(NOW_US)
    store = folder / "data" / "a.db"
    with Authority.create(store, key_file=folder / "keys" / "kek", clock=clock, durability="normal") as authority:
        tenant = make_tenant(authority)
        tenant.activate({"bench.policy": policy})
        yield tenant, clock, store


def paying(amount: str = "10.00") -> Intent:
    """The honest intent with this amount."""
    return replace(intent(), args={**intent().args, "money": {"amount": amount, "currency": "EUR"}})
