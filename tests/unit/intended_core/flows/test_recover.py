"""recover: two persons open the next generation, in which what is older is void; a clock that ran ahead begins anew."""

from __future__ import annotations

import pytest

from intended_core import Deny, Granted, Pending, TokenError
from intended_core.audit.record import parse_entry
from intended_core.canonical import unb64url
from intended_core.errors import IntentError, KeyRingError, UnitRefusedError
from intended_core.flows.recover import recovery_digest
from intended_core.flows.rollback import Evidence, suspect
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World, intent, pay

KEYS = ((ANN, ANN_KEY), (BOB, BOB_KEY))
LOST = Evidence(kind="mark", generation=1, size=99, hash=b"r" * 32)


def redeems(world: World, token: str) -> bool:
    try:
        world.tenant.redeem(token, pay(), adapter=world.tenant.adapter("bank"))
    except TokenError:
        return False
    return True


def test_the_next_generation_grants_anew_and_honours_nothing_older(world: World) -> None:
    approved = world.tenant.authorize(intent("700.00"), audience="bank")
    assert isinstance(approved, Pending)
    world.tenant.approve(approved.approval_id, person=ANN, key=ANN_KEY)
    world.tenant.run(suspect(world.context, LOST))
    size = world.head.size
    done = world.tenant.recovery.recover(reason="a backup was restored", keys=KEYS)
    assert (done.generation, done.seq, done.clock) == (2, size, False)
    assert (world.head.generation, world.head.rolled_back) == (2, False)
    for _ in range(2):
        assert not redeems(world, world.token), "a nonce of the older generation"
        with pytest.raises(UnitRefusedError, match="approval_generation"):
            world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
        outcome = world.tenant.authorize(intent("700.00"), audience="bank", approval=approved.approval_id)
        assert isinstance(outcome, Deny), "an approval of the older generation"
        granted = world.tenant.authorize(intent(), audience="bank")
        assert isinstance(granted, Granted)
        assert redeems(world, granted.token.text)
        world.reopen()
    assert not world.tenant.recovery.status().refusing
    world.check()


def test_the_record_names_what_was_lost_and_who_signed(world: World) -> None:
    world.tenant.run(suspect(world.context, LOST))
    before = world.head
    world.tenant.recovery.recover(reason="a backup was restored", keys=KEYS)
    record = world.data().records[-1]
    entry, body = parse_entry(record.entry), world.body()
    assert (entry.kind.value, entry.generation) == ("log.recover", 2)
    assert (body["generation"], body["reason"], body["lost"]["size"]) == (2, "a backup was restored", 99)
    assert (body["stood"]["size"], unb64url(body["stood"]["root"])) == (before.size, before.frontier.root())
    assert [person[:2] for person in body["persons"]] == [["Person", "ann"], ["Person", "bob"]]
    assert parse_entry(world.data().records[-2].entry).generation == 1


@pytest.mark.parametrize("keys", [(), KEYS[:1], (KEYS[0], KEYS[0]), ((ANN, ANN_KEY), (BOB, ANN_KEY))], ids=["nobody", "one", "one-twice", "one-key"])
def test_two_persons_recover(world: World, keys: tuple[object, ...]) -> None:
    world.tenant.run(suspect(world.context, LOST))
    with pytest.raises(KeyRingError):
        world.tenant.recovery.recover(reason="restored", keys=keys)  # type: ignore[arg-type]
    assert world.tenant.recovery.status().refusing
    with pytest.raises(IntentError):
        world.tenant.recovery.recover(reason="", keys=KEYS)


def test_a_signature_is_for_what_its_maker_was_shown(world: World) -> None:
    shown = world.tenant.recovery.digest("restored")
    signed = [(ref, key.sign(shown)) for ref, key in KEYS]
    world.tenant.run(suspect(world.context, LOST))
    with pytest.raises(KeyRingError):
        world.tenant.recovery.recover(reason="restored", signatures=signed)
    shown = world.tenant.recovery.digest("restored")
    signed = [(ref, key.sign(shown)) for ref, key in KEYS]
    with pytest.raises(KeyRingError):
        world.tenant.recovery.recover(reason="another", signatures=signed)
    world.tenant.recovery.recover(reason="restored", signatures=signed)
    with pytest.raises(KeyRingError):
        world.tenant.recovery.recover(reason="restored", signatures=signed)
    scope = world.context.scope
    made = {recovery_digest(scope, generation=g, evidence=e, reason=r) for g in (2, 3) for e in (b"", b"x") for r in ("a", "b")}
    assert len(made) == 8


def test_a_token_of_the_lost_log_says_nothing_in_the_next_generation(world: World) -> None:
    world.tenant.authorize(intent("1.00"), audience="bank")
    lost = world.tenant.require(intent(), audience="bank").text
    world.restore()
    assert not redeems(world, lost)
    world.tenant.recovery.recover(reason="restored", keys=KEYS)
    for _ in range(2):
        assert not redeems(world, lost)
        assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
        world.reopen()


def test_a_clock_that_had_run_ahead(world: World) -> None:
    world.clock.advance(seconds=86_400)
    world.tenant.authorize(intent("1.00"), audience="bank")
    ahead = world.tenant.require(intent(), audience="bank").text
    world.clock.advance(seconds=-86_400)
    outcome = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(outcome, Deny)
    assert outcome.kind == "clock"
    assert 86_390 * 1_000_000 < world.tenant.recovery.status().ahead_us < 86_401 * 1_000_000
    size = world.head.size
    assert world.tenant.recovery.recover(reason="the clock was wrong", keys=KEYS).clock
    assert world.kinds(size) == ["log.recover", "clock.recovered"]
    assert world.body()["from"] - world.body()["to"] == 86_400 * 1_000_000
    assert world.tenant.recovery.status().ahead_us == 0
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Granted)
    world.clock.advance(seconds=86_400)
    assert not redeems(world, ahead), "a token of the wrong future is void when that comes"


def test_persons_can_be_registered_to_recover(world: World) -> None:
    world.tenant.run(suspect(world.context, LOST))
    world.tenant.register_person(BOB, BOB_KEY.public_key)
    assert world.tenant.recovery.recover(reason="restored", keys=KEYS).generation == 2
