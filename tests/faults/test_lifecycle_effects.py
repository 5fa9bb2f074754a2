"""Every effect of every flow of the lifecycle is broken in every way, and raced: a set or a value is in force only by the signatures it takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from intended_core import Granted, RedeemedToken
from intended_core.audit.record import EventKind, parse_entry
from intended_core.flows.authorize import authorize
from intended_core.flows.data import DataChange, show_data, write_data
from intended_core.flows.drafts import (
    approve_draft,
    check_draft,
    draft_data,
    draft_policy,
    list_drafts,
    sign_draft,
    withdraw_draft,
)
from intended_core.flows.effects import Context, Effect, Flow, LoadState
from intended_core.flows.enact import enact_data, enact_policy
from intended_core.flows.redeem import redeem
from intended_core.flows.sets import active_set
from intended_core.flows.simulate import simulate_draft
from intended_core.lang.source import Source
from tests.faults.fault_world import DRIVERS, FAULTS, run
from tests.faults.schedules import Ended, Process, Running, play, schedules
from tests.reference.data_world import EVE, EVE_KEY, LOWER, WITH_DATA, new_governed_world, ready
from tests.reference.flow_world import ACCOUNT, ANN, ANN_KEY, BOB, BOB_KEY, World, intent, pay

RAISE = WITH_DATA.replace("cap: Decimal = 100.00", "cap: Decimal = 900.00")
Names = dict[str, str]


@cache
def prepared() -> tuple[World, Names]:
    """A draft in each state, and a token that is not spent."""
    made = new_governed_world()
    desk = made.tenant.policies
    names = {
        "fresh": desk.draft({"bank.policy": RAISE}, drafter=EVE).draft_id,
        "checked": desk.check(desk.draft({"bank.policy": RAISE + "# 1\n"}, drafter=EVE, key=EVE_KEY).draft_id).draft_id,
        "simulated": ready(made, RAISE + "# 2\n"), "approved": ready(made, LOWER),
        "data": made.tenant.data.draft(tables={"frozen": [ACCOUNT]}, drafter=EVE, key=EVE_KEY).draft_id,
    }  # fmt: skip
    desk.approve(names["approved"], person=ANN, key=ANN_KEY)
    desk.check(names["data"])
    granted = made.tenant.authorize(intent("50.00"), audience="bank")
    assert isinstance(granted, Granted)
    names["token"] = granted.token.text
    made.save()
    return made, names


FLOWS: dict[str, Callable[[World, Context, Names], Flow[Any]]] = {
    "draft-policy": lambda w, c, n: draft_policy(c, [Source.from_bytes("a.policy", LOWER.encode())], drafter=EVE),
    "draft-data": lambda w, c, n: draft_data(c, DataChange(params={"cap": "5.00"}), drafter=EVE),
    "sign": lambda w, c, n: sign_draft(c, n["fresh"], signature=EVE_KEY.sign(w.tenant.policies.show(n["fresh"]).to_sign)),
    "check": lambda w, c, n: check_draft(c, n["fresh"]),
    "simulate": lambda w, c, n: simulate_draft(c, n["checked"]),
    "approve": lambda w, c, n: approve_draft(
        c, n["simulated"], person=BOB, signature=BOB_KEY.sign(w.tenant.policies.show(n["simulated"]).to_approve)
    ),
    "withdraw": lambda w, c, n: withdraw_draft(c, n["approved"]),
    "enact-policy": lambda w, c, n: enact_policy(c, n["approved"]),
    "enact-data": lambda w, c, n: enact_data(c, n["data"]),
    "set-data": lambda w, c, n: write_data(c, DataChange(params={"cap": "900.00"})),
    "show-data": lambda w, c, n: show_data(c),
    "list-drafts": lambda w, c, n: list_drafts(c),
    "active-set": lambda w, c, n: active_set(c),
}


@cache
def effects_of(name: str) -> int:
    here, names = prepared()
    at = 0
    while True:
        here.restore()
        if run(here, FLOWS[name](here, here.context, names), at=at, fault=_watch).reached is None:
            return at
        at += 1


def _watch(here: World, effect: Effect) -> Any:
    return here.runtime.perform(effect, here.context)


def states(here: World) -> dict[str, str]:
    return {key.key: row.state for key, row in here.data().rows.items() if key.kind == "draft"}


CELLS = [
    pytest.param(name, fault, driver, marks=pytest.mark.slow if driver != "sync" else (), id=f"{name}-{fault}-{driver}")
    for name in sorted(FLOWS)
    for fault in sorted(FAULTS)
    for driver in sorted(set(DRIVERS) - {"trio"})
]


@pytest.mark.parametrize(("name", "fault", "driver"), CELLS)
def test_no_fault_puts_anything_in_force(name: str, fault: str, driver: str) -> None:
    here, names = prepared()
    for at in range(effects_of(name)):
        here.restore()
        before, drafts = here.data(), states(here)
        ended = run(here, FLOWS[name](here, here.context, names), at=at, fault=FAULTS[fault], driver=driver)
        where = f"{name}, effect {at} ({type(ended.reached).__name__}), {fault}"
        here.check()
        after = here.data()
        assert after.records[: len(before.records)] == before.records, f"{where}: a record is gone"
        # Without the active set to compare with, two signatures are asked for, and here they are there.
        compared = name == "enact-policy" and isinstance(ended.reached, LoadState)
        assert ended.error is not None or compared, f"{where}: it went on"
        for draft, state in states(here).items():
            if state != drafts.get(draft, "DRAFT"):
                assert (name, state) in MOVES, f"{where}: {draft} became {state}"
        here.reopen()
        active = here.tenant.policies.active()
        assert active is not None
        if active.sources["bank.policy"] != WITH_DATA:
            body = here.body(active.seq)
            assert (name, body["drafted_by"][0][1], body["approved_by"][0][1]) == ("enact-policy", "eve", "ann"), where
        version = here.tenant.data.show().version
        assert version == 1 or (name == "enact-data" and here.body()["narrows"] is True), where


MOVES = {
    ("check", "CHECKED"), ("simulate", "SIMULATED"), ("approve", "APPROVED"), ("withdraw", "WITHDRAWN"), ("enact-policy", "ACTIVE"),
    ("enact-data", "ACTIVE"),
}  # fmt: skip
RACES: dict[str, Callable[[World, Context, Names], Flow[Any]]] = {
    "authorize": lambda w, c, n: authorize(c, intent("50.00"), audience="bank"),
    "redeem": lambda w, c, n: redeem(c, n["token"], pay("50.00"), audience="bank"),
    "enact-policy": FLOWS["enact-policy"],
    "enact-data": FLOWS["enact-data"],
    "withdraw": FLOWS["withdraw"],
}
PAIRS = [(one, two) for one in ("enact-policy", "enact-data") for two in RACES if (one, two) != ("enact-data", "enact-policy")]


LONG = pytest.mark.slow  # thousands of orders


@pytest.mark.parametrize(
    "pair", [pytest.param(pair, marks=LONG if set(pair) <= {"enact-policy", "enact-data"} else (), id="-with-".join(pair)) for pair in PAIRS]
)
def test_every_interleaving_keeps_the_order_of_the_log(pair: tuple[str, str]) -> None:
    here, names = prepared()
    here.restore()
    warm = Process.of(here)
    warm.runtime.states.get(here.context.scope, here.context.mac, fresh=True)
    ran: list[tuple[Running, Running]] = []

    def execute(prefix: tuple[int, ...]) -> Ended:
        here.restore()
        one, two = (
            Running(process, RACES[name](here, process.context, names))
            for name, process in zip(pair, (Process.of(here, warm), Process.of(here, warm)), strict=True)
        )
        ran.append((one, two))
        return play((one, two), prefix)

    for ended in schedules(execute, at_most=20_000):
        in_order(here, ran.pop(), f"{pair} in the order {ended.turns}")


def in_order(here: World, running: tuple[Running, Running], where: str) -> None:
    here.check()
    active, data, withdrawn, enacted = b"", "0", set[str](), list[str]()
    for record in here.data().records:
        entry = parse_entry(record.entry)
        body = here.body(entry.seq)
        if entry.kind is EventKind.POLICY_ACTIVATED:
            active = entry.policy_digest or b""
        if entry.kind is EventKind.DATA_WRITTEN:
            data = body["version"]
        if entry.kind in (EventKind.POLICY_ACTIVATED, EventKind.DATA_WRITTEN) and "draft" in body:
            assert body["draft"] not in withdrawn, f"{where}: put in force after it was withdrawn"
            enacted.append(body["draft"])
        if entry.kind is EventKind.POLICY_DRAFTED and body["state"] == "WITHDRAWN":
            withdrawn.add(body["draft"])
        if entry.kind in (EventKind.DECISION_ALLOW, EventKind.TOKEN_CONSUMED) and active:
            assert entry.policy_digest == active, f"{where}: {entry.kind} under a set that was replaced"
        if entry.kind is EventKind.DECISION_ALLOW and "data_version" in body:
            assert body["data_version"] == data, f"{where}: allowed by values that were replaced"
    assert len(enacted) == len(set(enacted)), f"{where}: one draft was put in force twice"
    tokens = [each.result for each in running if isinstance(each.result, RedeemedToken)]
    assert len(tokens) <= 1
