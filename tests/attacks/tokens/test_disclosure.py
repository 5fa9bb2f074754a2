"""Actions that disclose: nothing is let out to a bearer, whichever way it is asked for."""

from __future__ import annotations

import pytest

from intended_core import Deny, Granted, LocalHolderKey, SystemRandomness, TokenError
from intended_core.errors import AccessDeniedError
from intended_core.flows.outcomes import Pending
from tests.reference.flow_world import ANN, ANN_KEY, NOW_US, POLICY, World, intent, pay
from tests.reference.proof_world import URL, proven

DISCLOSING = POLICY.replace("action pay", "@discloses action pay")


@pytest.fixture(scope="module")
def made() -> World:
    world = World()
    world.tenant.activate({"bank.policy": DISCLOSING})
    world.save()
    return world


@pytest.fixture
def world(made: World) -> World:
    made.restore()
    return made


def test_without_a_holders_key_there_is_no_token_and_no_request(world: World) -> None:
    for amount in ("12.50", "500.00", "-1.00"):
        size = world.head.size
        outcome = world.tenant.authorize(intent(amount), audience="bank")
        assert isinstance(outcome, Deny)
        assert outcome.kind == "holder_missing"
        assert world.kinds(size) == ["decision.deny"]
        assert world.body()["class"] == "holder_missing"
    with pytest.raises(AccessDeniedError):
        world.tenant.require(intent(), audience="bank")


def test_the_token_is_bound_and_takes_a_proof(world: World) -> None:
    key = LocalHolderKey.generate(SystemRandomness())
    granted = world.tenant.authorize(intent(), audience="bank", holder=key.holder)
    assert isinstance(granted, Granted)
    adapter = world.tenant.adapter("bank")
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(granted.token, pay(), adapter=adapter)
    assert caught.value.code == "token.proof_missing"
    jwt = key.prove(granted.token.text, method="POST", url=URL, now_s=NOW_US // 1_000_000, randomness=SystemRandomness())
    assert world.tenant.redeem(granted.token, pay(), adapter=adapter, proof=proven(jwt)).claims.cnf == key.holder


def test_an_approved_request_is_spent_for_a_bound_token_only(world: World) -> None:
    key = LocalHolderKey.generate(SystemRandomness())
    pending = world.tenant.authorize(intent("500.00"), audience="bank", holder=key.holder)
    assert isinstance(pending, Pending)
    world.tenant.approve(pending.approval_id, person=ANN, key=ANN_KEY)
    bare = world.tenant.authorize(intent("500.00"), audience="bank", approval=pending.approval_id)
    assert isinstance(bare, Deny)
    granted = world.tenant.authorize(intent("500.00"), audience="bank", approval=pending.approval_id, holder=key.holder)
    assert isinstance(granted, Granted)


def test_a_guard_without_a_key_runs_nothing_and_with_one_does(world: World) -> None:
    adapter = world.tenant.adapter("bank")
    with pytest.raises(AccessDeniedError), world.tenant.guard(intent(), adapter=adapter):
        raise AssertionError("ran")
    key = LocalHolderKey.generate(SystemRandomness())

    def prove(token: object) -> object:
        text = token.text  # type: ignore[attr-defined]
        return proven(key.prove(text, method="POST", url=URL, now_s=NOW_US // 1_000_000, randomness=SystemRandomness()))

    with world.tenant.guard(intent(), adapter=adapter, holder=key.holder, prove=prove) as redeemed:  # type: ignore[arg-type]
        assert redeemed.claims.cnf == key.holder
    with pytest.raises(TokenError), world.tenant.guard(intent(), adapter=adapter, holder=key.holder):
        raise AssertionError("ran")


def test_marking_an_action_changes_what_calls_are_bound_to(world: World) -> None:
    marked = world.tenant.policy().policy
    world.tenant.activate({"bank.policy": POLICY})
    plain = world.tenant.policy().policy
    assert marked is not None
    assert plain is not None
    assert marked.checked.schema.digest != plain.checked.schema.digest
