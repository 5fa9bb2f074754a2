"""What stands in the way: everything, the adapter, anybody in the chain, or when the token was issued."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.errors import TokenError, UnitRefusedError
from intended_core.flows.haltrows import NO_HALTS, Halts
from intended_core.flows.standing import check_claims, check_data, check_standing, halted_intent
from intended_core.ids import EntityRef
from intended_core.tokens.claims import TokenClaims
from tests.reference.flow_world import World, trace
from tests.reference.token_world import claims as make_claims

ROOT, SUB = EntityRef("User", "root"), EntityRef("Agent", "sub")


def claims(seq: int = 10) -> TokenClaims:
    made = make_claims()
    return replace(made, sub=SUB, act=(ROOT,), log=(1, seq, bytes(32)))


def code(halts: Halts, given: TokenClaims) -> str:
    with pytest.raises(TokenError) as caught:
        check_claims(halts, given)
    return caught.value.code


def test_nothing_stands_in_the_way() -> None:
    check_claims(NO_HALTS, claims())
    other = Halts(none=False, adapters={"other": "x"}, principals={EntityRef("Agent", "other"): "x"}, cutoffs={SUB: 10})
    check_claims(other, claims())
    assert halted_intent(other, audience="bank", principals=[SUB, ROOT]) is None


@pytest.mark.parametrize(
    "halts",
    [
        Halts(none=False, everything="stop"),
        Halts(none=False, adapters={claims().aud: "stop"}),
        Halts(none=False, principals={SUB: "stop"}),
        Halts(none=False, principals={ROOT: "stop"}),
    ],
    ids=["everything", "adapter", "principal", "root-of-the-chain"],
)
def test_a_halt_stops_intent_and_token(halts: Halts) -> None:
    assert code(halts, claims()) == "token.halted"
    outcome = halted_intent(halts, audience=claims().aud, principals=[SUB, ROOT])
    assert outcome is not None
    assert (outcome.kind, outcome.reasons[0].text) == ("halted", "stop")


@pytest.mark.parametrize("who", [SUB, ROOT])
def test_a_cut_off_revokes_what_stands_before_it(who: EntityRef) -> None:
    halts = Halts(none=False, cutoffs={who: 11})
    assert code(halts, claims(10)) == "token.revoked"
    check_claims(halts, claims(11))
    assert code(halts, replace(claims(), log=None)) == "token.revoked"


def test_the_first_record_of_a_log_is_revoked_by_nobody() -> None:
    others = Halts(none=False, cutoffs={EntityRef("Agent", "other"): 9})
    check_claims(others, claims(0))
    assert code(others, replace(claims(), log=None)) == "token.revoked", "a token without a place has none to count from"


def test_values_in_force_void_what_was_decided_before_them(world: World) -> None:
    state = world.runtime.states.get(world.context.scope, world.context.mac, fresh=True)
    check_data(replace(state, data_since=10), claims(10))
    with pytest.raises(TokenError) as caught:
        check_data(replace(state, data_since=11), claims(10))
    assert caught.value.code == "token.data"
    check_data(replace(state, data_since=11), replace(claims(), log=None))


def test_a_refusal_stands_only_on_a_state_that_is_the_newest(world: World) -> None:
    """Halted, as this process remembers it: where the store has moved on, the flow begins anew; where it has not, the refusal stands."""
    state = replace(
        world.runtime.states.get(world.context.scope, world.context.mac, fresh=True), halts=Halts(none=False, everything="stop")
    )
    seen = trace(world, check_standing(world.context, state, claims()))
    assert isinstance(seen.error, TokenError)
    assert (seen.error.code, seen.order) == ("token.halted", ["ReadHead"])
    moved = trace(world, check_standing(world.context, replace(state, guards=state.guards + 1), claims()))
    assert isinstance(moved.error, UnitRefusedError)
    assert moved.error.code == "guards_moved"
    assert trace(world, check_standing(world.context, replace(state, halts=NO_HALTS), claims())).order == []
