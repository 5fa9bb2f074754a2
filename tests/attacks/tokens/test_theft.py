"""A stolen token whose holder is bound to a key: no proof, another's proof, a spoilt proof. None is honoured, and the nonce stays unspent."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from intended_core import CertificateProof, Granted, HolderKey, LocalHolderKey, SystemRandomness, TokenError
from intended_core.tokens.proof import CODES
from tests.reference.flow_world import NOW_US, World, intent, pay
from tests.reference.proof_world import CERTIFICATE, HOLDER, KEY, NOW, URL, bound, check, dpop, proven
from tests.reference.token_world import b64, encode


def refused(code: str, proof: object, holder: HolderKey = HOLDER) -> None:
    token, text = bound(holder)
    with pytest.raises(TokenError) as caught:
        check(token, text, proof)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert code in CODES
    assert str(caught.value) == TokenError.PUBLIC_MESSAGE


def text_of(holder: HolderKey = HOLDER) -> str:
    return bound(holder)[1]


def test_no_proof() -> None:
    refused("token.proof_missing", None)


def test_a_proof_by_another_key() -> None:
    refused("token.proof_key", dpop(text_of(), signer="thief"))


def test_a_proof_that_names_the_holders_key_and_is_signed_by_another() -> None:
    refused("token.proof_signature", dpop(text_of(), signer="thief", head={"jwk": KEY.jwk()}))


@pytest.mark.parametrize(
    ("code", "members"),
    [
        ("token.proof_request", {"htm": "GET"}),
        ("token.proof_request", {"htm": "post"}),
        ("token.proof_request", {"htu": "https://evil.example/pay"}),
        ("token.proof_request", {"htu": URL + "/"}),
        ("token.proof_request", {"htu": URL + "?a=1"}),
        ("token.proof_request", {"htu": URL + "#x"}),
        ("token.proof_request", {"htu": URL.upper()}),
        ("token.proof_time", {"iat": NOW - 3600}),
        ("token.proof_time", {"iat": NOW + 60}),
        ("token.proof_time", {"iat": 0}),
        ("token.proof_token", {"ath": b64(bytes(32))}),
        ("token.proof_token", {"ath": ""}),
        ("token.proof_token", {"ath": "\u00e9"}),
        ("token.proof_nonce", {"nonce": "made-up"}),
        ("token.proof_form", {"iat": True}),
        ("token.proof_form", {"iat": str(NOW)}),
        ("token.proof_form", {"iat": None}),
        ("token.proof_form", {"jti": "short"}),
        ("token.proof_form", {"jti": "x" * 129}),
        ("token.proof_form", {"jti": 1234567890}),
        ("token.proof_form", {"jti": "with a space"}),
        ("token.proof_form", {"ath": ...}),
        ("token.proof_form", {"htm": ...}),
        ("token.proof_form", {"htu": ...}),
        ("token.proof_form", {"iat": ...}),
        ("token.proof_form", {"jti": ...}),
        ("token.proof_form", {"exp": NOW + 5}),
        ("token.proof_form", {"htu": [URL]}),
    ],
    ids=str,
)
def test_a_proof_for_something_else(code: str, members: dict[str, object]) -> None:
    refused(code, dpop(text_of(), **members))


@pytest.mark.parametrize(
    "head",
    [
        {"alg": "none"}, {"alg": "HS256"}, {"alg": "EdDSA"}, {"alg": "RS256"}, {"alg": ["ES256"]}, {"alg": ...}, {"typ": "JWT"},
        {"typ": "authority+jwt"}, {"typ": ...}, {"typ": "DPoP+jwt"}, {"jwk": ...}, {"jwk": "x"}, {"jwk": {"kty": "oct", "k": "AA"}},
        {"jwk": {**KEY.jwk(), "d": "AA"}}, {"kid": "x"}, {"crit": []}, {"b64": False}, {"x5c": ["x"]},
    ],
    ids=lambda head: "+".join(f"{name}={'key' if isinstance(value, dict) and 'd' in value else value}" for name, value in head.items()),
)  # fmt: skip
def test_a_proof_with_another_header(head: dict[str, object]) -> None:
    refused("token.proof_form", dpop(text_of(), head=head))


def _doubled(name: str) -> bytes:
    return encode({"alg": "ES256", "jwk": KEY.jwk(), "typ": "dpop+jwt"}).replace(f'"{name}"'.encode(), f'"{name}":"x","{name}"'.encode(), 1)


def test_members_that_stand_twice() -> None:
    for name in ("alg", "typ", "jwk"):
        refused("token.proof_form", dpop(text_of(), head=_doubled(name)))
    good = json.loads(base64.urlsafe_b64decode(dpop(text_of()).jwt.split(".")[1] + "=="))
    for name in good:
        body = encode(good).replace(f'"{name}"'.encode(), f'"{name}":"x","{name}"'.encode(), 1)
        refused("token.proof_form", dpop(text_of(), body=body))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda jwt: "", lambda jwt: jwt + ".", lambda jwt: "." + jwt, lambda jwt: jwt.rpartition(".")[0] + ".",
        lambda jwt: jwt + "=", lambda jwt: jwt + "\n", lambda jwt: jwt.replace(".", "..", 1), lambda jwt: jwt + "." + jwt,
        lambda jwt: "x" * 5000, lambda jwt: jwt.encode(), lambda jwt: None, lambda jwt: "\u00e9" + jwt, lambda jwt: [jwt],
    ],
)  # fmt: skip
def test_a_proof_in_another_form(spoil: object) -> None:
    proof = dpop(text_of())
    refused("token.proof_form", replace(proof, jwt=spoil(proof.jwt)))  # type: ignore[operator]


@pytest.mark.parametrize("body", [b"[]", b"null", b"{", b"\xef\xbb\xbf{}", b'{"iat":1e3}', b"[" * 2000, b'{"a":"\xff"}'])
def test_a_proof_whose_claims_are_no_object(body: bytes) -> None:
    refused("token.proof_form", dpop(text_of(), body=body))


def test_a_host_that_gives_a_url_with_a_query() -> None:
    proof = replace(dpop(text_of(), htu=URL + "?a=1"), url=URL + "?a=1")
    refused("token.proof_request", proof)


@pytest.mark.parametrize("given", [{"url": None}, {"url": b"https://bank.example/pay"}, {"method": None}, {"nonce": 5}], ids=str)
def test_a_host_that_gives_no_text(given: dict[str, object]) -> None:
    token, text = bound(HOLDER)
    with pytest.raises(TokenError):
        check(token, text, replace(dpop(text), **given))  # type: ignore[arg-type]


def test_the_nonce_that_the_host_asked_for() -> None:
    token, text = bound(HOLDER)
    check(token, text, dpop(text, nonce="n-1", asked="n-1"))
    refused("token.proof_nonce", dpop(text, asked="n-1"))
    refused("token.proof_nonce", dpop(text, nonce="n-0", asked="n-1"))
    refused("token.proof_nonce", dpop(text, nonce=None, asked=None))


def test_one_method_does_not_stand_for_the_other() -> None:
    certificate = HolderKey.of_certificate(CERTIFICATE)
    refused("token.proof_key", CertificateProof(der=CERTIFICATE))
    refused("token.proof_key", dpop(text_of(certificate)), certificate)
    same_bytes = HolderKey(method="jkt", thumbprint=certificate.thumbprint)
    refused("token.proof_key", CertificateProof(der=CERTIFICATE), same_bytes)


def test_another_certificate_and_what_a_client_sends_as_a_header() -> None:
    holder = HolderKey.of_certificate(CERTIFICATE)
    refused("token.proof_key", CertificateProof(der=CERTIFICATE + b"\x00"), holder)
    for header in ("MAMCAQU=", b"-----BEGIN CERTIFICATE-----\nMAMCAQU=", b"", None):
        refused("token.proof_form", CertificateProof(der=header), holder)  # type: ignore[arg-type]
    refused("token.proof_form", {"der": CERTIFICATE}, holder)
    refused("token.proof_form", "MAMCAQU=", holder)


# -- through the authority ---------------------------------------------------------------------------------------------------------------


def stolen(world: World) -> tuple[LocalHolderKey, str]:
    """A token of a holder that is bound to its key."""
    key = LocalHolderKey.generate(SystemRandomness())
    granted = world.tenant.authorize(intent(), audience="bank", holder=key.holder)
    assert isinstance(granted, Granted)
    return key, granted.token.text


def prove(key: LocalHolderKey, token: str, **changes: object) -> object:
    given = {"method": "POST", "url": URL, "now_s": NOW_US // 1_000_000, "randomness": SystemRandomness(), **changes}
    return proven(key.prove(token, **given))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_a_stolen_token_stays_unspent_until_its_holder_comes(world: World) -> None:
    world.restore()
    key, token = stolen(world)
    thief = LocalHolderKey.generate(SystemRandomness())
    adapter = world.tenant.adapter("bank")
    for proof, code in ((None, "missing"), (prove(thief, token), "key"), (prove(key, token, url="https://evil.example/"), "request"),
                        (prove(key, world.token), "token")):  # fmt: skip
        size = world.head.size
        with pytest.raises(TokenError) as caught:
            world.tenant.redeem(token, pay(), adapter=adapter, proof=proof)  # type: ignore[arg-type]
        assert caught.value.code == f"token.proof_{code}"
        assert world.kinds(size) == ["token.refused"]
        assert world.body()["code"] == f"token.proof_{code}"
    redeemed = world.tenant.redeem(token, pay(), adapter=adapter, proof=prove(key, token))  # type: ignore[arg-type]
    assert redeemed.claims.cnf == key.holder
    world.check()


def test_a_proof_that_was_used_is_spent_with_its_token(world: World) -> None:
    world.restore()
    key, token = stolen(world)
    _, other = stolen(world)
    adapter, proof = world.tenant.adapter("bank"), prove(key, token)
    world.tenant.redeem(token, pay(), adapter=adapter, proof=proof)  # type: ignore[arg-type]
    for again, code in ((token, "token.replayed"), (other, "token.proof_key")):
        with pytest.raises(TokenError) as caught:
            world.tenant.redeem(again, pay(), adapter=adapter, proof=proof)  # type: ignore[arg-type]
        assert caught.value.code == code
    twin = world.tenant.authorize(intent(), audience="bank", holder=key.holder)
    assert isinstance(twin, Granted)
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(twin.token, pay(), adapter=adapter, proof=proof)  # type: ignore[arg-type]
    assert caught.value.code == "token.proof_token"


def test_a_bearer_token_does_not_pass_where_a_bound_one_is_expected(world: World) -> None:
    world.restore()
    key, _ = stolen(world)
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"), proof=prove(key, world.token))  # type: ignore[arg-type]
    assert caught.value.code == "token.proof_unasked"


def test_the_binding_cannot_be_taken_off_a_token(world: World) -> None:
    world.restore()
    _, token = stolen(world)
    head, body, tail = token.split(".")
    members = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    del members["cnf"]
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(f"{head}.{b64(encode(members))}.{tail}", pay(), adapter=world.tenant.adapter("bank"))
    assert caught.value.code == "token.signature"
