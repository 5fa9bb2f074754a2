"""Adapter credentials: what they say, and that a withdrawn one redeems nothing from that moment on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from intended_core import EntityRef, IntentError, TokenError
from intended_core.errors import AccessDeniedError, KeyRingError, StoreError
from intended_core.flows.credentialrows import credential_key
from intended_core.flows.credentials import withdraw_credentials
from intended_core.flows.effects import Commit
from intended_core.flows.remote import serve
from intended_core.tokens.refusal_counts import AT_ONCE
from tests.reference.flow_world import ANN, ANN_KEY, BOB_KEY, NOW_US, World, at, pay, trace
from tests.reference.remote_world import granted

ANNS = ((ANN, ANN_KEY),)
WHY = "the adapter's host was taken over"


@pytest.fixture(scope="module")
def made() -> World:
    return World()


@pytest.fixture
def world(made: World) -> Iterator[World]:
    made.restore()
    yield made
    made.check()


def request(world: World, credential: str) -> bytes:
    outcome = granted(world)
    return json.dumps(
        {
            "attempt": "A" * 22, "call": world.tenant.tokens.call_text(outcome).wire.decode(), "proof": None,
            "credential": credential, "token": outcome.token.text, "v": 0,
        }
    ).encode()  # fmt: skip


def answer(world: World, credential: str) -> str:
    found: dict[str, Any] = json.loads(world.tenant.tokens.serve(request(world, credential)))
    return str(found["answer"])


def test_what_a_credential_says(world: World) -> None:
    shown = world.tenant.tokens.read_credential(world.tenant.tokens.credential("bank", life_seconds=60))
    assert (shown.adapter, shown.made_us, shown.end_s) == ("bank", NOW_US, NOW_US // 1_000_000 + 60)
    for text in ("", "adapter.e30.AAAA", None, 5, World().tenant.tokens.credential("bank")):
        with pytest.raises(TokenError):
            world.tenant.tokens.read_credential(text)  # type: ignore[arg-type]


def test_one_is_withdrawn_and_others_are_not(world: World) -> None:
    desk = world.tenant.tokens
    lost, kept, vault = desk.credential("bank"), desk.credential("bank"), desk.credential("vault")
    assert answer(world, lost) == "consumed"
    size = world.head.size
    assert desk.withdraw("bank", credential=lost, reason=WHY, keys=ANNS) == size
    assert answer(world, lost) == "refused"
    assert answer(world, kept) == "consumed"
    assert world.tenant.tokens.read_credential(vault).adapter == "vault"
    assert world.kinds(size)[0] == "credential.withdrawn"
    body = world.body(size)
    assert (body["adapter"], body["id"], body["reason"], body["version"]) == ("bank", desk.read_credential(lost).identifier, WHY, 1)
    assert body["persons"][0][:2] == ["Person", "ann"]
    assert lost not in str(body)


def test_by_its_id_with_a_signature_made_elsewhere(world: World) -> None:
    desk = world.tenant.tokens
    lost = desk.credential("bank")
    name = desk.read_credential(lost).identifier
    signature = ANN_KEY.sign(desk.withdrawal_digest("bank", name, WHY))
    desk.withdraw("bank", identifier=name, reason=WHY, signatures=((ANN, signature),))
    assert answer(world, lost) == "refused"
    with pytest.raises(KeyRingError):
        desk.withdraw("bank", identifier=name, reason=WHY, signatures=((ANN, signature),))  # it counted once


def test_all_so_far_and_a_new_one_counts(world: World) -> None:
    desk = world.tenant.tokens
    before = [desk.credential("bank") for _ in range(2)]
    desk.withdraw("bank", reason=WHY, keys=ANNS)
    world.clock.advance(seconds=1)
    after = desk.credential("bank")
    assert [answer(world, each) for each in before] == ["refused", "refused"]
    assert answer(world, after) == "consumed"
    (standing,) = desk.withdrawn()
    assert standing.adapter == "bank"
    desk.withdraw("bank", reason=WHY, keys=ANNS)
    assert answer(world, after) == "refused"


def test_another_process_hears_of_it_at_its_next_redemption(world: World) -> None:
    here, lost = world.tenant, world.tenant.tokens.credential("bank")
    data = request(world, lost)
    world.reopen()
    world.tenant.tokens.withdraw("bank", credential=lost, reason=WHY, keys=ANNS)
    assert json.loads(here.tokens.serve(data))["answer"] == "refused"


def test_it_is_withdrawn_while_a_redemption_is_on_its_way(world: World) -> None:
    """The credential was good when it was looked at; the unit sees that the guards have moved, and it is looked at again."""
    lost = world.tenant.tokens.credential("bank")
    data = request(world, lost)

    def act() -> None:
        world.tenant.tokens.withdraw("bank", credential=lost, reason=WHY, keys=ANNS)

    seen = trace(world, serve(world.context, data), at(Commit, act))
    assert json.loads(seen.result)["answer"] == "refused"
    assert {item.code: item.count for item in world.context.refusals.take()} == {"token.withdrawn": 1}


def test_who_may_not_and_what_is_none(world: World) -> None:
    desk = world.tenant.tokens
    lost = desk.credential("bank")
    for signers in (((ANN, BOB_KEY),), ((EntityRef("Person", "eve"), ANN_KEY),), ()):
        with pytest.raises(KeyRingError):
            desk.withdraw("bank", credential=lost, reason=WHY, keys=signers)
    world.tenant.persons.add(ANN, ANN_KEY.public_key, roles=("viewer",))
    with pytest.raises(AccessDeniedError):
        desk.withdraw("bank", credential=lost, reason=WHY, keys=ANNS)
    world.restore()
    for wrong in ({"identifier": "x"}, {"reason": ""}):
        with pytest.raises(IntentError):
            world.tenant.tokens.withdraw("bank", **{"reason": WHY, "keys": ANNS, **wrong})  # type: ignore[arg-type]
    for adapter, text in (("vault", lost), ("bank", lost + "x"), ("bank", World().tenant.tokens.credential("bank"))):
        with pytest.raises(TokenError):
            world.tenant.tokens.withdraw(adapter, credential=text, reason=WHY, keys=ANNS)


def test_a_withdrawal_that_is_taken_away_or_spoilt_refuses_everything(world: World) -> None:
    lost = world.tenant.tokens.credential("bank")
    world.tenant.tokens.withdraw("bank", credential=lost, reason=WHY, keys=ANNS)
    data, key = request(world, lost), credential_key("bank")
    saved = world.store.snapshot()
    row = world.row(key.kind, key.key)
    world.remove(key.kind, key.key)
    world.reopen()
    assert json.loads(world.tenant.tokens.serve(data))["answer"] != "consumed"
    world.store.restore(saved)
    world.edit(type(row)(row.kind, row.key, row.version, row.state, row.body.replace(b"bank", b"tank"), row.mac))
    world.reopen()
    assert json.loads(world.tenant.tokens.serve(data))["answer"] != "consumed"
    world.store.restore(saved)
    world.reopen()


def test_it_stops_no_intent_and_no_token(world: World) -> None:
    world.tenant.tokens.withdraw("bank", reason=WHY, keys=ANNS)
    assert world.tenant.policy().halts.none
    world.tenant.redeem(granted(world).token, pay(), adapter=world.tenant.adapter("bank"))


def test_a_withdrawal_waits_for_no_clock_and_no_store_that_was_rolled_back(world: World) -> None:
    lost = world.tenant.tokens.credential("bank")
    world.clock.advance(seconds=-3600)
    world.context.heads.suspect(1)
    world.tenant.tokens.withdraw("bank", reason=WHY, keys=ANNS)
    assert world.tenant.policy().halts.credentials["bank"].holds(world.tenant.tokens.read_credential(lost).identifier, NOW_US)


def test_a_unit_that_fails_withdraws_nothing(world: World) -> None:
    def act() -> None:
        raise StoreError("down")

    asked = world.tenant.tokens.withdrawal_digest("bank", "", WHY)
    seen = trace(world, withdraw_credentials(world.context, "bank", reason=WHY, signatures=[(ANN, ANN_KEY.sign(asked))]), at(Commit, act))
    assert isinstance(seen.error, StoreError)
    assert world.tenant.tokens.withdrawn() == ()


def test_the_count_of_refusals_names_the_adapter_whose_credential_is_withdrawn(world: World) -> None:
    """Only where the credential is one that we made: a forged one names whom it likes."""
    desk = world.tenant.tokens
    lost, vault = desk.credential("bank"), desk.credential("vault")
    for name, one in (("bank", lost), ("vault", vault)):
        desk.withdraw(name, credential=one, reason=WHY, keys=ANNS)
    data, size = request(world, lost), world.head.size
    for _ in range(AT_ONCE):
        desk.serve(data)
    assert world.kinds(size) == ["refusals.counted"]
    body = world.body()
    assert (body["code"], body["adapter"], body["count"]) == ("token.withdrawn", "bank", AT_ONCE)
    assert lost not in str(body)
    head, _, tag = lost.rpartition(".")
    forged = request(world, f"{head}.{'A' * len(tag)}")
    desk.serve(forged)
    desk.serve(request(world, vault))
    assert [(item.code, item.adapter) for item in world.context.refusals.take()] == [("token.credential", ""), ("token.withdrawn", "vault")]


def test_a_credential_that_has_ended_is_named_as_well(world: World) -> None:
    ended = world.tenant.tokens.credential("bank", life_seconds=60)
    world.clock.advance(seconds=61)
    assert answer(world, ended) == "refused"
    assert [(item.code, item.adapter) for item in world.context.refusals.take()] == [("token.credential", "bank")]
