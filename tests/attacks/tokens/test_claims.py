"""Attacks on the claims.

Canonical, validly signed with the tenant's own key, and still not what may be redeemed here and now.
"""

from __future__ import annotations

from typing import Any

import pytest

from intended_core.errors import TokenError
from tests.reference.token_checks import first_failure
from tests.reference.token_world import (
    ARH,
    EXPECTED,
    ISSUER,
    NOW,
    OTHER,
    SCOPE,
    claims,
    forge,
    issue,
    pair,
    payload,
    record,
    redeemable,
)


def world(now: int = NOW + 1) -> dict[str, Any]:
    from intended_core.keys.jwks import load_public
    from tests.reference.token_checks import b64

    jwk = load_public("RS256", pair("main").public_der).jwk()
    n, e = (int.from_bytes(b64(jwk[name]) or b"", "big") for name in ("n", "e"))
    return {
        "keys": {record().kid: {"alg": "RS256", "n": n, "e": e, "usable": True}},
        "issuer": ISSUER, "audience": EXPECTED.audience, "uuid": SCOPE.uuid, "environment": SCOPE.environment,
        "register": "ledger", "now": now, "max_life": 60, "leeway": 2, "arh": ARH,
    }  # fmt: skip


def refused(code: str, /, now: int = NOW + 1, **members: Any) -> None:
    text = forge(None, payload(**members))
    with pytest.raises(TokenError) as caught:
        redeemable(text, now=now)
    assert caught.value.code == "token." + code
    assert first_failure(text, world(now)) == code


TYPES = [
    (name, value)
    for name in ("exp", "iat", "nbf")
    for value in ("1800000060", True, 1800000060.5, 1800000060.0, -1, 2**53, 253402300800, None, [1], {"a": 1}, "NaN")
] + [
    (name, value)
    for name in ("iss", "aud", "sub", "tid", "env", "jti", "reg", "action", "resource", "arh", "ith", "pol")
    for value in (1, True, None, 1.5, [], ["payments"], {}, "", {"type": "User", "id": "ann"}, "a\x00b", "\n")
] + [
    (name, value)
    for name in ("rul", "obl", "apr")
    for value in ("pay-small", 1, None, {}, [1], [None], [""], [["a"]], [{"a": "b"}], True)
] + [
    ("jti", "A" * 21), ("jti", "A" * 65), ("jti", "A" * 21 + "+"), ("jti", 123456789012345), ("jti", "A" * 4000),
    ("arh", "A" * 42), ("arh", "A" * 44), ("arh", "A" * 42 + "B"), ("arh", "A" * 42 + "="), ("pol", "A" * 42 + "_"),
    ("ith", "A" * 43 + " "), ("ith", " " + "A" * 42), ("arh", "A" * 43 + " " + "A" * 43),
    ("sub", "ann"), ("sub", 'User::"ann'), ("sub", 'User::""'), ("sub", '::"ann"'), ("sub", 'User::"a"b"'),
    ("sub", 'User::"a\\x"'), ("sub", 'User::"ann" '), ("sub", 'Us er::"ann"'), ("sub", 'User::"ann\\"'),
    ("sub", 'User::"' + "a" * 1025 + '"'), ("resource", "Account::acme"), ("sub", '\u0405ser::"ann"'),
    ("aud", "Payments"), ("aud", "a"), ("aud", "pay ments"), ("aud", "payments\n"), ("aud", ["payments", "evil"]),
    ("env", "LIVE"), ("env", "live "), ("tid", SCOPE.uuid.upper()), ("tid", SCOPE.uuid + "0"), ("tid", SCOPE.tenant),
    ("action", "a" * 513), ("iss", "i" * 513), ("iss", "\x7f"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), TYPES, ids=lambda item: repr(item)[:40])
def test_a_value_of_the_wrong_kind(name: str, value: Any) -> None:
    refused("claims_type", **{name: value})


@pytest.mark.parametrize("name", sorted(claims().to_json()))
def test_a_missing_claim(name: str) -> None:
    refused("claims_form", **{name: ...})


