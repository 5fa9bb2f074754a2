"""One tenant's keys say nothing about another's: with all that acme has, nothing of beta's is redeemed or changed."""

from __future__ import annotations

import base64
import json
from typing import cast

import pytest

from intended_core import Authority, Granted, HaltTarget, IntendedError, Settings, TenantAuthority, TokenError
from intended_core.canonical import canonical_json
from intended_core.errors import KeyRingError
from intended_core.keys.loaded import LoadedKey, load_private
from intended_core.keys.ring import private_place
from intended_core.keys.sealing import open_sealed
from intended_core.loader.registry import load_registry
from intended_core.unit import Row, RowKey
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, ENTITIES, POLICY, World, intent, pay
from tests.reference.token_world import b64


class Two:
    """acme, whose everything the attacker has, and beta, in one store under one key-encryption key."""

    def __init__(self) -> None:
        self.world = World()
        authority = Authority(runtime=self.world.runtime, settings=Settings(), registry=load_registry(), name="faults")
        self.acme: TenantAuthority = self.world.tenant
        self.beta: TenantAuthority = authority.create_tenant("beta")
        self.beta.activate({"bank.policy": POLICY})
        self.beta.put_entities(ENTITIES)
        granted = self.beta.authorize(intent(), audience="bank")
        assert isinstance(granted, Granted)
        self.token = granted.token.text

    def key(self) -> LoadedKey:
        """acme's private key, out of acme's row."""
        record = self.acme.policy().ring.active("token")
        return load_private(kek=self.world.runtime.kek, signer=self.world.signer, scope=self.acme.scope, record=record)

    def signed(self, *, kid: str, **changes: object) -> str:
        """beta's outstanding token, member for member, signed by acme's key."""
        head, body, _ = (base64.urlsafe_b64decode(part + "==") for part in self.token.split("."))
        start = b64(canonical_json({**json.loads(head), "kid": kid})) + "." + b64(canonical_json({**json.loads(body), **changes}))
        return f"{start}.{b64(self.key().sign(start.encode()))}"

    def refused(self, text: str) -> str:
        with pytest.raises(TokenError) as caught:
            self.beta.redeem(text, pay(), adapter=self.beta.adapter("bank"))
        return caught.value.code

    def rows(self, tenant: TenantAuthority) -> dict[RowKey, Row]:
        return cast("dict[RowKey, Row]", self.world.store.snapshot()[tenant.scope.key].rows)


@pytest.fixture
def two() -> Two:
    return Two()


def test_the_honest_token(two: Two) -> None:
    two.beta.redeem(two.token, pay(), adapter=two.beta.adapter("bank"))


def test_with_acmes_private_key_no_token_of_beta_verifies(two: Two) -> None:
    acme, beta = (tenant.policy().ring.active("token").kid for tenant in (two.acme, two.beta))
    assert acme != beta
    assert two.refused(two.signed(kid=acme)) == "token.key_unknown"
    assert two.refused(two.signed(kid=beta)) == "token.signature"
    assert two.refused(two.signed(kid=acme, tid=two.acme.scope.uuid)) == "token.key_unknown"
    two.beta.redeem(two.token, pay(), adapter=two.beta.adapter("bank"))


def test_acmes_own_token_is_nothing_at_beta(two: Two) -> None:
    assert two.refused(two.world.token) == "token.key_unknown"


def test_acmes_key_record_in_betas_rows_refuses_everything_and_grants_nothing(two: Two) -> None:
    """Also with a tag that acme's own row secret makes: the secret of a scope counts in that scope only."""
    kid = two.acme.policy().ring.active("token").kid
    (key,) = [key for key in two.rows(two.acme) if key.kind == "signing_key" and kid in key.key]
    row = two.rows(two.acme)[key]
    forged = two.acme.context.mac.seal_row(two.beta.scope, row.kind, row.key, row.version, row.state, row.body)
    for planted in (row, forged):
        kept = two.world.store.snapshot()
        snapshot = two.world.store.snapshot()
        cast("dict[RowKey, Row]", snapshot[two.beta.scope.key].rows)[key] = planted
        two.world.store.restore(snapshot)
        with pytest.raises(IntendedError):
            two.beta.policy()
        with pytest.raises(TokenError):
            two.beta.redeem(two.signed(kid=kid), pay(), adapter=two.beta.adapter("bank"))
        two.world.store.restore(kept)


def test_betas_sealed_key_does_not_open_in_acmes_place(two: Two) -> None:
    record = two.beta.policy().ring.active("token")
    assert record.sealed_private is not None
    with pytest.raises(IntendedError):
        load_private(kek=two.world.runtime.kek, signer=two.world.signer, scope=two.acme.scope, record=record)
    with pytest.raises(IntendedError):
        open_sealed(kek=two.world.runtime.kek, place=private_place(two.acme.scope, record.kid), blob=record.sealed_private)


def test_an_admin_of_acme_is_nobody_at_beta(two: Two) -> None:
    two.beta.register_person(ANN, BOB_KEY.public_key)  # beta's own ann, with another key
    with pytest.raises(KeyRingError):
        two.beta.halts.engage(HaltTarget("tenant"), reason="stop", keys=[(ANN, ANN_KEY)])
    kid = two.beta.policy().ring.active("token").kid
    digest = two.acme.keyring.compromise_digest(two.world.signing)
    signed = [(ANN, ANN_KEY.sign(digest)), (BOB, BOB_KEY.sign(digest))]
    with pytest.raises(KeyRingError):
        two.beta.keyring.compromise(kid, signatures=signed)
    assert two.beta.policy().ring.active("token").kid == kid


def test_a_handle_of_acme_redeems_nothing_of_betas(two: Two) -> None:
    with pytest.raises(IntendedError):
        two.beta.redeem(two.token, pay(), adapter=two.acme.adapter("bank"))
    with pytest.raises(TokenError):
        two.acme.redeem(two.token, pay(), adapter=two.acme.adapter("bank"))
