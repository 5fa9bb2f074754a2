"""PyJWT as second opinion: what we issue, another library reads; what it refuses, we refuse too."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest

from intended_core.errors import TokenError
from intended_core.keys.ring import KeyRing
from tests.reference.token_world import EXPECTED, ISSUER, claims, forge, header, issue, payload, record, redeemable


def key(name: str = "main", algorithm: str = "RS256") -> Any:
    members = KeyRing([record(name, algorithm)]).jwks()["keys"][0]
    # PyJWT 2 knows the curve by its older name (RFC 8037); RFC 9864 calls it Ed25519.
    return jwt.PyJWK({**members, "alg": "EdDSA" if algorithm == "Ed25519" else algorithm})


def opinion(text: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(
        text, key().key, algorithms=["RS256"], audience=EXPECTED.audience, issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )  # fmt: skip
    return found


def test_another_library_reads_our_tokens() -> None:
    assert opinion(issue().text) == claims().to_json()
    assert jwt.get_unverified_header(issue().text) == {"alg": "RS256", "kid": record().kid, "typ": "authority+jwt"}


def test_another_library_reads_our_ed25519_signatures() -> None:
    text = issue(name="ed", algorithm="Ed25519").text
    start, _, tail = text.rpartition(".")
    verifier = jwt.algorithms.OKPAlgorithm()
    assert verifier.verify(start.encode(), key("ed", "Ed25519").key, jwt.utils.base64url_decode(tail))


def test_we_read_what_another_library_signs_in_our_form() -> None:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    from tests.reference.token_world import pair

    private = load_der_private_key(pair("main").private_der, password=None)
    start = forge().rpartition(".")[0].encode()
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(start, private)  # type: ignore[arg-type]
    assert redeemable(start + b"." + jwt.utils.base64url_encode(signature)).claims == claims()


LENIENT = {
    "duplicate audience": forge(None, payload().replace(b'"aud":', b'"aud":"evil","aud":')),
    "duplicate alg": forge(header().replace(b'{"alg"', b'{"alg":"none","alg"')),
    "embedded key": forge(header(jwk={"kty": "RSA"})),
    "any typ": forge(header(typ="at+jwt")),
    "no typ": forge(header(typ=None)),
    "kid is a path": forge(header(kid="../../dev/null")),
    "fraction in exp": forge(None, payload(exp=1800000060.5)),
    "far future": forge(None, payload(exp=10**15)),
    "several audiences": forge(None, payload(aud=["payments", "evil"])),
    "spaces in the claims": forge(None, json.dumps(claims().to_json()).encode()),
    "an unknown claim": forge(None, payload(admin=True)),
}


@pytest.mark.parametrize("name", sorted(LENIENT))
def test_where_we_are_stricter_than_the_second_opinion(name: str) -> None:
    assert opinion(LENIENT[name])
    with pytest.raises(TokenError):
        redeemable(LENIENT[name])


@pytest.mark.parametrize(
    "text",
    [forge(name="stranger"), forge(header(alg="none")), forge(header(alg="HS256")), forge(None, payload(aud="other")),
     forge(None, payload(iss="other")), forge(None, b"{"), "a.b.c", forge(header(crit=["x"]))],
)  # fmt: skip
def test_what_the_second_opinion_refuses_we_refuse(text: str) -> None:
    with pytest.raises(jwt.PyJWTError):
        opinion(text)
    with pytest.raises(TokenError):
        redeemable(text)
