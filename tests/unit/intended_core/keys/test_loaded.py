from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.errors import KeyRingError
from intended_core.keys.jwks import load_public
from intended_core.keys.loaded import SigningKeys, load_private
from intended_core.keys.ring import KeyState
from intended_core.ports import GeneratedKey, SigningKey
from tests.reference.key_world import KEK, SIGNER, sealed_record
from tests.reference.token_world import OTHER, SCOPE, pair, record


def test_loaded_key_signs_for_its_record() -> None:
    loaded = load_private(kek=KEK, signer=SIGNER, scope=SCOPE, record=sealed_record())
    load_public("RS256", pair("main").public_der).verify(loaded.sign(b"m"), b"m")


class CountingSigner:
    def __init__(self) -> None:
        self.loads = 0

    def generate(self, algorithm: str) -> GeneratedKey:
        return SIGNER.generate(algorithm)

    def load(self, algorithm: str, private_der: bytes) -> SigningKey:
        self.loads += 1
        return SIGNER.load(algorithm, private_der)


def test_loaded_keys_are_kept_bounded_and_by_version() -> None:
    signer = CountingSigner()
    keys = SigningKeys(kek=KEK, signer=signer, max_keys=2)
    one = sealed_record("main")
    assert keys.get(SCOPE, one) is keys.get(SCOPE, one)
    assert signer.loads == 1
    keys.get(SCOPE, replace(one, version=2))
    assert signer.loads == 2
    keys.get(SCOPE, sealed_record("next"))
    keys.get(SCOPE, one)
    assert signer.loads == 4
    keys.forget()
    keys.get(SCOPE, one)
    assert signer.loads == 5


def test_a_cached_key_does_not_serve_another_tenant_or_state() -> None:
    keys = SigningKeys(kek=KEK, signer=SIGNER)
    one = sealed_record("main")
    keys.get(SCOPE, one)
    with pytest.raises(KeyRingError):
        keys.get(OTHER, one)
    for state in (KeyState.PRE_ACTIVE, KeyState.PREVIOUS, KeyState.RETIRED, KeyState.COMPROMISED):
        with pytest.raises(KeyRingError):
            keys.get(SCOPE, record(state=state))


def test_a_cache_of_none_is_refused() -> None:
    with pytest.raises(KeyRingError):
        SigningKeys(kek=KEK, signer=SIGNER, max_keys=0)
