"""attenuate: a token is spent for a narrower one in the unit that issues it, or nothing happens at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Deny, Granted, LocalHolderKey, Pending, SystemRandomness, TokenError
from intended_core.errors import AccessDeniedError
from intended_core.flows.attenuate import attenuate
from intended_core.tokens.claims import TokenClaims
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import inspect
from tests.reference.flow_world import (
    ACCOUNT,
    ANN,
    ANN_KEY,
    CLOSED,
    NOW_US,
    POLICY,
    World,
    at,
    intent,
    pay,
    trace,
)
from tests.reference.proof_world import URL, proven


def claims_of(world: World, token: str) -> TokenClaims:
    return inspect(parse(token), find_key=world.tenant.policy().ring.find, now_s=NOW_US // 1_000_000).claims


def refused(world: World, token: str, **given: object) -> str:
    with pytest.raises(TokenError) as caught:
        world.tenant.attenuate(token, intent("5.00"), **given)  # type: ignore[arg-type]
    assert str(caught.value) == TokenError.PUBLIC_MESSAGE
    return caught.value.code


def test_the_parent_is_spent_for_the_child_in_one_unit(world: World) -> None:
    size, parent = world.head.size, claims_of(world, world.token)
    seen = trace(world, attenuate(world.context, world.token, intent("5.00")))
    child = seen.result
    assert isinstance(child, Granted)
    assert seen.order.count("Commit") == 1
    assert world.kinds(size) == ["decision.allow", "token.attenuated"]
    lives = [record.thread for record in world.data().records[size:]]
    assert (world.body(size)["parent"], world.body()["child"]) == (lives[1], lives[0])
    assert world.row("nonce", parent.jti).state == "ATTENUATED"
    told = claims_of(world, child.token.text)
    assert (told.aud, told.sub, told.cnf, told.exp) == (parent.aud, parent.sub, None, parent.exp)
    assert told.jti != parent.jti
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))
    assert caught.value.code == "token.nonce_attenuated"
    with pytest.raises(TokenError):
        world.tenant.redeem(child.token, pay(), adapter=world.tenant.adapter("bank"))
    redeemed = world.tenant.redeem(child.token, pay("5.00"), adapter=world.tenant.adapter("bank"))
    assert redeemed.call.args["amount"] == 5 * 10**9
    world.check()


def test_the_child_expires_no_later(world: World) -> None:
    parent = claims_of(world, world.token)
    world.clock.advance(seconds=20)
    child = world.tenant.attenuate(world.token, intent("5.00"))
    assert isinstance(child, Granted)
    assert child.expires_s == parent.exp
    world.clock.advance(seconds=39)
    world.tenant.redeem(child.token, pay("5.00"), adapter=world.tenant.adapter("bank"))


def test_a_token_at_its_end_is_not_attenuated_within_the_leeway(world: World) -> None:
    world.clock.advance(seconds=60)
    assert refused(world, world.token) == "token.expired"


def test_a_child_that_is_denied_leaves_the_parent(world: World) -> None:
    size = world.head.size
    outcome = world.tenant.attenuate(world.token, intent(account=CLOSED))
    assert isinstance(outcome, Deny)
    assert world.kinds(size) == ["decision.deny"]
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


def test_a_child_that_waits_leaves_the_parent_and_takes_an_approval_of_its_own(world: World) -> None:
    pending = world.tenant.attenuate(world.token, intent("500.00"))
    assert isinstance(pending, Pending)
    world.tenant.approve(pending.approval_id, person=ANN, key=ANN_KEY)
    child = world.tenant.attenuate(world.token, intent("500.00"), approval=pending.approval_id)
    assert isinstance(child, Granted)
    told = claims_of(world, child.token.text)
    assert told.apr == (pending.approval_id,)
    again = world.tenant.attenuate(child.token, intent("500.00"))
    assert isinstance(again, Pending), "the approvals of a parent do not count for its child"
    world.tenant.redeem(child.token, pay("500.00"), adapter=world.tenant.adapter("bank"))


def test_a_spent_token_is_not_attenuated(world: World) -> None:
    size = world.head.size
    assert refused(world, world.spent) == "token.replayed"
    assert world.kinds(size) == ["replay.refused"]
    assert isinstance(world.tenant.attenuate(world.token, intent("5.00")), Granted)
    assert refused(world, world.token) == "token.nonce_attenuated"


def test_a_token_that_is_spent_between_the_look_and_the_unit(world: World) -> None:
    from intended_core.flows.effects import Commit

    def redeem() -> None:
        world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))

    seen = trace(world, attenuate(world.context, world.token, intent("5.00")), at(Commit, redeem))
    assert isinstance(seen.error, TokenError)
    assert seen.error.code == "token.replayed"
    assert world.kinds()[-1] == "replay.refused"
    world.check()


def test_what_is_no_token_of_this_scope_writes_nothing(world: World) -> None:
    size = world.head.size
    for bad in ("", "a.b.c", world.token[:-2] + "AA", world.token + "=", b"\x00"):
        assert refused(world, bad)  # type: ignore[arg-type]
    assert world.head.size == size


def test_a_token_from_before_another_policy(world: World) -> None:
    world.tenant.activate({"bank.policy": POLICY.replace("100.00", "50.00")})
    assert refused(world, world.token) == "token.policy"


def test_the_intent_of_another_principal(world: World) -> None:
    other = replace(intent("5.00"), principal=ANN)
    outcome = world.tenant.attenuate(world.token, other)
    assert isinstance(outcome, Deny)
    assert outcome.kind in ("chain_missing", "intent_invalid")
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


def test_the_holders_key_goes_over_and_is_proven(world: World) -> None:
    key = LocalHolderKey.generate(SystemRandomness())
    granted = world.tenant.authorize(intent(), audience="bank", holder=key.holder)
    assert isinstance(granted, Granted)
    assert refused(world, granted.token.text) == "token.proof_missing"

    def prove(token: str) -> object:
        return proven(
            key.prove(token, method="POST", url=URL, now_s=NOW_US // 1_000_000, randomness=SystemRandomness())
        )

    child = world.tenant.attenuate(granted.token, intent("5.00"), proof=prove(granted.token.text))  # type: ignore[arg-type]
    assert isinstance(child, Granted)
    adapter = world.tenant.adapter("bank")
    with pytest.raises(TokenError):
        world.tenant.redeem(child.token, pay("5.00"), adapter=adapter)
    done = world.tenant.redeem(child.token, pay("5.00"), adapter=adapter, proof=prove(child.token.text))  # type: ignore[arg-type]
    assert done.claims.cnf == key.holder


def test_an_invalid_intent_denies(world: World) -> None:
    outcome = world.tenant.attenuate(world.token, intent("a lot"))
    assert isinstance(outcome, Deny)
    assert outcome.kind == "intent_invalid"


def test_the_account_is_another(world: World) -> None:
    assert ACCOUNT != CLOSED
    with pytest.raises(AccessDeniedError):
        world.tenant.require(intent(account=CLOSED), audience="bank")
