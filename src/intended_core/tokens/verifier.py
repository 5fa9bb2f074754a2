"""From a token's bytes to the right to consume its nonce: numbered checks, in the order of authority.md § 2.

1 size · 2 segments · 3 header (all in `codec.parse`) · 4 key record of this scope · 5 algorithm of the record · 6 state
of the record · 7 signature · 8 canonical claims · 9 types and times · 10 issuer, audience, tenant, environment,
register · 11 the call · 12 the holder's proof (in `tokens.proof`). Consuming the
nonce comes after all of them, last and once, and is not in this room: a
BoundToken still acts for nobody.

Each stage of trust is a type with one maker here. Nothing returns a bool, and every refusal is one TokenError with one
public message; its `code` (one of `CODES`) is for the audit.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import InitVar, dataclass
from typing import Final, NoReturn, Protocol

from intended_core.errors import KeyRingError, TokenError
from intended_core.ids import AdapterId, Scope
from intended_core.keys.jwks import PublicKey
from intended_core.quick import maker
from intended_core.tokens.claims import TokenClaims, digest_of_canonical, parse_claims
from intended_core.tokens.codec import UnverifiedToken

__all__ = [
    "CODES",
    "MAX_LIFE_SECONDS",
    "BoundToken",
    "Expected",
    "InspectedToken",
    "VerifiedToken",
    "VerifyingKey",
    "bind",
    "inspect",
    "verify",
]

MAX_LIFE_SECONDS: Final = 300  # authority.md § 2: 60 s default, 300 s most
CODES: Final = (
    "token.size",
    "token.base64",
    "token.segments",
    "token.header",
    "token.key_unknown",
    "token.algorithm",
    "token.key_state",
    "token.signature",
    "token.claims_form",
    "token.claims_type",
    "token.not_yet",
    "token.expired",
    "token.lifetime",
    "token.issuer",
    "token.audience",
    "token.tenant",
    "token.environment",
    "token.register",
    "token.binding",
)
_MAKER: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the redeemer knows of itself; never learnt from a token. `audience`: its own adapter id. `register`: its
    only one.
    """

    scope: Scope
    issuer: str
    audience: AdapterId
    register: str = "ledger"


class VerifyingKey(Protocol):
    """What the checks ask of a key: a record of the tenant's ring, or a key of its published set."""

    @property
    def kid(self) -> str:
        """Its name: the RFC 7638 thumbprint."""
        ...

    @property
    def algorithm(self) -> str:
        """The one algorithm that it is of."""
        ...

    @property
    def purpose(self) -> str:
        """`token`, or something that no token is signed with."""
        ...

    def public_key(self) -> PublicKey:
        """The checked public key."""
        ...

    def verifies_at(self, now_us: int) -> bool:
        """Whether a signature by it may count at this time (microseconds since 1970)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """Signature and claims hold for this scope, audience and moment. Made only by `verify`. Not yet bound to a call,
    not consumed.

    `canonical`: the canonical bytes of its claims.
    """

    claims: TokenClaims
    kid: str
    canonical: bytes
    maker: InitVar[object] = None

    def __post_init__(self, maker: object) -> None:
        if maker is not _MAKER:
            raise TypeError("a VerifiedToken is made only by tokens.verifier.verify")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a VerifiedToken is not pickled: verify again")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundToken:
    """A verified token of exactly the call that is about to run. Made only by `bind`. Its nonce is not consumed yet.

    `digest`: `claims_digest` of its claims, which the nonce row must hold.
    """

    claims: TokenClaims
    kid: str
    digest: bytes
    maker: InitVar[object] = None

    def __post_init__(self, maker: object) -> None:
        if maker is not _MAKER:
            raise TypeError("a BoundToken is made only by tokens.verifier.bind")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a BoundToken is not pickled: verify again")


_verified: Final = maker(VerifiedToken, unsafe_unchecked=True)
_bound: Final = maker(BoundToken, unsafe_unchecked=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedToken:
    """What a token says, for people to look at. No call of this library accepts one, and it grants nothing."""

    claims: TokenClaims
    kid: str


def verify(
    token: UnverifiedToken,
    *,
    expected: Expected,
    find_key: Callable[[str], VerifyingKey | None],
    now_s: int,
    max_life_s: int,
    leeway_s: int,
) -> VerifiedToken:
    """Steps 4 to 10.

    `find_key`: the authentic key record of a kid within `expected.scope`. `now_s`, `max_life_s` (at most 300),
    `leeway_s`: seconds. Raises TokenError.
    """
    if not isinstance(token, UnverifiedToken):
        raise TokenError("token.segments")
    claims, kid, canonical = _authentic(token, find_key, now_s)
    # 9 (times): nbf <= now < exp, iat not ahead, life within the maximum; the leeway is for clocks, not for the
    # lifetime
    if claims.iat > now_s + leeway_s or claims.nbf > now_s + leeway_s:
        raise TokenError("token.not_yet")
    if now_s - leeway_s >= claims.exp:
        raise TokenError("token.expired")
    if not claims.iat <= claims.nbf < claims.exp or claims.exp - claims.iat > min(max_life_s, MAX_LIFE_SECONDS):
        raise TokenError("token.lifetime")
    # 10: exact strings, known from the redeemer's own context
    if claims.iss != expected.issuer:
        raise TokenError("token.issuer")
    if claims.aud != expected.audience:
        raise TokenError("token.audience")
    if claims.tid != expected.scope.uuid:
        raise TokenError("token.tenant")
    if claims.env != expected.scope.environment:
        raise TokenError("token.environment")
    if claims.reg != expected.register:
        raise TokenError("token.register")
    return _verified(claims=claims, kid=kid, canonical=canonical)


def bind(verified: VerifiedToken, call_arh: bytes) -> BoundToken:
    """Step 11: the token is for exactly the call whose digest (32 bytes) the redeemer computed. Raises TokenError
    `token.binding`.
    """
    if not isinstance(verified, VerifiedToken):
        raise TokenError("token.binding")
    if len(call_arh) != 32 or not hmac.compare_digest(verified.claims.arh, call_arh):
        raise TokenError("token.binding")
    return _bound(claims=verified.claims, kid=verified.kid, digest=digest_of_canonical(verified.canonical))


def inspect(token: UnverifiedToken, *, find_key: Callable[[str], VerifyingKey | None], now_s: int) -> InspectedToken:
    """Steps 4 to 9 without the times: signature and form hold, so the authority wrote this. It grants nothing."""
    claims, kid, _ = _authentic(token, find_key, now_s)
    return InspectedToken(claims=claims, kid=kid)


def _authentic(
    token: UnverifiedToken, find_key: Callable[[str], VerifyingKey | None], now_s: int
) -> tuple[TokenClaims, str, bytes]:
    algorithm, kid, signing_input, payload, signature = token.parts_for_verifier()
    # 4: the kid is a hint; the record must be of this scope, for tokens, and name itself so
    record = find_key(kid)
    if record is None or record.kid != kid or record.purpose != "token":
        raise TokenError("token.key_unknown")
    # 5: the algorithm is the record's, the header only repeats it (RFC 8725 § 3.1)
    if algorithm != record.algorithm:
        raise TokenError("token.algorithm")
    # 6: ACTIVE, or PREVIOUS strictly before its retire time
    if not record.verifies_at(now_s * 1_000_000):
        raise TokenError("token.key_state")
    # 7
    try:
        record.public_key().verify(signature, signing_input)
    except KeyRingError:
        raise TokenError("token.signature") from None
    # 8, and the types of 9
    return parse_claims(payload), kid, payload
