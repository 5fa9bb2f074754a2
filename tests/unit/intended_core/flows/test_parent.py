"""The parent of an attenuated token: whose child may go on from it, and what becomes of what it held in reserve."""

from __future__ import annotations

import pytest

from intended_core import Deny, Entity, EntityRef, Granted, Intent
from intended_core.intent import Grant
from tests.reference.flow_world import BOT, POLICY, World, intent, pay

METERED = POLICY + """
meter spent { on: [pay]; key: [resource]; window: lifetime; amount: args.amount; }
@id("budget") forbid budget { meter spent > 100.00; }
"""


@pytest.fixture
def metered(world: World) -> World:
    world.tenant.activate({"bank.policy": METERED})
    return world


def left(world: World) -> int:
    """How many more tens the budget grants."""
    count = 0
    while isinstance(world.tenant.authorize(intent("10.00"), audience="bank"), Granted):
        count += 1
    return count


def test_a_reservation_goes_over_to_the_child(metered: World) -> None:
    token = metered.tenant.require(intent("80.00"), audience="bank")
    child = metered.tenant.attenuate(token, intent("60.00"))  # 140 together: only because the 80 are given back
    assert isinstance(child, Granted)
    assert metered.body(child.seq)["meters"] == [["spent", "0"]]
    metered.check()
    assert left(metered) == 4


def test_a_child_may_use_as_much_as_is_left_and_no_more(metered: World) -> None:
    token = metered.tenant.require(intent("30.00"), audience="bank")
    metered.tenant.require(intent("20.00"), audience="bank")
    outcome = metered.tenant.attenuate(token, intent("81.00"))
    assert isinstance(outcome, Deny)
    assert outcome.rules == ("budget",)
    assert isinstance(metered.tenant.attenuate(token, intent("80.00")), Granted)
    assert left(metered) == 0


def test_what_the_parent_held_is_not_released_a_second_time(metered: World) -> None:
    token = metered.tenant.require(intent("80.00"), audience="bank")
    child = metered.tenant.attenuate(token, intent("60.00"))
    assert isinstance(child, Granted)
    metered.clock.advance(seconds=120)
    swept = metered.tenant.sweep()
    assert (swept.released, swept.used) == (1, 0)
    assert left(metered) == 10


def test_a_failed_act_of_the_child_gives_back_the_childs_own(metered: World) -> None:
    token = metered.tenant.require(intent("80.00"), audience="bank")
    child = metered.tenant.attenuate(token, intent("60.00"))
    assert isinstance(child, Granted)
    redeemed = metered.tenant.redeem(child.token, pay("60.00"), adapter=metered.tenant.adapter("bank"))
    assert left(metered) == 4
    metered.tenant.complete(redeemed, "failed")
    assert left(metered) == 6


CHAINED = """
@root entity Person {}
entity Agent {}
entity Account {}
action pay { principal: Person, Agent; resource: Account; args: { amount: Decimal }; delegation: intersect; }
@id("small") permit small { action == pay; when args.amount <= 100.00; }
"""
ANN, HELPER, MAIN = EntityRef("Person", "ann"), EntityRef("Agent", "helper"), EntityRef("Account", "main")


def link(issuer: EntityRef, subject: EntityRef) -> Grant:
    return Grant(
        issuer=issuer, subject=subject, actions={"pay"}, not_before="2020-01-01T00:00:00Z",
        not_after="2100-01-01T00:00:00Z", verified=True,
    )  # fmt: skip


def asks(principal: EntityRef, *chain: Grant) -> Intent:
    return Intent(principal=principal, action="pay", resource=MAIN, args={"amount": "5.00"}, chain=chain)


@pytest.fixture
def chained(world: World) -> World:
    world.tenant.activate({"bank.policy": CHAINED})
    world.tenant.put_entities([Entity(ref=ref) for ref in (ANN, BOT, HELPER, MAIN)])
    return world


ANN_TO_BOT, BOT_TO_HELPER, ANN_TO_HELPER = link(ANN, BOT), link(BOT, HELPER), link(ANN, HELPER)


@pytest.mark.parametrize(
    ("child", "goes_on"),
    [
        (asks(BOT, ANN_TO_BOT), True),
        (asks(HELPER, ANN_TO_BOT, BOT_TO_HELPER), True),
        (asks(HELPER, ANN_TO_HELPER), False),
        (asks(ANN), False),
    ],
    ids=["the same", "one hop further", "beside it", "back to the root"],
)
def test_whose_child_goes_on_from_a_token(chained: World, child: Intent, goes_on: bool) -> None:
    token = chained.tenant.require(asks(BOT, ANN_TO_BOT), audience="bank")
    size = chained.head.size
    outcome = chained.tenant.attenuate(token, child)
    if goes_on:
        assert isinstance(outcome, Granted)
        assert chained.kinds(size) == ["decision.allow", "token.attenuated"]
    else:
        assert isinstance(outcome, Deny)
        assert outcome.kind == "chain_missing"
        assert isinstance(chained.tenant.attenuate(token, asks(BOT, ANN_TO_BOT)), Granted), "the token is still there"
