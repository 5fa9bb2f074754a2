"""retire and compromise: time ends a key, or two persons do, at once; whatever is signed by it is refused from then on."""

from __future__ import annotations

import pytest

from intended_core import AccessDeniedError, TokenError, UnitRefusedError
from intended_core.access.persons import LocalPersonKey
from intended_core.canonical import b64url
from intended_core.clock import SystemRandomness
from intended_core.errors import KeyRingError, StoreError
from intended_core.flows.effects import Commit
from intended_core.flows.persons import register_person
from intended_core.flows.retire import mark_compromised, retire_due
from intended_core.ids import EntityRef
from intended_core.keys.ring import KeyRecord, KeyState
from intended_core.keys.transitions import compromise_digest
from intended_core.persons import Person
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World, at, intent, pay, raising, trace

STRANGER = LocalPersonKey.generate(SystemRandomness())


def token_keys(world: World) -> dict[str, KeyRecord]:
    return {record.kid: record for record in world.tenant.keyring.records() if record.purpose == "token"}


def active(world: World) -> str:
    return world.tenant.policy().ring.active("token").kid


def both(world: World, kid: str) -> list[tuple[EntityRef, bytes]]:
    digest = world.tenant.keyring.compromise_digest(kid)
    return [(ANN, ANN_KEY.sign(digest)), (BOB, BOB_KEY.sign(digest))]


def test_nothing_is_due(world: World) -> None:
    world.tenant.rotate_keys()
    size = world.head.size
    seen = trace(world, retire_due(world.context))
    assert (seen.result.retired, seen.result.seq, seen.order) == ((), None, ["LoadState"])
    assert world.head.size == size


def test_what_is_due_retires(world: World) -> None:
    kid = active(world)
    world.with_key_overdue()
    size = world.head.size
    done = world.tenant.keyring.retire()
    assert (done.retired, done.seq) == ((kid,), size)
    assert world.kinds(size) == ["key.retired"]
    assert world.body()["retired"] == [kid]
    assert token_keys(world)[kid].state is KeyState.RETIRED
    assert world.tenant.keyring.retire().retired == ()


def test_who_retires_second_finds_nothing(world: World) -> None:
    world.with_key_overdue()
    seen = trace(world, retire_due(world.context), at(Commit, world.tenant.keyring.retire))
    assert seen.result.retired == ()


def test_two_persons_end_the_key_that_signs_and_another_signs_at_once(world: World) -> None:
    kid, size = active(world), world.head.size
    done = world.tenant.keyring.compromise(kid, keys=[(ANN, ANN_KEY), (BOB, BOB_KEY)])
    assert (done.kid, done.active, done.seq) == (kid, active(world), size)
    record = token_keys(world)[kid]
    assert (record.state, record.sealed_private) == (KeyState.COMPROMISED, None)
    assert world.kinds(size) == ["key.compromised"]
    body = world.body()
    assert (body["kid"], body["before"], body["active"]) == (kid, "ACTIVE", done.active)
    assert body["digest"] == b64url(compromise_digest(world.tenant.scope, kid))
    assert [entry[:2] for entry in body["persons"]] == [["Person", "ann"], ["Person", "bob"]]
    with pytest.raises(TokenError):
        world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))
    world.tenant.redeem(world.tenant.require(intent(), audience="bank"), pay(), adapter=world.tenant.adapter("bank"))
    assert kid not in {entry["kid"] for entry in world.tenant.keyring.jwks()["keys"]}


def test_the_prepared_key_takes_over(world: World) -> None:
    prepared = world.tenant.keyring.prepare().kid
    seen = trace(world, mark_compromised(world.context, active(world), signatures=both(world, active(world))))
    assert "GenerateKey" not in seen.order
    assert seen.result.active == active(world) == prepared


def test_a_prepared_key_of_another_algorithm_does_not(world: World) -> None:
    prepared, kid = world.tenant.keyring.prepare().kid, active(world)
    done = world.tenant.keyring.compromise(kid, signatures=both(world, kid), algorithm="Ed25519")
    assert done.active != prepared
    assert token_keys(world)[done.active].algorithm == "Ed25519"


