"""What is due when its flow is broken: a request whose time is over, a duty that nobody spoke of, a reservation that nobody redeemed.

A sweep that is broken at any effect in any way ends nothing twice and loses nothing: the next one finishes exactly what was left, no
request that has ended is approved or used, and the duty is an alarm once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from intended_core import Granted, UnitRefusedError
from intended_core.flows.approve import approve
from intended_core.flows.complete import complete
from intended_core.flows.deliver import deliver
from intended_core.flows.duties import find_overdue
from intended_core.flows.effects import Flow
from intended_core.flows.sweep import sweep
from intended_core.flows.withdraw import expire_requests
from intended_core.ports import Notification, NotificationReceipt
from tests.faults.fault_world import FAULTS, run, twice
from tests.reference.flow_world import ANN, ANN_KEY, POLICY, World, intent, pay

DUE = (
    POLICY.replace("entity Group;", "entity Group;\nobligation review(within: Duration) after;")
    .replace('because "at most 100"', 'oblige review(within: 2h); because "at most 100"')
    + 'meter spent { on: [pay]; key: [resource]; window: lifetime; amount: args.amount; }\n@id("budget") forbid budget { meter spent > 2000.00; }\n'
)  # fmt: skip
WANTED = {"approval.expired": 2, "obligation.overdue": 1, "meter.released": 1, "token.expired": 1}


class Due(World):
    """Two requests, one of them approved, an act and a token, all of them two hours ago."""

    approved = ""
    notified: list[Notification]


class Notices:
    """A notifier that remembers."""

    def __init__(self) -> None:
        self.seen: list[Notification] = []

    def send(self, notification: Notification) -> NotificationReceipt:
        self.seen.append(notification)
        return NotificationReceipt(status=200)


FLOWS: dict[str, Callable[[Due], Flow[Any]]] = {
    "sweep": lambda w: sweep(w.context),
    "expire-requests": lambda w: expire_requests(w.context),
    "find-overdue": lambda w: find_overdue(w.context),
    "approve-late": lambda w: approve(w.context, w.pending.approval_id, person=ANN, signature=ANN_KEY.sign(w.pending.digest)),
    "complete-late": lambda w: complete(w.context, w.redeemed, "done"),
    "deliver": lambda w: deliver(w.context, "ops", Notices(), since=1),
}


@cache
def world() -> Due:
    here = Due()
    here.tenant.activate({"bank.policy": DUE})
    spent = here.tenant.require(intent("20.00"), audience="bank")
    here.redeemed = here.tenant.redeem(spent, pay("20.00"), adapter=here.tenant.adapter("bank"))
    granted = here.tenant.authorize(intent("30.00"), audience="bank")
    assert isinstance(granted, Granted)
    here.token = granted.token.text
    here.pending = here.tenant.authorize(intent("600.00"), audience="bank")  # type: ignore[assignment]
    ready = here.tenant.authorize(intent("700.00"), audience="bank")
    here.tenant.approve(ready.approval_id, person=ANN, key=ANN_KEY)  # type: ignore[union-attr]
    here.approved = ready.approval_id  # type: ignore[union-attr]
    here.tenant.approvals.cancel(next(each.approval_id for each in here.tenant.approvals.list() if each.approval_id not in (here.pending.approval_id, here.approved)))
    here.clock.advance(seconds=7_200)
    here.save()
    return here


@cache
def length(name: str) -> int:
    here, at = world(), 0
    while True:
        here.restore()
        if run(here, FLOWS[name](here), at=at, fault=lambda w, effect: w.runtime.perform(effect, w.context)).reached is None:
            return at
        at += 1


def said(here: World, start: int) -> dict[str, int]:
    kinds = here.kinds(start)
    return {kind: kinds.count(kind) for kind in WANTED}


def test_undisturbed() -> None:
    here = world()
    here.restore()
    size = here.head.size
    done = here.tenant.sweep()
    assert (done.expired, done.overdue, done.released) == (2, 1, 1)
    assert said(here, size) == WANTED
    assert here.tenant.sweep() == type(done)(released=0, used=0)


@pytest.mark.parametrize("fault", [*sorted(FAULTS), "twice"])
@pytest.mark.parametrize("name", sorted(FLOWS))
def test_the_next_sweep_finishes_exactly_what_was_left(name: str, fault: str) -> None:
    here = world()
    for at in range(length(name)):
        here.restore()
        size, before = here.head.size, here.data().records
        run(here, FLOWS[name](here), at=at, fault={**FAULTS, "twice": twice}[fault])
        where = f"{name}, effect {at}, {fault}"
        here.check()
        assert here.data().records[: len(before)] == before, f"{where}: a record is gone"
        here.reopen()
        with pytest.raises(UnitRefusedError):
            here.tenant.approve(here.pending.approval_id, person=ANN, key=ANN_KEY)
        outcome = here.tenant.authorize(intent("700.00"), audience="bank", approval=here.approved)
        assert not isinstance(outcome, Granted), f"{where}: a request that has ended allowed something"
        here.tenant.sweep()
        done = said(here, size)
        settled = here.kinds(size).count("action.done")
        assert done == {**WANTED, "obligation.overdue": 1 - settled}, where
        here.tenant.sweep()
        assert said(here, size) == done, f"{where}: something ended twice"
        here.check()
