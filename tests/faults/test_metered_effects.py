"""Every effect of the flows that count is broken in every way: no budget is spent twice over, and none is given back twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from intended_core import Deny, Granted, RedeemedToken
from intended_core.flows.attenuate import attenuate
from intended_core.flows.authorize import authorize
from intended_core.flows.complete import complete
from intended_core.flows.effects import Effect, Flow
from intended_core.flows.sweep import sweep
from tests.faults.fault_world import FAULTS, run, twice
from tests.reference.flow_world import POLICY, World, intent, pay

METERED = POLICY + """
meter spent { on: [pay]; key: [resource]; window: lifetime; amount: args.amount; }
@id("budget") forbid budget { meter spent > 100.00; }
"""
REDEEMED: dict[str, RedeemedToken] = {}
TOKENS: dict[str, str] = {}


def _swept(here: World) -> Flow[Any]:
    here.clock.advance(seconds=120)
    return sweep(here.context)


FLOWS: dict[str, Callable[[World], Flow[Any]]] = {
    "authorize": lambda w: authorize(w.context, intent("20.00"), audience="bank"),
    "attenuate": lambda w: attenuate(w.context, TOKENS["held"], intent("50.00")),
    "complete": lambda w: complete(w.context, REDEEMED["one"], "failed"),
    "sweep": _swept,
}
# 30 spent, 20 and 10 still held: what is left of 100 when the flow has not run, and when it has, in steps of 10
LEFT = {"authorize": (4, 2), "attenuate": (4, 1), "complete": (4, 7), "sweep": (4, 7)}


@cache
def world() -> World:
    here = World()
    here.tenant.activate({"bank.policy": METERED})
    token = here.tenant.require(intent("30.00"), audience="bank")
    REDEEMED["one"] = here.tenant.redeem(token, pay("30.00"), adapter=here.tenant.adapter("bank"))
    for amount in ("20.00", "10.00"):
        granted = here.tenant.authorize(intent(amount), audience="bank")
        assert isinstance(granted, Granted)
        TOKENS.setdefault("held", granted.token.text)
    here.save()
    return here


def left(here: World) -> int:
    """How many more tens the budget grants to a new process."""
    here.reopen()
    count = 0
    while isinstance(outcome := here.tenant.authorize(intent("10.00"), audience="bank"), Granted):
        count += 1
    assert isinstance(outcome, Deny)
    assert outcome.rules == ("budget",)
    return count


@cache
def effects_of(name: str) -> tuple[Effect, ...]:
    here, seen = world(), []
    while True:
        here.restore()
        reached = run(here, FLOWS[name](here), at=len(seen), fault=lambda w, effect: w.runtime.perform(effect, w.context)).reached
        if reached is None:
            return tuple(seen)
        seen.append(reached)


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_undisturbed(name: str) -> None:
    here = world()
    here.restore()
    assert left(here) == LEFT[name][0]
    here.restore()
    here.tenant.run(FLOWS[name](here))
    assert left(here) == LEFT[name][1]


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("name", sorted(FLOWS))
def test_no_fault_gives_a_budget_back(name: str, fault: str) -> None:
    here, bounds = world(), LEFT[name]
    for at, effect in enumerate(effects_of(name)):
        here.restore()
        ended = run(here, FLOWS[name](here), at=at, fault=FAULTS[fault])
        where = f"{name}, effect {at} ({type(effect).__name__}), {fault}"
        here.check()
        if name == "authorize":
            assert not isinstance(ended.result, Granted), where
        assert min(bounds) <= left(here) <= max(bounds), where


@pytest.mark.parametrize("name", ["complete", "sweep"])
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_what_was_broken_off_is_finished_later_and_only_once(name: str, fault: str) -> None:
    here = world()
    for at, effect in enumerate(effects_of(name)):
        here.restore()
        run(here, FLOWS[name](here), at=at, fault=FAULTS[fault])
        here.reopen()
        for _ in range(2):
            try:
                here.tenant.run(FLOWS[name](here))
            except Exception as error:
                assert "act_completed" in str(error), f"{name}, effect {at}, {fault}: {error!r}"
        assert left(here) == LEFT[name][1], f"{name}, effect {at} ({type(effect).__name__}), {fault}"


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_an_effect_that_happens_twice_counts_once(name: str) -> None:
    here, bounds = world(), LEFT[name]
    for at, effect in enumerate(effects_of(name)):
        here.restore()
        run(here, FLOWS[name](here), at=at, fault=twice)
        assert min(bounds) <= left(here) <= max(bounds), f"{name}, effect {at} ({type(effect).__name__}) twice"
