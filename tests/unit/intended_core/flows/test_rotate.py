"""rotate: one new ACTIVE key, the old one verifies a while without its private half, and one rotator wins."""

from __future__ import annotations

import pytest

from intended_core import TokenError, UnitRefusedError
from intended_core.canonical import b64url
from intended_core.errors import KeyRingError, StoreError
from intended_core.flows.effects import Commit, GenerateKey, LoadState, Seal
from intended_core.flows.rotate import Rotated, rotate
from intended_core.keys.ring import KeyRecord
from tests.reference.flow_world import Traced, World, at, intent, pay, raising, trace

OVERLAP_SECONDS = 60 + 2 * 2  # the longest token life and the leeway on both sides


def rotating(world: World, before: object = None) -> Traced:
    return trace(world, rotate(world.context), before)  # type: ignore[arg-type]


def tokens(world: World) -> dict[str, KeyRecord]:
    return {record.kid: record for record in world.tenant.policy().ring.records if record.purpose == "token"}


def test_the_new_key_is_sealed_before_the_one_unit(world: World) -> None:
    size, guards = world.head.size, world.head.guards
    seen = rotating(world)
    assert seen.order == ["LoadState", "GenerateKey", "Seal", "Commit"]
    assert next(effect for effect in seen.effects if isinstance(effect, LoadState)).fresh
    done = seen.result
    assert isinstance(done, Rotated)
    assert (done.seq, done.retired) == (size, ())
    assert (world.head.size, world.head.guards) == (size + 1, guards + 1)
    assert world.kinds(size) == ["key.rotated"]
    assert world.body()["active_key"] == b64url(tokens(world)[done.active].public_der)


def test_the_old_key_stops_signing_for_good_and_goes_on_verifying(world: World) -> None:
    before = next(iter(tokens(world).values()))
    done = rotating(world).result
    after = tokens(world)
    assert (after[before.kid].state.value, after[done.active].state.value) == ("PREVIOUS", "ACTIVE")
    assert before.sealed_private is not None
    assert after[before.kid].sealed_private is None
    for row in world.data().rows.values():
        assert b64url(before.sealed_private).encode() not in row.body
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


def test_the_log_key_stays(world: World) -> None:
    before = world.tenant.policy().ring.active("log")
    rotating(world)
    assert world.tenant.policy().ring.active("log") == before


def test_a_previous_key_retires_after_the_overlap_and_not_before(world: World) -> None:
    first = rotating(world).result.previous
    world.clock.advance(seconds=OVERLAP_SECONDS - 1)
    assert rotating(world).result.retired == ()
    world.clock.advance(seconds=1)
    assert rotating(world).result.retired == (first,)
    assert tokens(world)[first].state.value == "RETIRED"


def test_a_token_of_a_key_past_its_overlap_is_refused(world: World) -> None:
    rotating(world)
    world.clock.advance(seconds=OVERLAP_SECONDS)
    with pytest.raises(TokenError):
        world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


@pytest.mark.parametrize("kind", [GenerateKey, Seal, Commit])
def test_of_two_rotators_one_wins_and_the_other_changes_nothing(world: World, kind: type) -> None:
    seen = rotating(world, at(kind, world.tenant.rotate_keys))
    assert isinstance(seen.error, UnitRefusedError)
    assert seen.error.code == "guards_moved"
    assert sorted(record.state.value for record in tokens(world).values()) == ["ACTIVE", "PREVIOUS"]


@pytest.mark.parametrize("kind", [LoadState, GenerateKey, Seal, Commit])
def test_whatever_fails_leaves_the_old_key_signing(world: World, kind: type) -> None:
    before = tokens(world)
    assert isinstance(rotating(world, at(kind, raising(StoreError("broken")))).error, StoreError)
    assert tokens(world) == before
    world.tenant.require(intent(), audience="bank")


def test_the_clock_stands_before_the_last_change(world: World) -> None:
    world.clock.advance(seconds=-1)
    before = tokens(world)
    assert isinstance(rotating(world).error, KeyRingError)
    assert tokens(world) == before
