from __future__ import annotations

import dataclasses
import pickle
import random
from typing import Any

import pytest

from intended_core.errors import TokenError
from intended_core.tokens.claims import claims_digest
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import (
    CODES,
    BoundToken,
    InspectedToken,
    VerifiedToken,
    bind,
    inspect,
    verify,
)
from tests.reference.token_checks import first_failure
from tests.reference.token_world import (
    ARH,
    EXPECTED,
    ISSUER,
    NOW,
    SCOPE,
    b64,
    claims,
    forge,
    header,
    issue,
    payload,
    record,
    redeemable,
)

RING = {record().kid: record()}


def verified(text: str) -> VerifiedToken:
    return verify(parse(text), expected=EXPECTED, find_key=RING.get, now_s=NOW + 1, max_life_s=60, leeway_s=2)


def test_stages() -> None:
    one = verified(issue().text)
    assert (one.claims, one.kid, one.canonical) == (claims(), record().kid, claims().canonical())
    bound = bind(one, ARH)
    assert (bound.claims, bound.kid, bound.digest) == (claims(), record().kid, claims_digest(claims()))


def test_stages_have_one_maker() -> None:
    for kind, last in ((VerifiedToken, {"canonical": b""}), (BoundToken, {"digest": b""})):
        for maker in ({}, {"maker": None}, {"maker": object()}):
            with pytest.raises(TypeError):
                kind(claims=claims(), kid="k", **last, **maker)
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(verified(issue().text), claims=claims(aud="other"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        verified(issue().text).claims = claims(aud="other")  # type: ignore[misc]


@pytest.mark.parametrize("wrong", [None, "text", b"bytes", object()])
def test_stages_are_not_skipped(wrong: Any) -> None:
    with pytest.raises(TokenError) as caught:
        verify(wrong, expected=EXPECTED, find_key=RING.get, now_s=NOW, max_life_s=60, leeway_s=2)
    assert caught.value.code == "token.segments"
    with pytest.raises(TokenError) as caught:
        bind(wrong, ARH)
    assert caught.value.code == "token.binding"
    with pytest.raises(TokenError):
        bind(inspect(parse(issue().text), find_key=RING.get, now_s=NOW), ARH)  # type: ignore[arg-type]


def test_inspect_shows_an_expired_token_and_grants_nothing() -> None:
    seen = inspect(parse(issue().text), find_key=RING.get, now_s=NOW + 10_000)
    assert isinstance(seen, InspectedToken)
    assert not isinstance(seen, VerifiedToken | BoundToken)
    assert (seen.claims, seen.kid) == (claims(), record().kid)


def test_inspect_refuses_what_the_authority_did_not_write() -> None:
    for text in (forge(name="stranger"), forge(None, b"{}"), forge(header(kid="A" * 43))):
        with pytest.raises(TokenError):
            inspect(parse(text), find_key=RING.get, now_s=NOW)


def test_nothing_is_looked_up_before_the_form_holds() -> None:
    asked: list[str] = []

    def find(kid: str) -> None:
        asked.append(kid)

    for text in ("x", forge(header(typ="JWT")), issue().text + "="):
        with pytest.raises(TokenError):
            verify(parse(text), expected=EXPECTED, find_key=find, now_s=NOW, max_life_s=60, leeway_s=2)
    assert asked == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (forge(header(kid="A" * 43), b"{}", name="stranger"), "token.key_unknown"),
        (forge(header(alg="Ed25519"), b"{}", name="stranger"), "token.algorithm"),
        (forge(None, b"{}", name="stranger"), "token.signature"),
        (forge(None, b"{}"), "token.claims_form"),
        (forge(None, payload(exp="x", iss="x", aud="x")), "token.claims_type"),
        (forge(None, payload(iat=NOW + 50, nbf=NOW + 50, exp=NOW + 999, iss="x")), "token.not_yet"),
        (forge(None, payload(iat=1, nbf=1, exp=2, iss="x")), "token.expired"),
        (forge(None, payload(exp=NOW + 400, iss="x")), "token.lifetime"),
        (forge(None, payload(iss="x", aud="other")), "token.issuer"),
        (forge(None, payload(aud="other", tid="f" * 32)), "token.audience"),
        (forge(None, payload(tid="f" * 32, env="test")), "token.tenant"),
        (forge(None, payload(env="test", reg="x")), "token.environment"),
        (forge(None, payload(reg="x", arh="A" * 43)), "token.register"),
        (forge(None, payload(arh="A" * 43)), "token.binding"),
    ],
)
def test_order_of_the_steps(text: str, code: str) -> None:
    with pytest.raises(TokenError) as caught:
        redeemable(text)
    assert caught.value.code == code


def test_every_code_is_listed_once() -> None:
    assert len(set(CODES)) == len(CODES)
    assert all(code.startswith("token.") for code in CODES)


def world(now: int) -> dict[str, Any]:
    jwk = record().public_key().jwk()
    from tests.reference.token_checks import b64 as unb64

    n, e = (int.from_bytes(unb64(jwk[name]) or b"", "big") for name in ("n", "e"))
    return {
        "keys": {record().kid: {"alg": "RS256", "n": n, "e": e, "usable": True}}, "issuer": ISSUER, "audience":
        EXPECTED.audience, "uuid": SCOPE.uuid, "environment": "live", "register": "ledger", "now": now, "max_life": 60,
        "leeway": 2, "arh": ARH,
    }  # fmt: skip


def answer(text: str, now: int) -> str | None:
    try:
        redeemable(text, now=now)
    except TokenError as error:
        return error.code.removeprefix("token.")
    return None


@pytest.mark.parametrize("seed", range(8))
def test_the_fast_checks_and_the_plain_ones_agree_on_damaged_tokens(seed: int) -> None:
    draw = random.Random(seed)
    honest = issue().text
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+ \u00e9"
    for _ in range(60):
        text = list(honest)
        for _ in range(draw.choice((1, 1, 1, 2, 5))):
            place = draw.randrange(len(text))
            text[place : place + draw.choice((0, 1, 1, 1, 3))] = draw.choice(
                (draw.choice(alphabet), "", draw.choice(alphabet))
            )
        damaged = "".join(text)
        assert answer(damaged, NOW + 1) == first_failure(damaged, world(NOW + 1))


@pytest.mark.parametrize("seed", range(8))
def test_the_fast_checks_and_the_plain_ones_agree_on_signed_claims(seed: int) -> None:
    draw = random.Random(1000 + seed)
    good = payload()
    for _ in range(25):
        body = bytearray(good)
        for _ in range(draw.choice((1, 1, 2, 3))):
            place = draw.randrange(len(body))
            body[place : place + draw.choice((0, 1, 1, 2))] = draw.choice(
                (bytes([draw.randrange(32, 127)]), b"", b'"', b"\\", b"0", b"\xc3\xa9")
            )
        text = forge(None, bytes(body))
        now = NOW + draw.choice((-5, -2, 0, 1, 59, 61, 62, 100))
        assert answer(text, now) == first_failure(text, world(now)), bytes(body)


def test_the_plain_checks_honour_the_honest_token() -> None:
    assert first_failure(issue().text, world(NOW)) is None
    assert answer(issue().text, NOW) is None
    assert b64(b"\x00") == "AA"


def test_no_stage_is_pickled() -> None:
    one = verified(issue().text)
    for stage in (one, bind(one, ARH)):
        with pytest.raises(TypeError, match="verify again"):
            pickle.dumps(stage)