@pytest.mark.parametrize("state", ["PRE_ACTIVE", "PREVIOUS", "RETIRED"])
def test_a_key_in_any_other_state_too_without_a_new_one(world: World, state: str) -> None:
    kid = active(world)
    if state == "PRE_ACTIVE":
        kid = world.tenant.keyring.prepare().kid
    else:
        world.with_key_overdue()
    if state == "RETIRED":
        world.tenant.keyring.retire()
    assert token_keys(world)[kid].state.value == state
    signing, count = active(world), len(token_keys(world))
    done = world.tenant.keyring.compromise(kid, signatures=both(world, kid))
    assert (done.active, active(world), len(token_keys(world))) == (signing, signing, count)
    assert token_keys(world)[kid].state is KeyState.COMPROMISED


def test_there_is_no_way_back_and_no_second_time(world: World) -> None:
    kid = active(world)
    world.tenant.keyring.compromise(kid, signatures=both(world, kid))
    with pytest.raises(UnitRefusedError, match="key_state"):
        world.tenant.keyring.compromise(kid, signatures=both(world, kid))


@pytest.mark.parametrize("who", ["nobody", "one", "one twice", "stranger", "other key", "other kid", "one key, two names", "log"])
def test_anything_less_than_two_persons_changes_nothing(world: World, who: str) -> None:
    kid = active(world)
    digest = world.tenant.keyring.compromise_digest(kid)
    ann, bob = both(world, kid)
    eve = EntityRef("Person", "eve")
    world.tenant.register_person(eve, ANN_KEY.public_key)
    other = world.tenant.keyring.compromise_digest("A" * 43)
    given = {
        "nobody": [], "one": [ann], "one twice": [ann, ann],
        "stranger": [ann, (EntityRef("Person", "mallory"), STRANGER.sign(digest))],
        "other key": [ann, (BOB, STRANGER.sign(digest))], "other kid": [ann, (BOB, BOB_KEY.sign(other))],
        "one key, two names": [ann, (eve, ann[1])], "log": [ann, bob],
    }[who]  # fmt: skip
    if who == "log":
        kid = world.tenant.policy().ring.active("log").kid
        given = both(world, kid)
    before = world.data()
    with pytest.raises(KeyRingError):
        world.tenant.keyring.compromise(kid, signatures=given)
    assert world.data() == before


def test_a_rotation_in_between_does_not_save_the_key(world: World) -> None:
    kid = active(world)
    seen = trace(world, mark_compromised(world.context, kid, signatures=both(world, kid)), at(Commit, world.tenant.rotate_keys))
    assert seen.error is None
    assert token_keys(world)[kid].state is KeyState.COMPROMISED
    assert sorted(record.state.value for record in token_keys(world).values()) == ["ACTIVE", "COMPROMISED"]


def test_a_failed_unit_leaves_the_key_as_it_was(world: World) -> None:
    kid, before = active(world), world.data()
    seen = trace(world, mark_compromised(world.context, kid, signatures=both(world, kid)), at(Commit, raising(StoreError("broken"))))
    assert isinstance(seen.error, StoreError)
    assert world.data() == before


def test_a_stolen_key_is_stopped_whatever_the_clock_says(world: World) -> None:
    kid = active(world)
    world.clock.advance(seconds=-3600)
    world.tenant.keyring.compromise(kid, signatures=both(world, kid))
    assert token_keys(world)[kid].state is KeyState.COMPROMISED


def test_a_person_without_the_right_is_none_of_the_two(world: World) -> None:
    world.tenant.operate(register_person(world.context, Person(ref=BOB, public_key=BOB_KEY.public_key, roles=frozenset({"operator"}))))
    kid = active(world)
    with pytest.raises(AccessDeniedError, match=r"signing_key\.compromise"):
        world.tenant.keyring.compromise(kid, signatures=both(world, kid))
    assert active(world) == kid
