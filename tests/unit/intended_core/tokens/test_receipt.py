"""Receipts: one spelling, a media type of their own, read offline; nothing else passes for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from intended_core.errors import KeyRingError, TokenError
from intended_core.keys.ring import KeyRing
from intended_core.tokens.codec import parse
from intended_core.tokens.receipt import Receipt, SignedReceipt, read_receipt, receipt_input, release_receipt
from tests.reference.token_world import NOW, SCOPE, b64, encode, forge, issue, record, sign

RECEIPT = Receipt(
    iss="auth", tid=SCOPE.uuid, env="live", iat=NOW, out="deny", cls="forbid", apr="", sub='User::"ann"', action="pay",
    resource='Account::"a"', rul=("closed",), ith=bytes(32), pol=None, log=(1, 7, b"\x03" * 32),
)  # fmt: skip


def jwks(algorithm: str = "RS256") -> dict[str, Any]:
    return KeyRing([record("main", algorithm)]).jwks()


def made(receipt: Receipt = RECEIPT, algorithm: str = "RS256") -> str:
    key = record("main", algorithm)
    unsigned = receipt_input(receipt, kid=key.kid, algorithm=algorithm)
    return release_receipt(unsigned, sign(unsigned, "main", algorithm), key.public_key()).text


def spoilt(head: dict[str, Any] | None = None, body: bytes | None = None) -> str:
    first = {"alg": "RS256", "kid": record().kid, "typ": "decision-receipt+jwt"} | (head or {})
    start = b64(encode(first)) + "." + b64(RECEIPT.canonical() if body is None else body)
    return start + "." + b64(sign(start.encode()))


def refused(text: object, code: str, keys: Any = None) -> None:
    with pytest.raises(TokenError) as caught:
        read_receipt(text, jwks() if keys is None else keys)  # type: ignore[arg-type]
    assert caught.value.code == f"receipt.{code}"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "Ed25519"])
def test_what_is_signed_is_read_back(algorithm: str) -> None:
    assert read_receipt(made(algorithm=algorithm), jwks(algorithm)) == RECEIPT
    assert read_receipt(made(algorithm=algorithm).encode(), jwks(algorithm)) == RECEIPT


def test_an_escalation() -> None:
    waiting = replace(RECEIPT, out="escalate", cls="", apr="A" * 22)
    assert read_receipt(made(waiting), jwks()) == waiting


def test_no_redeem_takes_a_receipt_and_no_reader_a_token() -> None:
    with pytest.raises(TokenError) as caught:
        parse(made())
    assert caught.value.code == "token.header"
    refused(issue().text, "form")
    refused(forge(None, RECEIPT.canonical()), "form")


@pytest.mark.parametrize(
    "change",
    [{"out": "allow"}, {"out": "escalate"}, {"cls": ""}, {"apr": "x"}, {"env": "prod"}, {"tid": "x"}, {"iat": -1}, {"iat": True},
     {"rul": ("a",) * 65}, {"rul": (5,)}, {"ith": b"short"}, {"log": (1, -1, bytes(32))}, {"log": (1, 1, b"")}, {"sub": 5},
     {"sub": "\ud800"}, {"sub": "x" * 9000}],
    ids=str,
)  # fmt: skip
def test_what_does_not_read_back_is_not_signed(change: dict[str, Any]) -> None:
    with pytest.raises(KeyRingError):
        receipt_input(replace(RECEIPT, **change), kid=record().kid, algorithm="RS256")


@pytest.mark.parametrize(
    "head", [{"alg": "none"}, {"alg": "HS256"}, {"typ": "authority+jwt"}, {"typ": "JWT"}, {"kid": "x"}, {"jwk": {}}, {"crit": []}], ids=str
)
def test_another_header(head: dict[str, Any]) -> None:
    refused(spoilt(head), "form")


@pytest.mark.parametrize("member", ["action", "apr", "cls", "env", "iat", "iss", "ith", "log", "out", "pol", "resource", "rul", "sub", "tid"])
def test_a_member_that_is_missing_or_of_another_kind(member: str) -> None:
    import json

    value = json.loads(RECEIPT.canonical())
    for bad in (5.5, [], {}, {"a": 1}, True, "\x00" * 3):
        if member in ("sub", "action", "iss", "resource", "cls") and isinstance(bad, str):
            continue
        if member == "rul" and bad == []:
            continue
        refused(spoilt(body=encode({**value, member: bad})), "form")
    del value[member]
    refused(spoilt(body=encode(value)), "form")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"{", b" {}", b"\xff", b"[" * 3000])
def test_claims_that_are_no_receipt(body: bytes) -> None:
    refused(spoilt(body=body), "form")


def test_other_spellings() -> None:
    text = made()
    for bad in (text + "=", text + "\n", "." + text, text + ".", text.replace(".", "..", 1), "", "a.b", "é" + text, 5, None, "x" * 9000):
        refused(bad, "form")


def test_a_signature_by_another_key_or_over_something_else() -> None:
    head, body, tail = made().split(".")
    refused(f"{head}.{body}.{b64(bytes(256))}", "signature")
    other = b64(replace(RECEIPT, cls="error").canonical())
    refused(f"{head}.{other}.{tail}", "signature")


def test_key_sets_that_do_not_name_the_key_once_and_soundly() -> None:
    (key,) = jwks()["keys"]
    for keys in ({}, {"keys": []}, {"keys": [key, key]}, {"keys": [{**key, "alg": "PS256"}]}, {"keys": [{**key, "d": "AA"}]},
                 {"keys": [{**key, "n": key["n"][::-1]}]}, {"keys": [5]}, {"keys": [{**jwks("Ed25519")["keys"][0], "kid": key["kid"], "alg": "RS256"}]},
                 {"keys": [{"kty": "oct", "k": "AA", "kid": key["kid"], "alg": "RS256"}]},
                 {"keys": [{**KeyRing([record("other")]).jwks()["keys"][0], "kid": key["kid"]}]}):  # fmt: skip
        refused(made(), "key_unknown", keys)


def test_a_receipt_is_no_secret() -> None:
    assert SignedReceipt("text").text == "text"
