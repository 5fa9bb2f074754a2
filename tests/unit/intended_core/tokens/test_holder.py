"""The holder's key: how it is named, what a proof carries, and that nothing secret shows."""

from __future__ import annotations

import hashlib
import json
import pickle

import pytest

from intended_core.canonical import unb64url
from intended_core.clock import SystemRandomness
from intended_core.errors import KeyRingError, TokenError
from intended_core.keys.jwks import load_public, thumbprint
from intended_core.tokens.holder import CertificateProof, DpopProof, HolderKey, LocalHolderKey
from tests.reference.token_world import pair

CERTIFICATE = b"\x30\x03\x02\x01\x05"


def test_a_jwk_is_named_by_its_thumbprint() -> None:
    key = load_public("ES256", pair("holder", "ES256").public_der)
    named = HolderKey.of_jwk(key.jwk(), algorithm="ES256")
    assert (named.method, named.thumbprint) == ("jkt", unb64url(thumbprint(key)))
    assert named.to_json() == {"jkt": thumbprint(key)}
    with pytest.raises(KeyRingError):
        HolderKey.of_jwk({**key.jwk(), "d": "AA"}, algorithm="ES256")
    with pytest.raises(KeyRingError):
        HolderKey.of_jwk(key.jwk(), algorithm="Ed25519")


def test_a_certificate_is_named_by_its_digest() -> None:
    named = HolderKey.of_certificate(CERTIFICATE)
    assert (named.method, named.thumbprint) == ("x5t#S256", hashlib.sha256(CERTIFICATE).digest())
    assert CertificateProof(der=CERTIFICATE).thumbprint() == named.thumbprint
    for bad in (b"", b"-----BEGIN CERTIFICATE-----", "MAMCAQU=", bytearray(CERTIFICATE), b"\x30" * 70_000, None):
        with pytest.raises(KeyRingError):
            HolderKey.of_certificate(bad)  # type: ignore[arg-type]
        with pytest.raises(KeyRingError):
            CertificateProof(der=bad).thumbprint()  # type: ignore[arg-type]


def test_a_confirmation_claim_is_read_back_and_in_one_form_only() -> None:
    named = HolderKey(method="jkt", thumbprint=b"\x07" * 32)
    assert HolderKey.from_json(named.to_json()) == named
    text = named.to_json()["jkt"]
    for bad in (None, [], {}, {"jkt": text, "x5t#S256": text}, {"jkt": text[:-1]}, {"jkt": text + "="}, {"jkt": 7},
                {"kid": text}, {"jwk": {}}, {"jkt": ""}, text):  # fmt: skip
        with pytest.raises(TokenError) as caught:
            HolderKey.from_json(bad)
        assert caught.value.code == "token.claims_type"


@pytest.mark.parametrize("members", [{"method": "kid"}, {"thumbprint": b"short"}, {"thumbprint": "x" * 32}, {"method": None}], ids=str)
def test_a_name_of_another_shape(members: dict[str, object]) -> None:
    with pytest.raises(KeyRingError):
        HolderKey(**({"method": "jkt", "thumbprint": b"\x07" * 32} | members))  # type: ignore[arg-type]


def test_a_local_key_proves_and_hides() -> None:
    key = LocalHolderKey.generate(SystemRandomness())
    jwt = key.prove("a.b.c", method="POST", url="https://x/", now_s=5, randomness=SystemRandomness(), nonce="n")
    head, body, _ = jwt.split(".")
    assert json.loads(unb64url(head)) == {"alg": "Ed25519", "jwk": key.jwk, "typ": "dpop+jwt"}
    claims = json.loads(unb64url(body))
    assert (claims["htm"], claims["htu"], claims["iat"], claims["nonce"]) == ("POST", "https://x/", 5, "n")
    assert key.holder == HolderKey.of_jwk(key.jwk, algorithm="Ed25519")
    assert "hidden" in repr(key)
    assert jwt not in repr(DpopProof(jwt=jwt, method="POST", url="https://x/"))
    with pytest.raises(TypeError):
        pickle.dumps(key)


def test_too_little_randomness_makes_no_key() -> None:
    class Short:
        def token_bytes(self, size: int) -> bytes:
            return b"x"

    with pytest.raises(KeyRingError):
        LocalHolderKey.generate(Short())
