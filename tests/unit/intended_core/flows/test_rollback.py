"""What is evidence that the store was put back, and what is none; what happens then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Deny, Granted, HaltTarget, TokenError
from intended_core.errors import StoreError, UnitRefusedError
from intended_core.flows.effects import Commit
from intended_core.flows.rollback import Evidence, compare, note_of, suspect
from intended_core.ports import HeadNote
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, STRICT, World, at, intent, pay, raising, trace

KEYS = ((ANN, ANN_KEY), (BOB, BOB_KEY))


def leaves(world: World) -> list[bytes]:
    return [record.leaf for record in world.data().records]


def verdict(world: World, note: HeadNote) -> str:
    found = compare(world.context, note, world.head, leaves(world))
    return "" if found is None else found.kind


def grow(world: World, times: int = 3) -> None:
    for _ in range(times):
        world.tenant.authorize(intent("1.00"), audience="bank")


def refuses(world: World) -> bool:
    outcome = world.tenant.authorize(intent(), audience="bank")
    return isinstance(outcome, Deny) and outcome.kind == "halted"


def test_a_mark_that_agrees_or_lags_is_no_evidence(world: World) -> None:
    note = note_of(world.context, world.head)
    assert verdict(world, note) == ""
    grow(world)
    assert verdict(world, note) == ""


def test_a_mark_ahead_of_the_store_or_of_another_history(world: World) -> None:
    grow(world)
    ahead, other = note_of(world.context, world.head), note_of(world.context, replace(world.head, generation=2))
    assert verdict(world, other) == "mark", "a generation that the store does not know"
    world.restore()
    assert verdict(world, ahead) == "mark"
    grow(world, 5)
    assert verdict(world, ahead) == "mark", "as long as it was, and longer, but not the same"


def test_a_mark_of_an_older_generation_says_nothing(world: World) -> None:
    note = replace(note_of(world.context, world.head), size=999)
    world.tenant.recovery.recover(reason="restored", keys=KEYS)
    honest = note_of(world.context, replace(world.head, generation=1))
    assert verdict(world, honest) == ""
    assert verdict(world, note) == "mark_edited"


@pytest.mark.parametrize("change", [{"generation": 2}, {"size": 5}, {"root": bytes(32)}, {"tag": bytes(32)}, {"root": b""}, {"tag": b""}, {"size": -5}], ids=str)
def test_an_edited_mark(world: World, change: dict[str, object]) -> None:
    assert verdict(world, replace(note_of(world.context, world.head), **change)) == "mark_edited"  # type: ignore[arg-type]


def test_what_is_suspected_is_refused_here_and_by_every_other_process(world: World) -> None:
    size = world.head.size
    world.tenant.run(suspect(world.context, Evidence(kind="mark", generation=1, size=99, hash=bytes(32))))
    assert world.kinds(size) == ["halt.engaged"]
    assert world.body()["evidence"]["size"] == 99
    assert world.head.rolled_back
    for _ in range(2):
        assert refuses(world)
        with pytest.raises(TokenError):
            world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))
        for act in (
            lambda: world.tenant.activate({"bank.policy": STRICT}),
            lambda: world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY),
            lambda: world.tenant.rotate_keys(),
        ):
            with pytest.raises(UnitRefusedError) as caught:
                act()
            assert caught.value.code == "rolled_back"
        world.reopen()
    assert world.tenant.halts.standing() == ()


def test_no_halt_is_resumed_meanwhile_and_one_may_be_engaged(world: World) -> None:
    world.tenant.run(suspect(world.context, Evidence(kind="mark_missing")))
    target = HaltTarget.of_adapter("bank")
    assert world.tenant.halts.engage(target, reason="stop", keys=KEYS[:1]).engaged
    with pytest.raises(UnitRefusedError) as caught:
        world.tenant.halts.resume(target, reason="go on", keys=KEYS)
    assert caught.value.code == "rolled_back"
    assert world.tenant.halts.revoke_token(world.token, reason="leaked", keys=KEYS[:1])


def test_it_is_said_once(world: World) -> None:
    for _ in range(2):
        world.tenant.run(suspect(world.context, Evidence(kind="mark_missing")))
    assert world.kinds().count("halt.engaged") == 1


def test_a_store_that_takes_no_refusal_is_refused_by_this_process(world: World) -> None:
    flow = suspect(world.context, Evidence(kind="mark_missing"))
    assert isinstance(trace(world, flow, at(Commit, raising(StoreError("read-only")))).error, StoreError)
    assert refuses(world)


def test_a_token_from_a_log_that_was_lost(world: World) -> None:
    """The token is refused as ever, and tells that this log once held more."""
    grow(world)
    token = world.tenant.require(intent(), audience="bank").text
    world.restore()
    assert not refuses(world)
    with pytest.raises(TokenError):
        world.tenant.redeem(token, pay(), adapter=world.tenant.adapter("bank"))
    assert refuses(world)
    assert world.tenant.recovery.status().evidence.startswith("a token that this authority signed")
    world.reopen()
    assert refuses(world)


def test_a_token_whose_place_another_record_has_taken_even_after_its_time(world: World) -> None:
    token = world.tenant.require(intent(), audience="bank").text
    world.restore()
    grow(world, 5)
    world.clock.advance(seconds=3_000)
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(token, pay(), adapter=world.tenant.adapter("bank"))
    assert caught.value.code == "token.expired"
    assert refuses(world)


@pytest.mark.parametrize("spoil", [lambda text: text[:-8] + "AAAAAAAA", lambda text: text.replace(".", ".A", 1)], ids=["signature", "payload"])
def test_a_token_that_nobody_signed_is_no_evidence(world: World, spoil: object) -> None:
    token = world.tenant.require(intent(), audience="bank").text
    world.restore()
    with pytest.raises(TokenError):
        world.tenant.redeem(spoil(token), pay(), adapter=world.tenant.adapter("bank"))  # type: ignore[operator]
    assert not refuses(world)


def test_a_refused_token_of_this_log_is_no_evidence(world: World) -> None:
    bank = world.tenant.adapter("bank")
    for token, call in ((world.spent, pay()), (world.token, pay("99.00"))):
        with pytest.raises(TokenError):
            world.tenant.redeem(token, call, adapter=bank)
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)


def test_a_store_put_back_under_a_process_that_committed_more(world: World) -> None:
    before = world.store.snapshot()
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
    world.store.restore(before)
    assert refuses(world)
    world.reopen()
    assert refuses(world), "and it has told the others"
    assert "committed" in world.tenant.recovery.status().evidence


def test_redeeming_from_a_store_put_back(world: World) -> None:
    before = world.store.snapshot()
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))
    world.store.restore(before)
    for _ in range(2):
        with pytest.raises(TokenError):
            world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))
        world.reopen()
