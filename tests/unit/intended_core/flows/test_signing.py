"""A token is signed by the key that is ACTIVE at that moment; one that is gone is looked up again, once."""

from __future__ import annotations

import pytest

from intended_core import Deny, Granted
from intended_core.errors import IntendedError, KeyGoneError, KeyRingError, StoreError
from intended_core.flows.authorize import authorize
from intended_core.flows.effects import LoadState, Sign
from intended_core.tokens.codec import parse
from tests.reference.flow_world import World, at, intent, pay, raising, trace


def gone(world: World, *, rotate: bool) -> None:
    if rotate:
        world.tenant.rotate_keys()
    raise KeyGoneError("the key is not here any more")


def test_the_key_that_stands_signs(world: World) -> None:
    seen = trace(world, authorize(world.context, intent(), audience="bank"))
    assert seen.order.count("Sign") == 1
    assert parse(seen.result.token.text).kid_hint == world.signing


def test_a_key_that_another_process_rotated_away_is_looked_up_again(world: World) -> None:
    before = world.signing
    seen = trace(world, authorize(world.context, intent(), audience="bank"), at(Sign, lambda: gone(world, rotate=True)))
    assert isinstance(seen.result, Granted)
    assert seen.order[-3:] == ["Sign", "LoadState", "Sign"]
    assert parse(seen.result.token.text).kid_hint == world.signing != before
    world.tenant.redeem(seen.result.token, pay(), adapter=world.tenant.adapter("bank"))


@pytest.mark.parametrize("rotate", [True, False])
def test_once_and_not_again(world: World, rotate: bool) -> None:
    seen = trace(world, authorize(world.context, intent(), audience="bank"), at(Sign, lambda: gone(world, rotate=rotate), times=9))
    assert isinstance(seen.result, Deny)
    assert seen.order.count("Sign") == (2 if rotate else 1)
    assert [row.state for row in world.data().rows.values() if row.kind == "nonce"].count("REVOKED") == 1


@pytest.mark.parametrize("error", [StoreError("down"), KeyRingError("does not open")], ids=["down", "damaged"])
def test_a_signer_that_fails_otherwise_is_not_asked_twice(world: World, error: IntendedError) -> None:
    seen = trace(world, authorize(world.context, intent(), audience="bank"), at(Sign, raising(error)))
    assert isinstance(seen.result, Deny)
    assert seen.order.count("Sign") == 1
    assert seen.order.count("LoadState") == 1


def test_a_store_that_is_down_when_it_looks_again_denies(world: World) -> None:
    fails = [False]

    def before(effect: object) -> None:
        if isinstance(effect, Sign):
            fails[0] = True
            raise KeyGoneError("gone")
        if isinstance(effect, LoadState) and fails[0]:
            raise StoreError("down")

    seen = trace(world, authorize(world.context, intent(), audience="bank"), before)
    assert isinstance(seen.result, Deny)
