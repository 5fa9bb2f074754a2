"""The desk signs with the keys that it is given, or takes signatures that were made elsewhere."""

from __future__ import annotations

import pytest

from intended_core import Deny, HaltTarget
from intended_core.errors import KeyRingError
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, BOT, NOW_US, World, intent

END_US = NOW_US + 600_000_000

ALL = HaltTarget("tenant")


def test_a_key_and_a_signature_together_are_two_persons(world: World) -> None:
    desk = world.tenant.halts
    asked = desk.digest("engage", ALL, "stop")
    desk.engage(ALL, reason="stop", signatures=((ANN, ANN_KEY.sign(asked)),))
    assert isinstance(world.tenant.authorize(intent(), audience="bank"), Deny)
    elsewhere = BOB_KEY.sign(desk.digest("resume", ALL, "go on"))
    assert not desk.resume(ALL, reason="go on", keys=((ANN, ANN_KEY),), signatures=((BOB, elsewhere),)).engaged
    assert [(halt.target, halt.engaged) for halt in desk.standing()] == [(ALL, False)]


def test_a_signature_for_one_thing_is_none_for_another(world: World) -> None:
    desk = world.tenant.halts
    assert len({desk.revocation_digest(BOT, why, expires_us=END_US) for why in "xy"} | {desk.revocation_digest(str(BOT), "x")}) == 3
    with pytest.raises(KeyRingError):
        desk.revoke_tokens_of(
            BOT, reason="x", expires_us=END_US, signatures=((ANN, ANN_KEY.sign(desk.revocation_digest(str(BOT), "x"))),)
        )


def test_a_text_without_a_dot_is_a_jti(world: World) -> None:
    jti = world.tenant.halts.jti(world.token)
    assert world.tenant.halts.jti(jti) == jti
    assert world.tenant.halts.jti(world.token.encode()) == jti
