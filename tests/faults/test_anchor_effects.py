"""Every effect of the anchor's flows is broken in every way: the anchor log stays whole and one chain, and the next process goes on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from intended_core.errors import IntendedError
from intended_core.flows.anchor import take_slot
from intended_core.flows.attest import prove_record
from intended_core.flows.batch import receipts
from intended_core.flows.cosign import cosign_newest
from intended_core.flows.effects import Effect, Flow
from intended_core.flows.runtime import drive
from intended_core.flows.seal import EpochKeys, release, seal
from intended_core.flows.seats import SlotBook
from intended_core.flows.stamp import prove_time, stamp_newest
from intended_core.ids import Scope
from intended_core.unit import RowKey
from tests.faults.fault_world import FAULTS, Crash
from tests.reference.sealed_world import SealedWorld
from tests.reference.timed_world import TimedWorld

STAMP_TWO = RowKey("anchor", "stamp:1")
NEW = Scope("gamma", "c" * 32, "test")


def book_of(world: SealedWorld) -> SlotBook:
    made = SlotBook()
    for scope in world.authority.tenants():
        made.take(world.authority.anchor._seat(scope))
    return made


FLOWS: dict[str, Callable[[TimedWorld], Flow[Any]]] = {
    "take-slot": lambda w: take_slot(w.context, NEW),
    "seal": lambda w: seal(w.context, book_of(w), EpochKeys(holder="faults")),
    "release": lambda w: release(w.context, EpochKeys(holder="faults")),
    "cosign": lambda w: cosign_newest(w.context, w.witness, w.witness.key),
    "stamp": lambda w: stamp_newest(w.context, w.stamps, w.pinned, due_seconds=60),
    "prove-time": lambda w: prove_time(w.context, w.authority.anchor._seat(w.tenant().scope), 1),
    "receipts": lambda w: receipts(w.context, [(w.tenant().context, 1), (w.tenant("beta").context, 0)]),
    "prove-record": lambda w: prove_record(w.context, w.authority.anchor._seat(w.tenant().scope), 1),
}


@cache
def world() -> TimedWorld:
    made = TimedWorld()
    made.grow()
    made.authority.anchor.seal()
    made.authority.anchor.cosign(made.witness, made.witness.key)
    made.stamp()
    made.authority.anchor.seal()
    made.authority.anchor.release()
    made.save()
    return made


def run(here: SealedWorld, flow: Flow[Any], *, at: int, fault: Callable[[Any, Effect], Any] | None) -> tuple[bool, Any]:
    """Whether the effect was reached, and what the flow returned (None when it raised or the process ended)."""
    count = 0
    try:
        effect = next(flow)
        while True:
            try:
                if count == at and fault is not None:
                    answer = fault(here, effect)
                    from intended_core.flows.answers import accept

                    answer = accept(effect, answer)
                else:
                    answer = here.runtime.perform(effect, here.context)
            except IntendedError as error:
                count += 1
                effect = flow.throw(error)
            else:
                count += 1
                effect = flow.send(answer)
    except StopIteration as done:
        return count > at, done.value
    except (IntendedError, Crash):
        return True, None


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("name", sorted(FLOWS))
def test_the_anchor_log_survives_everything(name: str, fault: str) -> None:
    here = world()
    for at in range(100):
        here.restore()
        before = here.data().records
        reached, result = run(here, FLOWS[name](here), at=at, fault=FAULTS[fault])
        if not reached:
            break
        where = f"{name}, effect {at}, {fault}"
        here.reopen()
        assert here.check() >= len(before), where
        assert here.data().records[: len(before)] == before, f"{where}: an epoch is gone"
        if name == "cosign":
            known = here.witness.known[here.authority.anchor.key().name].size
            assert known <= here.check(), f"{where}: the witness knows more than the store"
            assert result is None or known == 2, where
        if name == "stamp":
            kept = here.authority.anchor.stamping()
            assert result is None or (result.fresh and kept.count == 2), f"{where}: a stamp is used that is not kept"
            assert kept.count == 1 + (STAMP_TWO in here.data().rows), f"{where}: counted and not kept, or kept and not counted"
        here.clock.advance(seconds=100)
        anchor = here.authority.anchor
        assert anchor.seal() is not None, where
        anchor.cosign(here.witness, here.witness.key)
        anchor.prove_record(here.tenant().scope, 1)
        here.stamp()
        assert here.file(1).record.slot.opening.size > 1
        assert here.authority.anchor.stamping().failed_us == 0
        here.check()
    else:
        pytest.fail("a flow without end")
    assert at >= 2, "the flow is long enough to break"


def test_another_tenant_takes_a_slot_at_every_point() -> None:
    """Two tenants are founded at once, in every order of what each asks for: two places, or one of them says that it was too late."""
    here = world()
    other = Scope("delta", "d" * 32, "live")
    for at in range(20):
        here.restore()
        count = 0
        flow = take_slot(here.context, NEW)
        theirs = None
        mine = None
        try:
            effect = next(flow)
            while True:
                if count == at:
                    theirs = drive(here.runtime, here.context, take_slot(here.context, other))
                count += 1
                effect = flow.send(here.runtime.perform(effect, here.context))
        except StopIteration as done:
            mine = done.value
        if theirs is None:
            break
        assert mine is not None
        assert mine != theirs
        here.check()
        assert here.authority.anchor.seal() is not None, "two places are taken, and nobody sits there yet"
    assert at >= 2


def test_another_sealer_at_every_point() -> None:
    """Before each effect of one sealer another one seals: no epoch twice, one chain, and whoever was slower says so."""
    here = world()
    for at in range(100):
        here.restore()
        other = here.authority.anchor
        mine = EpochKeys(holder="mine")
        flow, count = seal(here.context, book_of(here), mine), 0
        outcome = "sealed"
        try:
            effect = next(flow)
            while True:
                if count == at:
                    try:
                        other.seal()
                    except IntendedError:
                        outcome = "held"
                count += 1
                try:
                    answer = here.runtime.perform(effect, here.context)
                except IntendedError as error:
                    effect = flow.throw(error)
                else:
                    effect = flow.send(answer)
        except StopIteration:
            pass
        except IntendedError as error:
            outcome = str(error)
        assert outcome in {"sealed", "held"} or outcome.startswith(("epoch_moved", "lease_held")), outcome
        assert here.check() == 3, f"before effect {at}: {outcome}"
        if count <= at:
            break
    assert at > 10
    assert drive(here.runtime, here.context, release(here.context, mine)) is None