@pytest.mark.parametrize(
    "log",
    [{}, None, [], "x", {"g": 1, "seq": 7}, {"g": 1, "seq": 7, "leaf": "A" * 43, "z": 1}, [1, 7, "A" * 43]],
    ids=repr,
)
def test_log_of_another_shape(log: Any) -> None:
    refused("claims_form", log=log)


@pytest.mark.parametrize(
    "log",
    [
        {"g": True, "seq": 7, "leaf": "A" * 43},
        {"g": 1, "seq": -1, "leaf": "A" * 43},
        {"g": 1, "seq": 7.5, "leaf": "A" * 43},
        {"g": 1, "seq": 2**53, "leaf": "A" * 43},
        {"g": "1", "seq": 7, "leaf": "A" * 43},
        {"g": 1, "seq": 7, "leaf": "A" * 42},
        {"g": 1, "seq": 7, "leaf": None},
    ],
    ids=repr,
)
def test_log_with_values_of_the_wrong_kind(log: Any) -> None:
    refused("claims_type", log=log)


def test_expired_to_the_second_with_leeway() -> None:
    text = issue().text
    assert redeemable(text, now=NOW + 61)
    refused("expired", now=NOW + 62)
    with pytest.raises(TokenError):
        redeemable(text, now=NOW + 60, leeway=0)
    assert redeemable(text, now=NOW + 59, leeway=0)


def test_not_yet_valid_to_the_second_with_leeway() -> None:
    assert redeemable(issue().text, now=NOW - 2)
    refused("not_yet", now=NOW - 3)
    refused("not_yet", nbf=NOW + 10)
    refused("not_yet", iat=NOW + 10, nbf=NOW)


def test_lifetime_over_the_maximum() -> None:
    refused("lifetime", exp=NOW + 61)
    refused("lifetime", iat=NOW - 10)
    refused("lifetime", exp=253402300799)


def test_the_tenants_maximum_is_never_above_five_minutes() -> None:
    long = forge(None, payload(exp=NOW + 301))
    with pytest.raises(TokenError) as caught:
        redeemable(long, max_life=10**9)
    assert caught.value.code == "token.lifetime"
    assert redeemable(forge(None, payload(exp=NOW + 300)), max_life=300)


def test_not_before_after_expiry_or_before_issue() -> None:
    refused("lifetime", nbf=NOW - 1)
    refused("lifetime", exp=NOW, now=NOW + 1)
    refused("lifetime", iat=NOW, nbf=NOW + 1, exp=NOW + 1, now=NOW)


@pytest.mark.parametrize(
    "issuer", [ISSUER[:-1], ISSUER + "/", ISSUER.upper(), "h", "https://authority.example", ISSUER + "\u200b"]
)
def test_issuer_is_the_exact_string(issuer: str) -> None:
    refused("issuer", iss=issuer)


@pytest.mark.parametrize("audience", ["payment", "payments2", "pay", "other/payments"])
def test_audience_is_exactly_this_adapter(audience: str) -> None:
    refused("audience", aud=audience)


def test_claims_of_another_tenant_signed_with_the_own_key() -> None:
    refused("tenant", tid=OTHER.uuid)


def test_claims_of_the_other_environment() -> None:
    refused("environment", env="test")


@pytest.mark.parametrize("register", ["redis", "Ledger", "ledger ", "ledge"])
def test_another_register(register: str) -> None:
    refused("register", reg=register)


@pytest.mark.parametrize("arh", [bytes(32), ARH[:-1] + b"\xff", ARH[::-1]])
def test_another_call(arh: bytes) -> None:
    with pytest.raises(TokenError) as caught:
        redeemable(issue().text, arh=arh)
    assert caught.value.code == "token.binding"


@pytest.mark.parametrize("arh", [b"", ARH[:31], ARH + b"\x00"])
def test_a_call_digest_of_another_length(arh: bytes) -> None:
    with pytest.raises(TokenError) as caught:
        redeemable(issue().text, arh=arh)
    assert caught.value.code == "token.binding"


def test_the_reference_honours_what_the_verifier_honours() -> None:
    assert first_failure(issue().text, world()) is None
    assert redeemable(issue().text).claims == claims()
