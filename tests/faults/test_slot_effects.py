"""Telling a customer of epochs is broken at every effect in every way: every epoch arrives, in order, and each goes on from what they kept."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from intended_core import follow_slot_proof
from intended_core.errors import IntendedError
from intended_core.flows.answers import accept
from intended_core.flows.deliver_slots import deliver_slots
from intended_core.ports import Notification, NotificationReceipt
from tests.faults.fault_world import FAULTS, Crash
from tests.reference.sealed_world import SealedWorld


class Customer:
    """Keeps what goes on from what it kept, and refuses the rest, as `witness slot` does."""

    def __init__(self, world: SealedWorld) -> None:
        self.world, self.kept, self.epochs = world, None, list[int]()  # type: ignore[var-annotated]

    def send(self, notification: Notification) -> NotificationReceipt:
        body = b'{"type":"slot.proof","timestamp":"2026-01-01T00:00:00.000000Z","data":%b}' % notification.data
        policy = f"log {self.world.authority.anchor.key()}\nquorum none\n".encode()
        found = follow_slot_proof(body, policy=policy, origin=self.world.tenant().head().origin, kept=self.kept)
        assert found.missed == 0
        if not found.again:
            self.kept = found.kept.to_bytes()  # type: ignore[assignment]
            self.epochs.append(json.loads(notification.data)["epoch"])
        return NotificationReceipt(status=204)


@cache
def world() -> SealedWorld:
    made = SealedWorld()
    for _ in range(3):
        made.grow()
        made.authority.anchor.seal()
    made.authority.anchor.release()
    made.save()
    return made


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_no_epoch_is_lost_and_none_is_told_out_of_turn(fault: str) -> None:
    here = world()
    for at in range(100):
        here.restore()
        customer, reached = Customer(here), False
        tenant, before = here.tenant(), here.store.snapshot()[here.tenant().scope.key].records
        seat = here.authority.anchor._seat(tenant.scope)
        flow, count = deliver_slots(here.context, seat, "customer", customer, since=0), 0
        try:
            effect = next(flow)
            while True:
                try:
                    answer: Any
                    if count == at:
                        reached = True
                        answer = accept(effect, _broken(here, tenant, effect, fault))
                    else:
                        answer = here.runtime.perform(effect, tenant.context)
                except IntendedError as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(answer)
                count += 1
        except (StopIteration, IntendedError, Crash):
            pass
        if not reached:
            break
        here.reopen()
        here.clock.advance(seconds=60)
        here.authority.anchor.tell_slots(here.tenant().scope, "customer", customer, since=0)
        assert customer.epochs == [0, 1, 2], f"effect {at}, {fault}"
        assert here.store.snapshot()[tenant.scope.key].records == before
    else:
        pytest.fail("a flow without end")
    assert at >= 15, "the flow is long enough to break"


def _broken(here: SealedWorld, tenant: Any, effect: Any, fault: str) -> Any:
    class Seen:
        runtime, context = here.runtime, tenant.context

    return FAULTS[fault](Seen, effect)  # type: ignore[arg-type]
