from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from intended_core.canonical import canonical_json
from intended_core.errors import KeyRingError
from intended_core.keys.ring import (
    KeyRecord,
    KeyRing,
    KeyState,
    activate,
    check_generated,
    compromise,
    demote,
    new_record,
    retire,
    withdraw,
)
from intended_core.ports import GeneratedKey
from tests.reference.token_world import pair, record

STATES = list(KeyState)


def in_state(state: KeyState) -> KeyRecord:
    return record(state=state)


@pytest.mark.parametrize("state", STATES)
def test_body_and_back(state: KeyState) -> None:
    one = replace(in_state(state), version=4)
    assert KeyRecord.from_body(one.to_body(), version=4) == one
    assert one.to_body() == canonical_json(json.loads(one.to_body()))


@pytest.mark.parametrize(
    "change",
    [{"kid": "A" * 43}, {"alg": "Ed25519"}, {"alg": 1}, {"purpose": "other"}, {"state": "BEST"}, {"state": "RETIRED"},
    {"public": ""},
     {"public": "AAAA"}, {"sealed": None}, {"sealed": 1}, {"sealed": "="}, {"created_us": -1}, {"created_us": True},
     {"created_us": "1"}, {"changed_us": 0}, {"retire_us": 5}, {"v": 1}, {"v": True}, {"extra": 1}, {"kid": None}],
    ids=repr,
)  # fmt: skip
def test_a_body_that_contradicts_itself(change: dict[str, object]) -> None:
    body = canonical_json(json.loads(in_state(KeyState.ACTIVE).to_body()) | change)
    with pytest.raises(KeyRingError):
        KeyRecord.from_body(body)


@pytest.mark.parametrize("bad", [b"", b"{}", b"[]", b"\xff", b"x" * 20_000], ids=lambda bad: repr(bad[:8]))
def test_a_body_that_is_no_record(bad: bytes) -> None:
    with pytest.raises(KeyRingError):
        KeyRecord.from_body(bad)


def test_a_missing_member_or_another_spelling() -> None:
    body = in_state(KeyState.ACTIVE).to_body()
    with pytest.raises(KeyRingError):
        KeyRecord.from_body(canonical_json({k: v for k, v in json.loads(body).items() if k != "retire_us"}))
    with pytest.raises(KeyRingError):
        KeyRecord.from_body(body.replace(b",", b", ", 1))
    with pytest.raises(KeyRingError):
        KeyRecord.from_body(body, version=0)


ALLOWED = {
    ("PRE_ACTIVE", "activate"), ("ACTIVE", "demote"), ("PREVIOUS", "retire"), ("PRE_ACTIVE", "compromise"),
    ("ACTIVE", "compromise"), ("PREVIOUS", "compromise"), ("RETIRED", "compromise"),
}  # fmt: skip
LATER = 10**18 // 200
MOVES = {
    "activate": lambda one: activate(one, now_us=LATER),
    "demote": lambda one: demote(one, now_us=LATER, retire_us=LATER + 5),
    "retire": lambda one: retire(one, now_us=LATER),
    "compromise": lambda one: compromise(one, now_us=LATER),
}


@pytest.mark.parametrize(("state", "move"), list(itertools.product(STATES, sorted(MOVES))))
def test_every_transition(state: KeyState, move: str) -> None:
    before = in_state(state)
    if (state.value, move) not in ALLOWED:
        with pytest.raises(KeyRingError):
            MOVES[move](before)
        return
    after = MOVES[move](before)
    assert after.version == before.version + 1
    assert (after.changed_us, after.created_us, after.kid) == (LATER, before.created_us, before.kid)
    assert (after.sealed_private is None) == (move != "activate")


def test_leaving_active_destroys_the_private_key_and_keeps_the_public_one() -> None:
    after = demote(record(), now_us=10, retire_us=20)
    assert after.sealed_private is None
    assert after.public_der == record().public_der
    assert b'sealed":null' in after.to_body()
    assert [after.verifies_at(now) for now in (10, 19, 20, 21)] == [True, True, False, False]


def test_a_prepared_key_that_never_signed_is_withdrawn() -> None:
    prepared = record(state=KeyState.PRE_ACTIVE)
    after = withdraw(prepared, now_us=LATER)
    assert (after.state, after.sealed_private, after.retire_us, after.version) == (KeyState.RETIRED, None, LATER, 2)
    for state in STATES:
        if state is not KeyState.PRE_ACTIVE:
            with pytest.raises(KeyRingError):
                withdraw(in_state(state), now_us=LATER)


def test_times_of_transitions() -> None:
    previous = demote(record(), now_us=10, retire_us=20)
    with pytest.raises(KeyRingError):
        retire(previous, now_us=19)
    assert retire(previous, now_us=20).state is KeyState.RETIRED
    with pytest.raises(KeyRingError):
        demote(record(), now_us=10, retire_us=9)
    with pytest.raises(KeyRingError):
        compromise(replace(record(), changed_us=50), now_us=49)


@pytest.mark.parametrize("state", STATES)
def test_which_states_verify(state: KeyState) -> None:
    assert in_state(state).verifies_at(0) == (state in (KeyState.ACTIVE, KeyState.PREVIOUS))


def test_ring_lookups() -> None:
    token, spare = record(), record("next", state=KeyState.PRE_ACTIVE)
    log = replace(record("log", "Ed25519"), purpose="log")
    ring = KeyRing([spare, log, token])
    assert ring.active("token") is token
    assert ring.active("log") is log
    assert ring.find(spare.kid) is spare
    assert ring.find("A" * 43) is None
    assert set(ring.records) == {token, spare, log}
    assert ring.prepared("token") is spare
    assert ring.prepared("log") is None


def test_ring_without_an_active_key() -> None:
    with pytest.raises(KeyRingError):
        KeyRing([record(state=KeyState.PRE_ACTIVE)]).active("token")


def test_ring_refuses_two_active_or_twins() -> None:
    with pytest.raises(KeyRingError, match="two ACTIVE"):
        KeyRing([record(), record("next")])
    with pytest.raises(KeyRingError, match="twice"):
        KeyRing([record(), record(state=KeyState.PREVIOUS)])


def test_jwks_lists_what_may_verify_soon_or_now() -> None:
    names = ("a", "main", "b", "c", "d")
    ring = KeyRing([record(name, state=state) for name, state in zip(names, STATES, strict=True)])
    listed = {entry["kid"] for entry in ring.jwks()["keys"]}
    shown = {KeyState.PRE_ACTIVE, KeyState.ACTIVE, KeyState.PREVIOUS}
    assert listed == {one.kid for one in ring.records if one.state in shown}
    assert ring.jwks("log") == {"keys": []}
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for entry in ring.jwks()["keys"] for name in entry}


def test_new_record_starts_with_a_private_key() -> None:
    for state in (KeyState.PREVIOUS, KeyState.RETIRED, KeyState.COMPROMISED):
        with pytest.raises(KeyRingError):
            new_record(
                algorithm="RS256",
                purpose="token",
                public_der=pair("main").public_der,
                sealed_private=b"x",
                now_us=1,
                state=state,
            )


def test_full_check_of_a_generated_pair() -> None:
    good = pair("main")
    assert check_generated(algorithm="RS256", generated=good).der == good.public_der
    for bad in (
        GeneratedKey(private_der=pair("stranger").private_der, public_der=good.public_der),
        GeneratedKey(private_der=b"x", public_der=good.public_der),
        GeneratedKey(private_der=pair("ed", "Ed25519").private_der, public_der=good.public_der),
    ):
        with pytest.raises(KeyRingError):
            check_generated(algorithm="RS256", generated=bad)
