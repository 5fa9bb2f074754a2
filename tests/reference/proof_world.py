"""A token that is bound to a key, and a forge of proofs: every member can be changed, and all are signed with the key that is named."""

from __future__ import annotations

import hashlib
from typing import Any

from intended_core.keys.jwks import load_public
from intended_core.tokens.codec import parse
from intended_core.tokens.holder import DpopProof, HolderKey, HolderProof
from intended_core.tokens.proof import check_holder
from intended_core.tokens.verifier import BoundToken, bind, verify
from tests.reference.token_world import ARH, EXPECTED, NOW, b64, claims, encode, issue, pair, record, sign

CERTIFICATE = b"\x30\x03\x02\x01\x05"
URL = "https://bank.example/pay"
KEY = load_public("ES256", pair("holder", "ES256").public_der)
HOLDER = HolderKey.of_jwk(KEY.jwk(), algorithm="ES256")

__all__ = ["CERTIFICATE", "HOLDER", "KEY", "NOW", "URL", "bound", "check", "dpop", "proven"]


def bound(holder: HolderKey | None) -> tuple[BoundToken, str]:
    """A token of this holder, through every step before the proof, and its text."""
    text = issue(claims(cnf=holder)).text
    keys = {record().kid: record()}
    verified = verify(parse(text), expected=EXPECTED, find_key=keys.get, now_s=NOW + 1, max_life_s=60, leeway_s=2)
    return bind(verified, ARH), text


def dpop(
    token: str, *, algorithm: str = "ES256", signer: str = "holder", head: dict[str, Any] | bytes | None = None,
    body: bytes | None = None, asked: str | None = None, **members: Any,
) -> DpopProof:  # fmt: skip
    """A proof for `token`: good unless something is changed; a member `...` is left out."""
    jwk = load_public(algorithm, pair(signer, algorithm).public_der).jwk()
    first = head if isinstance(head, bytes) else encode(_kept({"alg": algorithm, "jwk": jwk, "typ": "dpop+jwt"} | (head or {})))
    claims_ = {
        "ath": b64(hashlib.sha256(token.encode()).digest()), "htm": "POST", "htu": URL, "iat": NOW, "jti": "0123456789abcdef",
    }  # fmt: skip
    start = b64(first) + "." + b64(encode(_kept(claims_ | members)) if body is None else body)
    return proven(start + "." + b64(sign(start.encode(), signer, algorithm)), asked=asked)


def _kept(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not ...}


def proven(jwt: str, asked: str | None = None) -> DpopProof:
    """The proof as a host receives it."""
    return DpopProof(jwt=jwt, method="POST", url=URL, nonce=asked)


def check(token: BoundToken, text: str, proof: HolderProof | None) -> None:
    """Step 12 at the time of the token."""
    check_holder(token, proof, text=text, now_s=NOW, leeway_s=2)
