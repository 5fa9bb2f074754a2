from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from intended_core.errors import KeyRingError
from intended_core.keys.jwks import ALGORITHMS, ed25519_public, jwk_set, load_public, public_from_jwk, thumbprint
from tests.reference.token_world import pair, sign

# RFC 7638 § 3.1
RFC_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5Js"
    "GY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
    "bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)
RFC_THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def der(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]


def test_thumbprint_of_the_rfcs_key() -> None:
    number = int.from_bytes(base64.urlsafe_b64decode(RFC_N + "=="), "big")
    key = load_public("RS256", der(rsa.RSAPublicNumbers(65537, number).public_key()))
    assert key.jwk() == {"kty": "RSA", "n": RFC_N, "e": "AQAB"}
    assert thumbprint(key) == RFC_THUMBPRINT


def test_thumbprint_of_rfc_8037s_key() -> None:
    raw = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    assert thumbprint(ed25519_public(raw)) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_good_signature_holds_and_others_raise() -> None:
    for algorithm in ALGORITHMS:
        key = load_public(algorithm, pair("main", algorithm).public_der)
        signature = sign(b"message", "main", algorithm)
        key.verify(signature, b"message")
        for bad, message in (
            (signature, b"massage"),
            (signature[:-1], b"message"),
            (b"", b"message"),
            (signature + b"x", b"message"),
        ):
            with pytest.raises(KeyRingError):
                key.verify(bad, message)


@pytest.mark.parametrize(
    "key",
    [
        rsa.RSAPublicNumbers(3, rsa.generate_private_key(65537, 2048).public_key().public_numbers().n).public_key(),
        rsa.generate_private_key(65537, 3072).public_key(),
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
    ],
    ids=["small exponent", "3072 bits", "elliptic curve", "ed25519"],
)
def test_keys_that_are_not_rs256(key: object) -> None:
    with pytest.raises(KeyRingError):
        load_public("RS256", der(key))


@pytest.mark.parametrize("algorithm", ["HS256", "none", "EdDSA", "PS384", "ES256", "Ed25519", ""])
def test_algorithms_outside_the_list(algorithm: str) -> None:
    with pytest.raises(KeyRingError):
        load_public(algorithm, pair("main").public_der)


@pytest.mark.parametrize("bad", [b"", b"\x30", b"x" * 2000], ids=["empty", "cut", "huge"])
def test_bytes_that_are_no_key(bad: bytes) -> None:
    with pytest.raises(KeyRingError):
        load_public("RS256", bad)


def test_trailing_bytes_after_a_key() -> None:
    with pytest.raises(KeyRingError):
        load_public("RS256", pair("main").public_der + b"\x00")


SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000080",
]


@pytest.mark.parametrize("raw", SMALL_ORDER)
def test_points_under_which_anybody_can_sign(raw: str) -> None:
    with pytest.raises(KeyRingError):
        ed25519_public(bytes.fromhex(raw))
    with pytest.raises(KeyRingError):
        load_public("Ed25519", bytes.fromhex("302a300506032b6570032100" + raw))


def test_ed25519_length() -> None:
    for size in (0, 31, 33, 64):
        with pytest.raises(KeyRingError):
            ed25519_public(b"\x05" * size)


def test_key_set_has_public_members_only() -> None:
    key = load_public("RS256", pair("main").public_der)
    found = jwk_set([("k1", key, 5, None), ("k2", key, 6, 9)])["keys"]
    assert [set(entry) for entry in found] == [
        {"kty", "n", "e", "kid", "alg", "use", "nbf"},
        {"kty", "n", "e", "kid", "alg", "use", "nbf", "exp"},
    ]
    assert (found[1]["nbf"], found[1]["exp"], found[1]["alg"]) == (6, 9, "RS256")


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_key_is_read_back_from_its_jwk(algorithm: str) -> None:
    key = load_public(algorithm, pair("main", algorithm).public_der)
    assert public_from_jwk(algorithm, key.jwk()).der == key.der
    for other in ALGORITHMS - {algorithm}:
        if key.jwk()["kty"] == "RSA" and other in ("RS256", "PS256"):
            continue
        with pytest.raises(KeyRingError):
            public_from_jwk(other, key.jwk())


def _spoilt_jwks() -> dict[str, tuple[str, object]]:
    rsa_, curve, edwards = (load_public(a, pair("main", a).public_der).jwk() for a in ("RS256", "ES256", "Ed25519"))
    return {
        "private exponent": ("RS256", {**rsa_, "d": "AQAB"}),
        "private scalar": ("ES256", {**curve, "d": curve["x"]}),
        "a kid beside it": ("Ed25519", {**edwards, "kid": "a"}),
        "symmetric": ("RS256", {"kty": "oct", "k": "AAAA"}),
        "leading zero": ("RS256", {**rsa_, "n": "AA" + rsa_["n"]}),
        "small exponent": ("RS256", {**rsa_, "e": "Aw"}),
        "short modulus": ("RS256", {**rsa_, "n": rsa_["n"][:100]}),
        "padding": ("Ed25519", {**edwards, "x": edwards["x"] + "="}),
        "off the curve": ("ES256", {**curve, "y": curve["x"]}),
        "short coordinate": ("ES256", {**curve, "x": curve["x"][:40]}),
        "another curve": ("ES256", {**curve, "crv": "P-384"}),
        "x448": ("Ed25519", {**edwards, "crv": "Ed448"}),
        "weak point": ("Ed25519", {**edwards, "x": "A" * 43}),
        "a number": ("Ed25519", {**edwards, "x": 5}),
        "a list": ("Ed25519", [edwards]),
        "nothing": ("Ed25519", {}),
        "kty is missing": ("Ed25519", {"crv": "Ed25519", "x": edwards["x"]}),
    }


@pytest.mark.parametrize("name", sorted(_spoilt_jwks()))
def test_a_jwk_that_is_not_the_one_spelling_of_a_public_key(name: str) -> None:
    algorithm, jwk = _spoilt_jwks()[name]
    with pytest.raises(KeyRingError):
        public_from_jwk(algorithm, jwk)


def test_an_elliptic_curve_key_in_another_spelling_or_curve() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    compressed = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point
    for bad in (compressed, der(ec.generate_private_key(ec.SECP384R1()).public_key())):
        with pytest.raises(KeyRingError):
            load_public("ES256", bad)
    assert load_public("ES256", der(key)).jwk()["crv"] == "P-256"
