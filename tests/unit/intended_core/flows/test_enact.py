"""What is put in force, by whose hand, over what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from intended_core import Granted, KeyRingError, PolicyError, TokenError
from intended_core.canonical import b64url
from intended_core.errors import UnitRefusedError
from intended_core.flows.data import DataWritten
from intended_core.flows.draftrows import DraftRow
from intended_core.flows.effects import Commit
from intended_core.flows.enact import enact_policy
from intended_core.lang.locks import NO_CHANGE, pack_digests
from intended_core.lang.source import Source
from tests.reference.data_world import (
    CLOSING,
    EVE,
    EVE_KEY,
    LOWER,
    ROOT,
    ROOT_KEY,
    WITH_DATA,
    data_world,
    governed_world,
    ready,
)
from tests.reference.flow_world import ACCOUNT, ANN, ANN_KEY, BOB, BOB_KEY, World, intent, pay, trace


@pytest.fixture
def world() -> Iterator[World]:
    made = governed_world()
    made.restore()
    yield made
    made.check()


def test_two_persons_put_a_set_in_force(world: World) -> None:
    name = ready(world)
    world.tenant.policies.approve(name, person=ANN, key=ANN_KEY)
    done = world.tenant.policies.activate(name)
    body = world.body(done.seq)
    assert (body["draft"], body["drafted_by"][0][1], body["approved_by"][0][1]) == (name, "eve", "ann")
    assert world.tenant.policies.show(name).state == "ACTIVE"
    with pytest.raises(UnitRefusedError, match="the draft is active"):
        world.tenant.policies.activate(name)


def test_a_token_of_the_set_before_is_void(world: World) -> None:
    granted = world.tenant.authorize(intent("50.00"), audience="bank")
    assert isinstance(granted, Granted)
    name = ready(world)
    world.tenant.policies.approve(name, person=ANN, key=ANN_KEY)
    world.tenant.policies.activate(name)
    with pytest.raises(TokenError):
        world.tenant.redeem(granted.token, pay("50.00"), adapter=world.tenant.adapter("bank"))


def test_one_person_is_enough_for_what_can_only_narrow(world: World) -> None:
    done = world.tenant.policies.activate(ready(world, CLOSING))
    body = world.body(done.seq)
    assert body["narrows"] is True
    assert "approved_by" not in body


def test_one_person_is_not_enough_for_what_narrowed_against_an_older_set(world: World) -> None:
    """The draft only adds a forbid to the set it was drafted over; meanwhile another set is active."""
    desk = world.tenant.policies
    name = ready(world, CLOSING)
    other = ready(world, LOWER)
    desk.approve(other, person=ANN, key=ANN_KEY)
    desk.activate(other)
    with pytest.raises(UnitRefusedError, match="since this was drafted"):
        desk.activate(name)


def test_an_approver_who_lost_their_role_counts_no_longer(world: World) -> None:
    desk = world.tenant.policies
    name = ready(world)
    desk.approve(name, person=ANN, key=ANN_KEY)
    world.tenant.persons.remove(ANN, keys=[(ROOT, ROOT_KEY)])
    with pytest.raises(KeyRingError):
        desk.activate(name)
    desk.approve(name, person=BOB, key=BOB_KEY)
    with pytest.raises(KeyRingError):
        desk.activate(name)  # fail closed: every signature that the draft carries must still count


def test_persons_who_change_meanwhile_are_counted_again(world: World) -> None:
    desk = world.tenant.policies
    name = ready(world)
    desk.approve(name, person=ANN, key=ANN_KEY)

    def act(effect: object) -> None:
        if isinstance(effect, Commit) and ANN in {each.ref for each in world.tenant.persons.list()}:
            world.tenant.persons.remove(ANN, keys=[(ROOT, ROOT_KEY)])

    assert isinstance(trace(world, enact_policy(world.context, name), act).error, KeyRingError)


class TestData:
    def test_what_may_widen_takes_two(self, world: World) -> None:
        desk = world.tenant.policies
        name = world.tenant.data.draft(params={"cap": "500.00"}, drafter=EVE, key=EVE_KEY).draft_id
        desk.check(name)
        with pytest.raises(UnitRefusedError, match="second person"):
            desk.activate(name)
        desk.approve(name, person=BOB, key=BOB_KEY)
        done = desk.activate(name)
        assert isinstance(done, DataWritten)
        assert world.body(done.seq)["approved_by"][0][1] == "bob"
        assert isinstance(world.tenant.authorize(intent("400.00"), audience="bank"), Granted)

    def test_what_can_only_narrow_takes_one(self, world: World) -> None:
        name = world.tenant.data.draft(tables={"frozen": [ACCOUNT]}, drafter=EVE, key=EVE_KEY).draft_id
        world.tenant.policies.check(name)
        world.tenant.policies.activate(name)
        assert not isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
        back = world.tenant.data.draft(tables={"frozen": []}, drafter=EVE, key=EVE_KEY).draft_id
        world.tenant.policies.check(back)
        with pytest.raises(UnitRefusedError, match="second person"):
            world.tenant.policies.activate(back)

    def test_it_can_be_simulated(self, world: World) -> None:
        name = world.tenant.data.draft(params={"cap": "40.00"}).draft_id
        world.tenant.policies.check(name)
        before = world.tenant.policies.simulate(name)
        assert isinstance(world.tenant.authorize(intent("50.00"), audience="bank"), Granted)
        found = world.tenant.policies.simulate(name)
        assert found.moves["allow", "deny"] == found.closes == before.closes + 1


def test_in_the_founders_hand_a_checked_draft_is_enough() -> None:
    world = data_world()
    world.restore()
    draft = world.tenant.policies.draft({"bank.policy": LOWER})
    with pytest.raises(UnitRefusedError, match="checked before"):
        world.tenant.policies.activate(draft.draft_id)
    world.tenant.policies.check(draft.draft_id)
    done = world.tenant.policies.activate(draft.draft_id)
    assert done.digest == world.tenant.policies.active().digest  # type: ignore[union-attr]


LIB = 'policy pack lib version "1";\nentity Shelf {}\n'
OTHER_LIB = LIB + "# the vendor says: nothing changed\n"


def with_lib(lib: str = LIB, own: str = WITH_DATA) -> dict[str, str]:
    return {"bank.policy": f"import lib as lib;\n{own}", "lib.policy": lib}


def lock(lib: str = LIB) -> dict[str, bytes]:
    return {"lib": pack_digests([Source.from_text("lib.policy", lib)])["lib"]}


@pytest.fixture
def locked(world: World) -> World:
    """The world, with a set in force whose pack is held to its bytes by two persons."""
    desk = world.tenant.policies
    name = desk.draft(with_lib(), drafter=EVE, key=EVE_KEY, packs=lock()).draft_id
    desk.check(name)
    desk.simulate(name)
    desk.approve(name, person=ANN, key=ANN_KEY)
    body = world.body(desk.activate(name).seq)
    digest = b64url(lock()["lib"])
    assert (body["packs"], body["locks"]) == ({"lib": digest}, [["lib", None, digest]])
    return world


def test_a_lock_holds_at_every_step(locked: World) -> None:
    desk = locked.tenant.policies
    with pytest.raises(PolicyError, match="is not the one that is locked here"):
        desk.draft(with_lib(OTHER_LIB), drafter=EVE, key=EVE_KEY)
    same = desk.draft(with_lib(own=CLOSING), drafter=EVE, key=EVE_KEY)
    desk.check(same.draft_id)
    body = locked.body(desk.activate(same.draft_id).seq)
    assert (body["narrows"], body["packs"], "locks" in body) == (True, {"lib": b64url(lock()["lib"])}, False)


@pytest.mark.parametrize("said", [{"packs": lock(OTHER_LIB)}, {"unlock": ["lib"]}], ids=["moved", "unlocked"])
def test_nobody_moves_a_lock_alone(locked: World, said: dict[str, Any]) -> None:
    """By its form the set can only narrow, and one person would be enough for it."""
    desk = locked.tenant.policies
    draft = desk.draft(with_lib(OTHER_LIB, CLOSING), drafter=EVE, key=EVE_KEY, **said)
    assert locked.body()["draft"] == draft.draft_id
    desk.check(draft.draft_id)
    with pytest.raises(UnitRefusedError, match="second person"):
        desk.activate(draft.draft_id)
    desk.simulate(draft.draft_id)
    desk.approve(draft.draft_id, person=ANN, key=ANN_KEY)
    body = locked.body(desk.activate(draft.draft_id).seq)
    after = None if "unlock" in said else b64url(lock(OTHER_LIB)["lib"])
    assert body["locks"] == [["lib", b64url(lock()["lib"]), after]]
    assert ("packs" in body, body["approved_by"][0][1]) == (after is not None, "ann")


def test_a_first_lock_only_narrows(world: World) -> None:
    desk = world.tenant.policies
    name = desk.draft(with_lib(), drafter=EVE, key=EVE_KEY).draft_id
    desk.check(name)
    desk.simulate(name)
    desk.approve(name, person=ANN, key=ANN_KEY)
    desk.activate(name)
    held = desk.draft(with_lib(own=CLOSING), drafter=EVE, key=EVE_KEY, packs=lock())
    desk.check(held.draft_id)
    assert "approved_by" not in world.body(desk.activate(held.draft_id).seq)


def test_a_draft_from_before_the_lock_is_checked_against_it(locked: World) -> None:
    """The row says nothing of locks, as one that was made before: the check and the activation hold it to those that stand."""
    desk = locked.tenant.policies
    name = desk.draft(with_lib(OTHER_LIB), drafter=EVE, key=EVE_KEY, packs=lock(OTHER_LIB)).draft_id
    row = locked.row("draft", name)
    silent = replace(DraftRow.from_row(row), locks=NO_CHANGE)
    for state in ("DRAFT", "CHECKED"):
        locked.edit(locked.context.mac.seal_row(locked.context.scope, "draft", name, row.version, state, silent.to_body()))
        for act in (desk.check, desk.activate):
            with pytest.raises((PolicyError, UnitRefusedError), match="is not the one that is locked here|checked before"):
                act(name)

