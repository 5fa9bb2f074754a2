"""revoke: one token, or all of a principal so far; what was revoked gives back what it held, later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Deny, EntityRef, HaltTarget, TokenError
from intended_core.errors import IntentError, KeyRingError, UnitRefusedError
from intended_core.flows.attenuate import attenuate
from intended_core.flows.haltrows import cutoff_key
from intended_core.flows.revoke import revocation_statement
from intended_core.flows.runtime import drive
from intended_core.unit import Unit
from tests.reference.flow_world import ANN, ANN_KEY, BOB_KEY, BOT, NOW_US, World, intent, pay

ANNS = ((ANN, ANN_KEY),)
END_US = NOW_US + 600_000_000


def refused(world: World, token: str) -> str:
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(token, pay(), adapter=world.tenant.adapter("bank"))
    return caught.value.code


def test_one_token_is_revoked_in_its_own_life(world: World) -> None:
    size = world.head.size
    assert world.tenant.halts.revoke_token(world.token, reason="leaked", keys=ANNS) == size
    assert world.row("nonce", world.tenant.halts.jti(world.token)).state == "REVOKED"
    assert refused(world, world.token) == "token.nonce_revoked"
    assert world.kinds(size) == ["token.revoked", "token.refused"]
    body = world.body(size)
    assert (body["reason"], body["cause"], body["persons"][0][:2]) == ("leaked", "token", ["Person", "ann"])
    other = world.tenant.require(intent(), audience="bank")
    world.tenant.redeem(other, pay(), adapter=world.tenant.adapter("bank"))


def test_by_its_jti_and_with_a_signature_made_elsewhere(world: World) -> None:
    jti = world.tenant.halts.jti(world.token)
    signature = ANN_KEY.sign(world.tenant.halts.revocation_digest(jti, "leaked"))
    world.tenant.halts.revoke_token(jti, reason="leaked", signatures=((ANN, signature),))
    assert refused(world, world.token) == "token.nonce_revoked"


def test_what_is_spent_revoked_or_unknown_is_not_revoked(world: World) -> None:
    world.tenant.halts.revoke_token(world.token, reason="leaked", keys=ANNS)
    for token, code in ((world.token, "nonce_state"), (world.spent, "nonce_state"), ("A" * 22, "nonce_unknown"), ("x", "nonce_unknown")):
        with pytest.raises(UnitRefusedError) as caught:
            world.tenant.halts.revoke_token(token, reason="leaked", keys=ANNS)
        assert caught.value.code == code
    with pytest.raises(TokenError):
        world.tenant.halts.revoke_token(world.token[:-4] + "AAAA", reason="leaked", keys=ANNS)


def test_a_revoked_nonce_armed_again_is_seen_in_the_log(world: World) -> None:
    before = world.row("nonce", world.tenant.halts.jti(world.token))
    world.tenant.halts.revoke_token(world.token, reason="leaked", keys=ANNS)
    world.edit(before)
    assert refused(world, world.token) == "token.replayed"


def test_every_token_so_far_of_a_principal_and_none_after(world: World) -> None:
    size = world.head.size
    world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", keys=ANNS)
    assert world.body(size)["before"] == size
    assert refused(world, world.token) == "token.revoked"
    world.reopen()
    assert refused(world, world.token) == "token.revoked"
    later = world.tenant.require(intent(), audience="bank")
    world.tenant.redeem(later, pay(), adapter=world.tenant.adapter("bank"))
    between = world.tenant.require(intent(), audience="bank").text
    world.tenant.halts.revoke_tokens_of(BOT, reason="again", keys=ANNS)
    assert world.row("halt", cutoff_key(BOT).key).version == 2
    assert refused(world, between) == "token.revoked"


def test_what_was_revoked_or_halted_is_not_spent_for_another(world: World) -> None:
    desk = world.tenant.halts
    desk.revoke_tokens_of(BOT, reason="taken over", keys=ANNS)
    with pytest.raises(TokenError) as caught:
        world.tenant.run(attenuate(world.context, world.token, intent("1.00")))
    assert caught.value.code == "token.revoked"
    token = world.tenant.require(intent(), audience="bank").text
    desk.engage(HaltTarget.of_principal(BOT), reason="stop", keys=ANNS)
    assert isinstance(world.tenant.run(attenuate(world.context, token, intent("1.00"))), Deny)


def test_tokens_of_others_stand(world: World) -> None:
    world.tenant.halts.revoke_tokens_of(EntityRef("Agent", "other"), reason="taken over", keys=ANNS)
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


def test_somebody_signs_with_a_reason(world: World) -> None:
    for keys in ((), ((ANN, BOB_KEY),)):
        with pytest.raises(KeyRingError):
            world.tenant.halts.revoke_token(world.token, reason="leaked", keys=keys)
        with pytest.raises(KeyRingError):
            world.tenant.halts.revoke_tokens_of(BOT, reason="leaked", keys=keys)
    with pytest.raises(IntentError):
        world.tenant.halts.revoke_tokens_of(BOT, reason="", keys=ANNS)
    with pytest.raises(IntentError):
        world.tenant.halts.revoke_token(world.token, reason="\n", keys=ANNS)
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


def test_a_clock_set_back_stops_no_revocation(world: World) -> None:
    world.clock.advance(seconds=-10_000)
    world.tenant.halts.revoke_token(world.token, reason="leaked", keys=ANNS)
    world.tenant.halts.revoke_tokens_of(BOT, reason="leaked", keys=ANNS)


def test_what_was_signed_once_to_revoke_a_principal_cuts_off_nothing_later(world: World) -> None:
    signed = ((ANN, ANN_KEY.sign(world.tenant.halts.revocation_digest(BOT, "taken over", expires_us=END_US))),)
    world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", signatures=signed, expires_us=END_US)
    later = world.tenant.require(intent(), audience="bank")
    with pytest.raises(KeyRingError):
        world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", signatures=signed, expires_us=END_US)
    world.tenant.redeem(later, pay(), adapter=world.tenant.adapter("bank"))


def kept_back(world: World, end_us: int = END_US) -> tuple[tuple[EntityRef, bytes], ...]:
    """What ann signed to revoke the bot's tokens, and somebody kept."""
    return ((ANN, ANN_KEY.sign(world.tenant.halts.revocation_digest(BOT, "taken over", expires_us=end_us))),)


