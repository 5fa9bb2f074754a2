"""halt: one person stops, two resume; what stands in nobody's way is a broken policy set or a wrong clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from intended_core import Deny, EntityRef, Granted, TenantAuthority, TokenError
from intended_core.access.persons import LocalPersonKey
from intended_core.audit.checkpoint import verify_ed25519
from intended_core.canonical import frame, unb64url
from intended_core.clock import SystemRandomness
from intended_core.errors import (
    AccessDeniedError,
    IntentError,
    KeyRingError,
    StoreCorruptError,
    StoreError,
    UnitRefusedError,
)
from intended_core.flows.authorize import authorize
from intended_core.flows.effects import Commit
from intended_core.flows.halt import engage, resume
from intended_core.flows.haltrows import HaltTarget, halt_digest, halt_key
from intended_core.flows.persons import register_person
from intended_core.persons import Person
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, BOT, World, at, intent, pay, raising, trace

ALL, BANK, AGENT = HaltTarget("environment"), HaltTarget.of_adapter("bank"), HaltTarget.of_principal(BOT)
BOTH = ((ANN, ANN_KEY), (BOB, BOB_KEY))
WHY = "it pays the wrong people"


def halt(world: World, target: HaltTarget = ALL) -> Any:
    return world.tenant.halts.engage(target, reason=WHY, keys=((ANN, ANN_KEY),))


def works(tenant: TenantAuthority, token: str | None = None) -> bool:
    try:
        given = tenant.require(intent(), audience="bank") if token is None else token
        tenant.redeem(given, pay(), adapter=tenant.adapter("bank"))
    except TokenError:
        return False
    return True


@pytest.mark.parametrize("target", [HaltTarget("tenant"), ALL, BANK, AGENT], ids=str)
def test_nothing_of_its_scope_is_issued_or_redeemed_until_it_is_resumed(world: World, target: HaltTarget) -> None:
    size = world.head.size
    stands = halt(world, target)
    assert (stands.engaged, stands.reason, stands.by, stands.seq, stands.version) == (True, WHY, (ANN,), size, 1)
    outcome = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(outcome, Deny)
    assert outcome.kind == "halted"
    assert WHY in outcome.reasons[0].text
    assert not works(world.tenant, world.token)
    assert world.kinds(size) == ["halt.engaged", "decision.deny", "token.refused"]
    assert world.body()["code"] == "token.halted"
    world.reopen()
    assert not works(world.tenant, world.token)
    done = world.tenant.halts.resume(target, reason="mended", keys=BOTH)
    assert (done.engaged, done.by, done.version) == (False, (ANN, BOB), 2)
    assert works(world.tenant, world.token), "the nonce was not spent"
    assert works(world.tenant)
    assert [each.engaged for each in world.tenant.halts.standing()] == [False]


def test_other_adapters_and_principals_go_on(world: World) -> None:
    halt(world, HaltTarget.of_adapter("other"))
    halt(world, HaltTarget.of_principal(EntityRef("Agent", "other")))
    assert works(world.tenant, world.token)


def test_a_process_that_remembers_the_time_before_is_told_under_the_lock(world: World) -> None:
    seen = trace(world, _authorize(world), at(Commit, lambda: halt(world)))
    assert isinstance(seen.result, Deny)
    assert seen.result.kind == "halted"


def _authorize(world: World) -> Any:
    world.runtime.states.get(world.context.scope, world.context.mac, fresh=False)
    return authorize(world.context, intent(), audience="bank")


def test_a_halt_that_stands_is_answered_as_it_stands(world: World) -> None:
    first = halt(world)
    size = world.head.size
    assert world.tenant.halts.engage(ALL, reason="again", keys=((BOB, BOB_KEY),)) == first
    assert world.head.size == size


def test_the_record_says_who_and_why_and_carries_the_signatures(world: World) -> None:
    halt(world)
    world.tenant.halts.resume(ALL, reason="mended", keys=BOTH)
    body = world.body()
    assert (body["target"], body["reason"], body["version"]) == (["environment"], "mended", 2)
    assert unb64url(body["digest"]) == halt_digest(world.context.scope, "resume", ALL, "mended", 2)
    assert [person[:2] for person in body["persons"]] == [["Person", "ann"], ["Person", "bob"]]
    for _, _, key, signature in body["persons"]:
        verify_ed25519(unb64url(key), unb64url(signature), frame(b"intended.person-signature/v1", unb64url(body["digest"])))


def _broken_policy(world: World) -> None:
    row = world.row("policy", "active")
    world.edit(type(row)(row.kind, row.key, row.version, row.state, b"not a policy", row.mac))
    world.reopen()
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Deny)


def _clock_far_back(world: World) -> None:
    world.clock.advance(seconds=-10_000)


@pytest.mark.parametrize("trouble", [_broken_policy, _clock_far_back], ids=["broken-policy", "clock-set-back"])
def test_a_halt_waits_for_nothing(world: World, trouble: Callable[[World], None]) -> None:
    trouble(world)
    assert halt(world).engaged
    assert world.kinds(world.head.size - 1) == ["halt.engaged"]


STRANGER = LocalPersonKey.generate(SystemRandomness())


@pytest.mark.parametrize(
    "keys",
    [
        (), ((ANN, ANN_KEY),), ((ANN, ANN_KEY), (ANN, ANN_KEY)), ((ANN, ANN_KEY), (BOB, ANN_KEY)),
        ((ANN, ANN_KEY), (EntityRef("Person", "eve"), STRANGER)), ((ANN, ANN_KEY), (EntityRef("Person", "cle"), BOB_KEY)),
    ],
    ids=["nobody", "one", "one-twice", "one-key-for-both", "a-stranger", "a-name-nobody-knows"],
)  # fmt: skip
def test_two_distinct_registered_persons_resume(world: World, keys: tuple[tuple[EntityRef, LocalPersonKey], ...]) -> None:
    halt(world)
    size = world.head.size
    with pytest.raises(KeyRingError):
        world.tenant.halts.resume(ALL, reason="mended", keys=keys)
    assert world.head.size == size
    assert not works(world.tenant, world.token)


def test_one_person_under_two_names_is_one(world: World) -> None:
    again = EntityRef("Person", "ann-again")
    world.tenant.register_person(again, ANN_KEY.public_key)
    halt(world)
    with pytest.raises(KeyRingError, match="distinct"):
        world.tenant.halts.resume(ALL, reason="mended", keys=((ANN, ANN_KEY), (again, ANN_KEY)))


def test_a_role_is_needed_for_each(world: World) -> None:
    """An operator may stop and may not let go on; a viewer may do neither."""
    for ref, key, role in ((ANN, ANN_KEY, "operator"), (BOB, BOB_KEY, "viewer")):
        world.tenant.run(register_person(world.context, Person(ref=ref, public_key=key.public_key, roles=frozenset({role}))))
    with pytest.raises(AccessDeniedError):
        world.tenant.halts.engage(ALL, reason=WHY, keys=((BOB, BOB_KEY),))
    halt(world)
    with pytest.raises(AccessDeniedError):
        world.tenant.halts.resume(ALL, reason="mended", keys=BOTH)
    assert not works(world.tenant, world.token)


def test_nobody_or_a_stranger_halts_nothing(world: World) -> None:
    for keys in ((), ((ANN, STRANGER),), ((EntityRef("Person", "eve"), STRANGER),)):
        with pytest.raises(KeyRingError):
            world.tenant.halts.engage(ALL, reason=WHY, keys=keys)
    with pytest.raises(IntentError):
        world.tenant.halts.engage(ALL, reason="", keys=((ANN, ANN_KEY),))
    assert works(world.tenant, world.token)


def test_whom_a_halt_stops_does_not_resume_it(world: World) -> None:
    target = HaltTarget.of_principal(ANN)
    halt(world, target)
    with pytest.raises(KeyRingError, match="halted"):
        world.tenant.halts.resume(target, reason="I am fine", keys=BOTH)


def test_signatures_count_for_one_change_only(world: World) -> None:
    halt(world)
    asked = world.tenant.halts.digest("resume", ALL, "mended")
    signed = [(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))]
    with pytest.raises(KeyRingError):
        world.tenant.halts.resume(ALL, reason="another reason", signatures=signed)
    world.tenant.halts.resume(ALL, reason="mended", signatures=signed)
    halt(world)
    with pytest.raises(KeyRingError):
        world.tenant.halts.resume(ALL, reason="mended", signatures=signed)
    assert not works(world.tenant, world.token)


def test_what_is_not_halted_is_not_resumed(world: World) -> None:
    with pytest.raises(UnitRefusedError) as caught:
        world.tenant.halts.resume(ALL, reason="mended", keys=BOTH)
    assert caught.value.code == "halt_state"


def test_a_halt_taken_away_is_neither_listed_nor_engaged_anew(world: World) -> None:
    halt(world)
    world.remove("halt", halt_key(ALL).key)
    world.reopen()
    for act in (lambda: world.tenant.halts.standing(), lambda: halt(world)):
        with pytest.raises(StoreCorruptError):
            act()


def test_a_halt_that_did_not_commit_says_so(world: World) -> None:
    asked = world.tenant.halts.digest("engage", ALL, WHY)
    flow = engage(world.context, ALL, reason=WHY, signatures=[(ANN, ANN_KEY.sign(asked))])
    assert isinstance(trace(world, flow, at(Commit, raising(StoreError("full")))).error, StoreError)
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)


def test_what_stops_something_goes_before_all_that_waits(world: World) -> None:
    """A halt, and no resumption and no other unit: whoever could say so of their own would crowd the rest out."""
    asked = world.tenant.halts.digest("engage", ALL, WHY)
    halted = trace(world, engage(world.context, ALL, reason=WHY, signatures=[(ANN, ANN_KEY.sign(asked))]))
    asked = world.tenant.halts.digest("resume", ALL, WHY)
    both = [(ref, key.sign(asked)) for ref, key in BOTH]
    resumed = trace(world, resume(world.context, ALL, reason=WHY, signatures=both))
    granted = trace(world, _authorize(world))
    first = [[effect.unit.first for effect in each.effects if isinstance(effect, Commit)] for each in (halted, resumed, granted)]
    assert first == [[True], [False], [False]]
