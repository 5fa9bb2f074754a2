"""Two authorities on one store, as two processes would be: what one changes, the other notices before it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.world import AUDIENCE, NOW_US, POLICY, intent, make_tenant
from intended_core import Authority, Deny, Entity, EntityRef, Granted, ManualClock, TenantAuthority, TokenError


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[TenantAuthority, TenantAuthority]]:
    (tmp_path / "data").mkdir()
    (tmp_path / "keys").mkdir()
    store, kek = tmp_path / "data" / "a.db", tmp_path / "keys" / "kek"
    with Authority.create(store, key_file=kek, clock=ManualClock(NOW_US), durability="normal") as first:
        tenant = make_tenant(first)
        with Authority.open(store, key_file=kek, clock=ManualClock(NOW_US), durability="normal") as second:
            yield tenant, second.tenant("acme")


def test_a_token_of_a_new_policy_and_a_new_key_is_redeemed_by_the_other(pair: tuple[TenantAuthority, TenantAuthority]) -> None:
    one, two = pair
    assert isinstance(two.authorize(intent(), audience=AUDIENCE), Granted)
    one.activate({"p.policy": POLICY.replace("risk: Int", "risk: Int, extra?: Int")})
    one.rotate_keys()
    token = one.require(intent(), audience=AUDIENCE)
    assert two.redeem(token, intent().call(), adapter=two.adapter(AUDIENCE)).call.action == "transfer"
    with pytest.raises(TokenError):
        one.redeem(token, intent().call(), adapter=one.adapter(AUDIENCE))


def test_an_intent_of_a_new_schema_is_understood_by_the_other(pair: tuple[TenantAuthority, TenantAuthority]) -> None:
    one, two = pair
    wider = replace(intent(), context={"risk": 1, "extra": 2})
    found = two.authorize(wider, audience=AUDIENCE)
    assert isinstance(found, Deny)
    assert found.kind == "intent_invalid"
    one.activate({"p.policy": POLICY.replace("risk: Int", "risk: Int, extra?: Int")})
    assert isinstance(two.authorize(wider, audience=AUDIENCE), Granted)


def test_a_forbid_that_one_activates_binds_the_other_at_once(pair: tuple[TenantAuthority, TenantAuthority]) -> None:
    one, two = pair
    token = two.require(intent(), audience=AUDIENCE)
    one.activate({"p.policy": POLICY + '@id("now") forbid now_ { action == transfer; when true; }'})
    found = two.authorize(intent(), audience=AUDIENCE)
    assert isinstance(found, Deny)
    assert (found.kind, found.rules) == ("forbid", ("now",))
    with pytest.raises(TokenError):
        two.redeem(token, intent().call(), adapter=two.adapter(AUDIENCE))


def test_an_entity_that_one_changes_decides_at_the_other(pair: tuple[TenantAuthority, TenantAuthority]) -> None:
    one, two = pair
    assert isinstance(two.authorize(intent(), audience=AUDIENCE), Granted)
    one.put_entities([Entity(ref=EntityRef("Payee", "p1"), attributes={"verified": False})])
    found = two.authorize(intent(), audience=AUDIENCE)
    assert isinstance(found, Deny)
    assert found.kind == "default"