def test_what_was_signed_to_revoke_a_principal_and_not_sent_has_an_end(world: World) -> None:
    signed = kept_back(world)
    world.clock.advance(seconds=599)
    size = world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", signatures=signed, expires_us=END_US)
    assert world.body(size)["until_us"] == END_US
    world.restore()
    world.clock.advance(seconds=600)
    later = world.tenant.require(intent(), audience="bank")
    with pytest.raises(KeyRingError, match="has expired"):
        world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", signatures=signed, expires_us=END_US)
    with pytest.raises(KeyRingError, match="not this person's"):
        world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", signatures=signed, expires_us=END_US + 60_000_000)
    world.tenant.redeem(later, pay(), adapter=world.tenant.adapter("bank"))


def test_it_comes_back_to_life_by_no_clock_that_is_set_back(world: World) -> None:
    signed = kept_back(world)
    world.clock.advance(seconds=600)
    world.tenant.require(intent(), audience="bank")  # the log knows that it is later now
    world.clock.advance(seconds=-600)
    with pytest.raises(KeyRingError, match="has expired"):
        world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", signatures=signed, expires_us=END_US)
    world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", keys=ANNS)


@pytest.mark.parametrize("end_us", [0, -1, NOW_US, NOW_US + 86_400_000_001, 2**63])
def test_an_end_is_a_time_within_a_day(world: World, end_us: int) -> None:
    size = world.head.size
    with pytest.raises(KeyRingError):
        world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", keys=ANNS, expires_us=end_us)
    assert world.head.size == size


def test_who_brings_a_signature_says_until_when_it_counts(world: World) -> None:
    with pytest.raises(IntentError, match="until when"):
        world.tenant.halts.revocation_digest(BOT, "taken over")
    with pytest.raises(IntentError, match="until when"):
        world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", signatures=kept_back(world))


def test_what_was_signed_in_one_generation_counts_in_no_other(world: World) -> None:
    statement = drive(world.runtime, world.context, revocation_statement(world.context, BOT, "taken over", expires_us=END_US))
    other = ANN_KEY.sign(replace(statement, generation=statement.generation + 1).digest())
    with pytest.raises(KeyRingError):
        world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", signatures=((ANN, other),), expires_us=END_US)
    ours = ANN_KEY.sign(statement.digest())
    world.tenant.halts.revoke_tokens_of(BOT, reason="taken over", signatures=((ANN, ours),), expires_us=END_US)


def test_a_revocation_goes_before_all_that_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    commit = world.runtime.storage.commit

    def committing(unit: Unit) -> object:
        seen.append(unit.first)
        return commit(unit)

    monkeypatch.setattr(world.runtime.storage, "commit", committing)
    world.tenant.halts.revoke_token(world.token, reason="leaked", keys=ANNS)
    world.tenant.halts.revoke_tokens_of(BOT, reason="leaked", keys=ANNS)
    world.tenant.tokens.withdraw("bank", reason="leaked", keys=ANNS)
    assert seen == [True, True, True]
