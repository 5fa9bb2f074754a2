"""One tenant with a key, and a forge that signs whatever it is told with that key: hostile tokens, validly signed."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from functools import cache
from typing import Any

from intended_adapters.signing.local import LocalSigner
from intended_core.ids import EntityRef, Scope
from intended_core.keys.ring import KeyRecord, KeyState, new_record
from intended_core.ports import GeneratedKey
from intended_core.tokens.claims import TokenClaims
from intended_core.tokens.codec import parse
from intended_core.tokens.issuer import SignedToken, assemble, signing_input
from intended_core.tokens.verifier import BoundToken, Expected, bind, verify

NOW = 1_800_000_000
SCOPE = Scope("acme", "0123456789abcdef0123456789abcdef", "live")
OTHER = Scope("rival", "fedcba9876543210fedcba9876543210", "live")
ISSUER = "https://authority.example/acme"
ARH = bytes(range(32))
EXPECTED = Expected(scope=SCOPE, issuer=ISSUER, audience="payments")


@cache
def _pair(name: str, algorithm: str) -> GeneratedKey:
    return LocalSigner().generate(algorithm)


def pair(name: str, algorithm: str = "RS256") -> GeneratedKey:
    """A key pair of that name, made once per run."""
    return _pair(name, algorithm)


def record(
    name: str = "main", algorithm: str = "RS256", state: KeyState = KeyState.ACTIVE, *, as_algorithm: str = ""
) -> KeyRecord:
    """Its record (the sealed part is a stand-in: nothing here unseals). `as_algorithm`: another that the same pair could be of."""
    active = new_record(
        algorithm=as_algorithm or algorithm, purpose="token", public_der=pair(name, algorithm).public_der, sealed_private=b"sealed",
        now_us=1, state=KeyState.ACTIVE,
    )  # fmt: skip
    if state in (KeyState.PREVIOUS, KeyState.RETIRED):
        return replace(active, state=state, sealed_private=None, retire_us=(NOW + 30) * 1_000_000)
    if state is KeyState.COMPROMISED:
        return replace(active, state=state, sealed_private=None)
    return replace(active, state=state)


def claims(**changes: Any) -> TokenClaims:
    """Good claims, with changes."""
    base = TokenClaims(
        iss=ISSUER,
        aud="payments",
        sub=EntityRef("User", "ann"),
        tid=SCOPE.uuid,
        env="live",
        iat=NOW,
        nbf=NOW,
        exp=NOW + 60,
        jti="AAAAAAAAAAAAAAAAAAAAAA",
        reg="ledger",
        action="pay",
        resource=EntityRef("Account", "acme-1"),
        arh=ARH,
        ith=b"\x01" * 32,
        pol=b"\x02" * 32,
        rul=("pay-small",),
        log=(1, 7, b"\x03" * 32),
    )
    return replace(base, **changes)


def sign(unsigned: bytes, name: str = "main", algorithm: str = "RS256") -> bytes:
    """The signature under the named key."""
    return LocalSigner().load(algorithm, pair(name, algorithm).private_der).sign(unsigned)


def issue(given: TokenClaims | None = None, name: str = "main", algorithm: str = "RS256") -> SignedToken:
    """An honest token."""
    key = record(name, algorithm)
    unsigned = signing_input(given or claims(), kid=key.kid, algorithm=algorithm)
    return assemble(unsigned, sign(unsigned.data, name, algorithm), key.public_key())


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def header(**changes: Any) -> bytes:
    """The header's bytes with members changed; a change to None takes the member away."""
    members = {"alg": "RS256", "kid": record().kid, "typ": "authority+jwt"} | changes
    return encode({name: value for name, value in members.items() if value is not None})


def encode(value: object) -> bytes:
    """Sorted, compact JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def payload(**changes: Any) -> bytes:
    """The claims' bytes with raw JSON members changed; a change to `...` takes the member away."""
    members: dict[str, Any] = dict(claims().to_json()) | changes
    return encode({name: value for name, value in members.items() if value is not ...})


def forge(head: bytes | None = None, body: bytes | None = None, *, name: str = "main") -> str:
    """Any header and payload bytes, with the tenant's own valid signature."""
    text = b64(header() if head is None else head) + "." + b64(payload() if body is None else body)
    return text + "." + b64(sign(text.encode(), name))


def redeemable(
    text: str | bytes, *, keys: tuple[KeyRecord, ...] | None = None, now: int = NOW + 1, expected: Expected = EXPECTED,
    arh: bytes = ARH, max_life: int = 60, leeway: int = 2,
) -> BoundToken:  # fmt: skip
    """Every check that the fast code makes before a nonce is consumed."""
    ring = {key.kid: key for key in (keys if keys is not None else (record(),))}
    verified = verify(
        parse(text), expected=expected, find_key=ring.get, now_s=now, max_life_s=max_life, leeway_s=leeway
    )
    return bind(verified, arh)
