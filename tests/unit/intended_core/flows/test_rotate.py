"""rotate: one new ACTIVE key, the old one verifies a while without its private half, and one rotator wins."""

from __future__ import annotations

import pytest

from intended_core import TokenError, UnitRefusedError
from intended_core.canonical import b64url
from intended_core.errors import KeyRingError, StoreError
from intended_core.flows.effects import Commit, GenerateKey, LoadState, Seal, Sign
from intended_core.flows.rotate import MAX_LOOKS, Prepared, Rotated, prepare, rotate
from intended_core.keys.ring import KeyRecord, KeyState
from intended_core.keys.transitions import verify_transition
from tests.reference.flow_world import ANN, ANN_KEY, Traced, World, at, intent, pay, raising, trace

OVERLAP_SECONDS = 60 + 2 * 2 + 300  # the longest token life, the leeway on both sides, the age of a key set


def rotating(world: World, before: object = None) -> Traced:
    return trace(world, rotate(world.context), before)  # type: ignore[arg-type]


def tokens(world: World) -> dict[str, KeyRecord]:
    return {record.kid: record for record in world.tenant.policy().ring.records if record.purpose == "token"}


def test_the_new_key_is_sealed_before_the_one_unit(world: World) -> None:
    size, guards = world.head.size, world.head.guards
    seen = rotating(world)
    assert seen.order == ["LoadState", "GenerateKey", "Seal", "Sign", "Sign", "Commit"]
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


@pytest.mark.parametrize("kind", [GenerateKey, Seal, Sign, Commit])
def test_of_two_rotators_one_wins_and_the_other_adopts_its_key(world: World, kind: type) -> None:
    before = next(iter(tokens(world).values()))
    size = world.head.size
    won: list[Rotated] = []
    lost = rotating(world, at(kind, lambda: won.append(world.tenant.rotate_keys()))).result
    assert (lost.state, lost.active, lost.previous, lost.seq) == ("adopted", won[0].active, before.kid, None)
    assert (won[0].state, won[0].previous) == ("rotated", before.kid)
    assert world.kinds(size) == ["key.rotated"]
    assert sorted(record.state.value for record in tokens(world).values()) == ["ACTIVE", "PREVIOUS"]


def test_a_rotator_that_another_change_disturbed_looks_again_and_rotates(world: World) -> None:
    seen = rotating(world, at(Commit, lambda: world.tenant.register_person(ANN, ANN_KEY.public_key), times=2))
    assert seen.result.state == "rotated"
    assert seen.order.count("LoadState") == 3


def test_a_ring_that_never_stands_still_is_said(world: World) -> None:
    before = tokens(world)
    seen = rotating(world, at(Commit, lambda: world.tenant.register_person(ANN, ANN_KEY.public_key), times=99))
    assert isinstance(seen.error, UnitRefusedError)
    assert (seen.error.code, seen.order.count("LoadState")) == ("conflict", MAX_LOOKS)
    assert tokens(world) == before


def test_both_keys_sign_the_change(world: World) -> None:
    before = tokens(world)
    done = rotating(world).result
    old, new = (tokens(world)[kid].public_key() for kid in (done.previous, done.active))
    scope, body = world.tenant.scope, world.body()
    verify_transition(scope, "rotated", body, old=old, new=new)
    for wrong in ({**body, "at_us": body["at_us"] + 1}, {**body, "signed": {**body["signed"], "old": body["signed"]["new"]}}):
        with pytest.raises(KeyRingError):
            verify_transition(scope, "rotated", wrong, old=old, new=new)
    assert set(before) == {done.previous}


def test_a_prepared_key_is_published_does_not_sign_and_is_next(world: World) -> None:
    size = world.head.size
    seen = trace(world, prepare(world.context))
    assert seen.order == ["LoadState", "GenerateKey", "Seal", "Sign", "Sign", "Commit"]
    made = seen.result
    assert (made.state, world.kinds(size)) == ("prepared", ["key.generated"])
    record = tokens(world)[made.kid]
    assert record.state is KeyState.PRE_ACTIVE
    old = world.tenant.policy().ring.active("token")
    verify_transition(world.tenant.scope, "generated", world.body(), old=old.public_key(), new=record.public_key())
    assert world.tenant.require(intent(), audience="bank").text.split(".")[0] == world.token.split(".")[0], "the same kid"
    assert made.kid in {entry["kid"] for entry in world.tenant.keyring.jwks()["keys"]}
    rotated = rotating(world)
    assert "GenerateKey" not in rotated.order, "nobody waits for a key that was made ahead"
    assert rotated.result.active == made.kid
    assert tokens(world)[made.kid].state is KeyState.ACTIVE


@pytest.mark.parametrize("kind", [GenerateKey, Seal, Commit])
def test_who_prepares_second_adopts_what_is_prepared(world: World, kind: type) -> None:
    won: list[Prepared] = []
    lost = trace(world, prepare(world.context), at(kind, lambda: won.append(world.tenant.keyring.prepare()))).result
    assert (lost.state, lost.kid, lost.seq) == ("adopted", won[0].kid, None)
    assert [one.state.value for one in tokens(world).values()].count("PRE_ACTIVE") == 1


def test_a_prepared_key_of_another_algorithm_is_withdrawn(world: World) -> None:
    first = world.tenant.keyring.prepare().kid
    second = world.tenant.keyring.prepare(algorithm="Ed25519").kid
    assert tokens(world)[first].state is KeyState.RETIRED
    done = world.tenant.rotate_keys(algorithm="ES256")
    assert (tokens(world)[second].state, tokens(world)[second].sealed_private) == (KeyState.RETIRED, None)
    assert tokens(world)[done.active].algorithm == "ES256"


def test_the_desk_rotates_and_prepares_the_next(world: World) -> None:
    done = world.tenant.keyring.rotate()
    assert done.prepared is not None
    assert tokens(world)[done.prepared].state is KeyState.PRE_ACTIVE
    assert world.tenant.keyring.rotate().active == done.prepared


@pytest.mark.parametrize("kind", [LoadState, GenerateKey, Seal, Sign, Commit])
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
