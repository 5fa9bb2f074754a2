"""The tokens desk: public keys only, and receipts."""

from __future__ import annotations

from intended_core import Deny, read_receipt
from intended_core.desks.tokens import TokensDesk
from tests.reference.flow_world import CLOSED, World, intent


def test_the_key_set_holds_what_verifies_and_nothing_private(world: World) -> None:
    desk = world.tenant.tokens
    assert isinstance(desk, TokensDesk)
    first = desk.jwks()["keys"]
    assert [sorted(key) for key in first] == [["alg", "e", "kid", "kty", "n", "nbf", "use"]]
    world.tenant.rotate_keys(algorithm="Ed25519")
    both = {key["alg"]: key for key in desk.jwks()["keys"]}
    assert both.keys() == {"RS256", "Ed25519"}
    assert "exp" in both["RS256"]
    assert "exp" not in both["Ed25519"]
    assert not {"d", "p", "q", "k"} & {name for key in both.values() for name in key}


def test_a_key_that_is_retired_or_of_the_log_is_not_in_it(world: World) -> None:
    world.tenant.rotate_keys()
    world.clock.advance(seconds=3600)
    world.tenant.rotate_keys()
    kids = {record.kid for record in world.tenant.policy().ring.records if record.purpose == "log" or record.state.value == "RETIRED"}
    assert len(kids) >= 2
    assert not kids & {key["kid"] for key in world.tenant.tokens.jwks()["keys"]}


def test_a_receipt_is_read_with_them(world: World) -> None:
    outcome = world.tenant.authorize(intent(account=CLOSED), audience="bank")
    assert isinstance(outcome, Deny)
    assert read_receipt(world.tenant.tokens.receipt(outcome).text, world.tenant.tokens.jwks()).cls == "forbid"
