"""Attacks on the algorithm and the key: every token is signed as well as the attacker can, and none is honoured."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_private_key

from intended_core.errors import TokenError
from intended_core.keys.jwks import ALGORITHMS, load_public, thumbprint
from intended_core.keys.ring import KeyState
from intended_core.tokens.codec import decode_segment
from intended_core.tokens.verifier import CODES
from tests.reference.token_world import (
    NOW,
    OTHER,
    SCOPE,
    b64,
    claims,
    encode,
    forge,
    header,
    issue,
    pair,
    payload,
    record,
    redeemable,
    sign,
)


def refused(text: str | bytes, code: str, **world: object) -> None:
    with pytest.raises(TokenError) as caught:
        redeemable(text, **world)  # type: ignore[arg-type]
    assert caught.value.code == code
    assert code in CODES
    assert str(caught.value) == TokenError.PUBLIC_MESSAGE
    assert caught.value.__cause__ is None


def test_the_honest_token_is_redeemable() -> None:
    assert redeemable(issue().text).claims == claims()
    assert redeemable(issue(name="ed", algorithm="Ed25519").text, keys=(record("ed", "Ed25519"),)).claims == claims()


def test_the_forge_makes_tokens_that_pass_when_nothing_is_changed() -> None:
    assert redeemable(forge()).claims == claims()


@pytest.mark.parametrize("name", ["none", "None", "NONE", "noNE", "nOnE"])
def test_alg_none(name: str) -> None:
    start = b64(header(alg=name)) + "." + b64(payload())
    refused(start + ".", "token.header")
    refused(start + "." + b64(sign(start.encode())), "token.header")


def test_empty_signature_under_the_right_header() -> None:
    refused(forge().rsplit(".", 1)[0] + ".", "token.base64")


def _public_forms() -> dict[str, bytes]:
    key = load_der_private_key(pair("main").private_der, password=None).public_key()
    public = load_public("RS256", pair("main").public_der)
    return {
        "pem": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "pkcs1-pem": key.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        "der": public.der,
        "pkcs1-der": key.public_bytes(Encoding.DER, PublicFormat.PKCS1),
        "jwk": json.dumps(public.jwk()).encode(),
        "empty": b"",
    }


@pytest.mark.parametrize("alg", ["HS256", "RS256"])
@pytest.mark.parametrize("form", ["pem", "pkcs1-pem", "der", "pkcs1-der", "jwk", "empty"])
def test_hmac_keyed_with_the_public_key(form: str, alg: str) -> None:
    start = b64(header(alg=alg)) + "." + b64(payload())
    tag = hmac.digest(_public_forms()[form], start.encode(), hashlib.sha256)
    refused(start + "." + b64(tag), "token.header" if alg == "HS256" else "token.signature")


@pytest.mark.parametrize(
    "alg",
    ["PS384", "RS384", "RS512", "ES384", "ES256K", "EdDSA", "ed25519", "rs256", "Rs256", "RS256 ", " RS256", "RS256\x00", "R\u017f256", "",
     None, 1, True, ["RS256"], {"a": "RS256"}],
    ids=repr,
)  # fmt: skip
def test_another_spelling_of_the_algorithm(alg: object) -> None:
    head = {"alg": alg, "kid": record().kid, "typ": "authority+jwt"}
    refused(forge(encode(head)), "token.header")


def test_algorithm_member_is_missing() -> None:
    refused(forge(header(alg=None)), "token.header")


@pytest.mark.parametrize("alg", ["PS256", "ES256", "Ed25519"])
def test_algorithm_of_the_header_is_not_the_records(alg: str) -> None:
    refused(forge(header(alg=alg)), "token.algorithm")
    # The same RSA pair under a record of the other RSA algorithm (CVE-2026-48523): the header does not choose.
    refused(issue().text, "token.algorithm", keys=(record("main", "RS256", as_algorithm="PS256"),))


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_token_of_each_algorithm_holds_under_its_own_record_only(algorithm: str) -> None:
    text = issue(name="each", algorithm=algorithm).text
    assert redeemable(text, keys=(record("each", algorithm),)).claims == claims()
    for other in ALGORITHMS - {algorithm}:
        refused(text, "token.key_unknown", keys=(record("each", other),))


@pytest.mark.parametrize("spoilt", ["der", "zero r", "zero s", "r plus the order", "s is the order", "short", "long", "swapped"])
def test_es256_signatures_in_another_form(spoilt: str) -> None:
    start, _, tail = issue(name="curve", algorithm="ES256").text.rpartition(".")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    raw = decode_segment(tail.encode().translate(bytes.maketrans(b"-_", b"+/")))
    r, s = raw[:32], raw[32:]
    forms = {
        "der": encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big")),
        "zero r": bytes(32) + s,
        "zero s": r + bytes(32),
        "r plus the order": (int.from_bytes(r, "big") + order).to_bytes(33, "big")[-32:] + s,
        "s is the order": r + order.to_bytes(32, "big"),
        "short": raw[:-1],
        "long": bytes(1) + raw,
        "swapped": s + r,
    }
    refused(f"{start}.{b64(forms[spoilt])}", "token.signature", keys=(record("curve", "ES256"),))


def test_pss_with_another_salt_length() -> None:
    key = load_der_private_key(pair("pss", "PS256").private_der, password=None)
    start = (b64(header(alg="PS256", kid=record("pss", "PS256").kid)) + "." + b64(payload())).encode()
    for size, hashed in ((0, SHA256()), (20, SHA256()), (222, SHA256()), (32, SHA384())):
        tail = key.sign(start, padding.PSS(padding.MGF1(hashed), size), SHA256())  # type: ignore[union-attr, call-arg, arg-type]
        refused(start.decode() + "." + b64(tail), "token.signature", keys=(record("pss", "PS256"),))
    good = key.sign(start, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())  # type: ignore[union-attr, call-arg, arg-type]
    assert redeemable(start.decode() + "." + b64(good), keys=(record("pss", "PS256"),)).claims == claims()


def test_an_ed25519_signature_whose_s_is_not_reduced() -> None:
    start, _, tail = issue(name="ed", algorithm="Ed25519").text.rpartition(".")
    raw = decode_segment(tail.encode().translate(bytes.maketrans(b"-_", b"+/")))
    order = 2**252 + 27742317777372353535851937790883648493
    again = (int.from_bytes(raw[32:], "little") + order).to_bytes(32, "little")
    refused(f"{start}.{b64(raw[:32] + again)}", "token.signature", keys=(record("ed", "Ed25519"),))


def test_an_ed25519_key_under_the_headers_alg() -> None:
    refused(forge(header(alg="Ed25519")), "token.algorithm")
    refused(forge(header(kid=record("ed", "Ed25519").kid)), "token.algorithm", keys=(record("ed", "Ed25519"),))


def test_pss_and_other_hashes_under_an_rs256_record() -> None:
    key = load_der_private_key(pair("main").private_der, password=None)
    start = (b64(header()) + "." + b64(payload())).encode()
    pss = key.sign(start, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())  # type: ignore[union-attr, call-arg, arg-type]
    other = key.sign(start, padding.PKCS1v15(), SHA384())  # type: ignore[union-attr, call-arg, arg-type]
    refused(start.decode() + "." + b64(pss), "token.signature")
    refused(start.decode() + "." + b64(other), "token.signature")


@pytest.mark.parametrize(
    "extra",
    [
        {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
        {"jku": "file:///etc/passwd"},
        {"jku": "http://attacker.example/keys"},
        {"x5u": "https://attacker.example/cert"},
        {"x5c": ["MIIB"]},
        {"x5t#S256": "AAAA"},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": [1, 2]},
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
        {"cty": "JWT"},
        {"zip": "DEF"},
        {"enc": "A256GCM"},
        {"p2c": 2_147_483_647},
        {"__proto__": {}},
        {"__class__": "x"},
    ],
    ids=lambda extra: "+".join(extra),
)
def test_header_member_outside_the_closed_set(extra: dict[str, object]) -> None:
    refused(forge(header(**extra)), "token.header")


@pytest.mark.parametrize(
    "kid",
    [
        "../../../dev/null",
        "/etc/passwd",
        "' OR 1=1 --",
        "\x00",
        "a\x00b",
        "",
        1,
        True,
        None,
        ["k"],
        {"k": "v"},
        "A" * 42,
        "A" * 44,
        "A" * 400,
        "\u212a" * 43,
    ],
    ids=lambda kid: repr(kid)[:24],
)
def test_kid_that_is_not_a_thumbprint(kid: object) -> None:
    head = encode({"alg": "RS256", "kid": kid, "typ": "authority+jwt"})
    refused(forge(head), "token.header")


def test_kid_of_a_megabyte() -> None:
    refused(forge(header(kid="A" * 1_000_000)), "token.size")


def test_kid_of_another_tenant_with_that_tenants_signature() -> None:
    key = record("rival")
    text = forge(header(kid=key.kid), payload(tid=OTHER.uuid), name="rival")
    refused(text, "token.key_unknown")


def test_a_key_record_that_answers_to_another_kid() -> None:
    with pytest.raises(TokenError) as caught:
        from intended_core.tokens.codec import parse
        from intended_core.tokens.verifier import verify
        from tests.reference.token_world import EXPECTED

        verify(
            parse(forge(header(kid=record("rival").kid))), expected=EXPECTED, find_key=lambda _kid: record(), now_s=NOW,
            max_life_s=60, leeway_s=2,
        )  # fmt: skip
    assert caught.value.code == "token.key_unknown"


def test_a_log_key_signs_no_token() -> None:
    from dataclasses import replace

    refused(forge(), "token.key_unknown", keys=(replace(record(), purpose="log"),))


@pytest.mark.parametrize("state", [KeyState.PRE_ACTIVE, KeyState.RETIRED, KeyState.COMPROMISED])
def test_key_in_a_state_that_does_not_verify(state: KeyState) -> None:
    refused(forge(), "token.key_state", keys=(record(state=state),))


def test_previous_key_up_to_its_retire_second_and_not_at_it() -> None:
    previous = (record(state=KeyState.PREVIOUS),)
    assert redeemable(forge(), keys=previous, now=NOW + 29).claims == claims()
    refused(forge(), "token.key_state", keys=previous, now=NOW + 30)


def test_signature_by_another_key_under_the_right_kid() -> None:
    refused(forge(name="stranger"), "token.signature")


def test_the_same_key_in_two_tenants_still_names_one_tenant() -> None:
    refused(forge(None, payload(tid=OTHER.uuid)), "token.tenant")
    assert SCOPE.uuid != OTHER.uuid


@pytest.mark.parametrize("position", [0, 1, 100, 254, 255])
def test_one_bit_of_the_signature(position: int) -> None:
    start, _, tail = forge().rpartition(".")
    from intended_core.tokens.codec import decode_segment

    signature = bytearray(decode_segment(tail.encode()))
    signature[position] ^= 1
    refused(start + "." + b64(bytes(signature)), "token.signature")


@pytest.mark.parametrize("length", [1, 64, 255, 257, 512])
def test_signature_of_another_length(length: int) -> None:
    start, _, _ = forge().rpartition(".")
    refused(start + "." + b64(b"\x01" * length), "token.signature")


def test_bleichenbacher_2006_garbage_after_the_digest_is_refused_for_every_exponent_we_load() -> None:
    number = load_der_private_key(pair("main").private_der, password=None).private_numbers()  # type: ignore[union-attr]
    modulus, exponent = number.public_numbers.n, number.d  # type: ignore[union-attr]
    start = forge().rpartition(".")[0]
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(start.encode()).digest()
    for block in (
        b"\x00\x01" + b"\xff" * 8 + b"\x00" + info + b"\x00" * (256 - 11 - len(info)),
        b"\x00\x01" + b"\xff" * (252 - len(info)) + b"\x00" + info + b"\x00",
        b"\x00\x02" + b"\xff" * (253 - len(info)) + b"\x00" + info,
        b"\x00\x01" + b"\xfe" * (253 - len(info)) + b"\x00" + info,
    ):
        signature = pow(int.from_bytes(block, "big"), exponent, modulus).to_bytes(256, "big")
        refused(start + "." + b64(signature), "token.signature")


def test_kid_is_the_thumbprint_of_the_key_it_names() -> None:
    assert record().kid == thumbprint(load_public("RS256", pair("main").public_der))


def test_unknown_kid_wrong_signature_and_other_tenant_look_alike_from_outside() -> None:
    seen = set()
    for text, keys in (
        (forge(header(kid="A" * 43)), None),
        (forge(name="stranger"), None),
        (forge(None, payload(tid=OTHER.uuid)), None),
        ("x", None),
    ):
        with pytest.raises(TokenError) as caught:
            redeemable(text, keys=keys)
        seen.add((type(caught.value), str(caught.value), repr(caught.value), caught.value.args))
    assert len(seen) == 1
