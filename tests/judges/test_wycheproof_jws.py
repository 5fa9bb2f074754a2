"""Project Wycheproof judges the token parser: JSON Web Signatures, valid and hostile, of other people's making.

Two questions. Does any of the 401 pass our parser? None may: none is one of our tokens. And where our strict base64url
and RS256 check are asked the same question as the vector (is this a good RS256 signature of these two segments?), do
they give the labelled answer? Each difference stands in `DIFFERENCES` with its reason.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from intended_core.errors import KeyRingError, TokenError
from intended_core.keys.jwks import public_from_jwk
from intended_core.tokens.codec import decode_segment, parse, split

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "wycheproof"
VECTORS = FOLDER / "json_web_signature_test.json"
TO_URL = bytes.maketrans(b"+/", b"-_")

# tcId -> why our answer is not the label's
DIFFERENCES = {
    259: "an empty payload is a JWS, but never a token: empty segments are refused",
    272: "an empty payload is a JWS, but never a token: empty segments are refused",
    346: "the label takes PS384 under a key whose alg is PS256 (the file's own slip): the algorithm is the key's",
    350: "the label takes PS384 under a key whose alg is PS256 (the file's own slip): the algorithm is the key's",
    353: "the label refuses the key's `use: enc`; our key records have no such member, the key itself is sound",
    355: "the label refuses the key's `key_ops`; our key records have no such member, the key itself is sound",
    367: "the file's text has lost its padding and equals the valid test 357; with padding we refuse (see below)",
    370: "the file's text has lost its padding and equals the valid test 357; with padding we refuse (see below)",
    372: "a stray '?' in base64url is ignored by the label; RFC 7515 § 2 has no such character, so it is refused",
    373: "a stray '?' in base64url is ignored by the label; RFC 7515 § 2 has no such character, so it is refused",
}


@cache
def groups() -> list[dict[str, Any]]:
    if not VECTORS.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the vectors are required in CI: {VECTORS.name}")
        pytest.skip(f"the vectors are not beside this checkout: {VECTORS.name}")
    found: list[dict[str, Any]] = json.loads(VECTORS.read_text())["testGroups"]
    return found


def test_no_foreign_token_has_our_form() -> None:
    tests = [test for group in groups() for test in group["tests"]]
    assert len(tests) == 401
    for test in tests:
        jws = test["jws"]
        text = jws if isinstance(jws, str) else json.dumps(jws)
        with pytest.raises(TokenError) as caught:
            parse(text)
        assert caught.value.code in {"token.size", "token.base64", "token.segments", "token.header"}, test["tcId"]


@pytest.mark.parametrize(("name", "tests"), [("json_web_key_test.json", 26), ("json_web_crypto_test.json", 83)])
def test_no_confused_key_set_makes_a_token_of_our_form(name: str, tests: int) -> None:
    groups()
    found = [test for group in json.loads((FOLDER / name).read_text())["testGroups"] for test in group["tests"]]
    assert len(found) == tests
    for test in found:
        text = test.get("jws", test.get("jwe"))
        with pytest.raises(TokenError):
            parse(text if isinstance(text, str) else json.dumps(text))


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def segments(jws: Any) -> tuple[bytes, bytes, bytes, bytes]:
    """Header, payload, signature and signing input under our strict form; raises TokenError."""
    if not isinstance(jws, str) or not jws.isascii():
        raise TokenError("token.base64")
    head, body, tail = (decode_segment(part.translate(TO_URL)) for part in split(jws.encode()))
    return head, body, tail, jws.rpartition(".")[0].encode()


def holds(algorithm: str, jws: Any, jwk: dict[str, str]) -> bool:
    try:
        head, _, tail, signed = segments(jws)
        header = json.loads(head)
        if header.get("alg") != algorithm or "crit" in header:
            return False
        members = {name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk}
        public_from_jwk(algorithm, members).verify(tail, signed)
    except (TokenError, KeyRingError, ValueError):
        return False
    return True


def hs256(jws: Any, secret: bytes) -> bool:
    try:
        head, _, tail, signed = segments(jws)
        return json.loads(head).get("alg") == "HS256" and hmac.compare_digest(
            hmac.digest(secret, signed, "sha256"), tail
        )
    except (TokenError, ValueError):
        return False


def judge(test: dict[str, Any], answer: bool) -> None:
    label = test["result"] == "valid"
    if test["tcId"] in DIFFERENCES:
        assert answer != label, f"{test['tcId']} no longer differs: take it off the table"
    else:
        assert answer == label, f"{test['tcId']}: {test['comment']}"


def test_rs256_signatures_have_the_labelled_answer() -> None:
    judged = 0
    for group in groups():
        jwk = group.get("public") or {}
        if jwk.get("kty") == "RSA" and jwk.get("alg", "RS256") == "RS256":
            for test in group["tests"]:
                judge(test, holds("RS256", test["jws"], jwk))
                judged += 1
    assert judged == 235


@pytest.mark.parametrize(("algorithm", "kind", "tests"), [("PS256", "RSA", 50), ("ES256", "EC", 39)])
def test_signatures_of_the_other_algorithms_have_the_labelled_answer(algorithm: str, kind: str, tests: int) -> None:
    judged = 0
    for group in groups():
        jwk = group.get("public") or {}
        if (jwk.get("kty"), jwk.get("alg")) == (kind, algorithm):
            for test in group["tests"]:
                judge(test, holds(algorithm, test["jws"], jwk))
                judged += 1
    assert judged == tests


def test_the_strict_form_of_segments_has_the_labelled_answer() -> None:
    judged = 0
    for group in groups():
        if group["comment"] == "base64":
            for test in group["tests"]:
                judge(test, hs256(test["jws"], number(group["private"]["k"]).to_bytes(32, "big")))
                judged += 1
    assert judged == 21


def test_the_two_padding_vectors_as_they_were_meant() -> None:
    found = {test["tcId"]: test for group in groups() for test in group["tests"]}
    valid = found[357]["jws"]
    assert found[367]["jws"] == found[370]["jws"] == valid
    head, body, tail = valid.split(".")
    for padded in (f"{head}.{body}==.{tail}", f"{head}.{body}.{tail}=", f"{head}.{body}=.{tail}"):
        with pytest.raises(TokenError):
            segments(padded)
