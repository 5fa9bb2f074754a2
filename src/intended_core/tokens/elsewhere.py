"""The small redeemer: for an adapter that runs in another process or on another machine, with no store, no policy and no engine beside it.

It knows the tenant's public keys and its own audience. It makes the numbered checks of a redemption itself, so that nothing reaches the
register that was not signed for this adapter and this call; then one register counts the token, last and once:

- `Redeemer(…, register=LedgerByCall(…))`: the authority's ledger, over a transport that the host gives;
- `Redeemer(…, register=…, journal=…)`: a detached register beside the adapter, for tokens whose `reg` names it (docs/adr/0018).

The call comes as text beside the token (`CallText`): the token's `arh` is the digest of exactly those bytes, and what is returned to be run
is read from them. Imports neither engine nor store (a test says so).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from types import MappingProxyType
from typing import Any, Final, NoReturn

from intended_core.canonical import b64url, digest, pack, parse_canonical, unb64url
from intended_core.clock import Clock, Randomness
from intended_core.errors import AdapterError, IntendedError, IntentError, KeyRingError, TokenError
from intended_core.ids import EntityRef, Scope
from intended_core.keys.jwks import PublicKey, public_from_jwk, thumbprint
from intended_core.ports import Journal, Register
from intended_core.tokens.claims import TokenClaims
from intended_core.tokens.codec import parse
from intended_core.tokens.holder import HolderProof
from intended_core.tokens.proof import check_holder
from intended_core.tokens.refusal_counts import Counted, RefusalCounts
from intended_core.tokens.verifier import BoundToken, Expected, bind, verify

__all__ = ["DETACHED_LIFE_SECONDS", "CallText", "KeySet", "PublishedKey", "RedeemedElsewhere", "Redeemer", "call_text_from_json"]

DETACHED_LIFE_SECONDS: Final = 15  # authority.md § 2: halts and revocations reach a detached register only by expiry
MAX_CALL_BYTES: Final = 256 * 1024  # as an intent
MAX_SET_KEYS: Final = 64
_PUBLIC: Final = ("kty", "n", "e", "crv", "x", "y")
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
_MAKER: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallText:
    """A call in wire form with the digest of the schema that it fits, as `tenant.tokens.call_text` gives it along with the token.

    `schema`: 32 bytes. `wire`: canonical JSON. Neither is trusted: a token's `arh` is the digest of both.
    """

    schema: bytes
    wire: bytes

    def arh(self, scope: Scope) -> bytes:
        """The digest of the call in this scope, 32 bytes: what a token's `arh` must be."""
        return digest("intended.call/v1", scope.uuid.encode(), scope.environment.encode(), self.schema, self.wire)

    def to_json(self) -> dict[str, str]:
        """As it goes along with the token; `call_text_from_json` reads it."""
        return {"schema": b64url(self.schema), "wire": self.wire.decode("utf-8")}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedKey:
    """A public key of a JWK Set. `not_before_s`, `retire_s`: seconds since 1970; None while it still signs."""

    kid: str
    algorithm: str
    key: PublicKey
    not_before_s: int
    retire_s: int | None
    purpose: str = "token"

    def public_key(self) -> PublicKey:
        """The checked key."""
        return self.key

    def verifies_at(self, now_us: int) -> bool:
        """Whether a signature may count: strictly before its retire time."""
        return self.retire_s is None or now_us < self.retire_s * 1_000_000


class KeySet:
    """A tenant's public keys, from its JWK Set. Raises KeyRingError unless every key is sound, public, and named by its thumbprint once."""

    __slots__ = ("_keys",)

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        listed = jwks.get("keys") if isinstance(jwks, Mapping) else None
        if not isinstance(listed, list | tuple) or not 0 < len(listed) <= MAX_SET_KEYS:
            raise KeyRingError("a key set has 1 to 64 keys")
        self._keys: Final[dict[str, PublishedKey]] = {}
        for each in listed:
            key = _published(each)
            if key.kid in self._keys:
                raise KeyRingError("a key set names a key twice")
            self._keys[key.kid] = key

    def __repr__(self) -> str:
        return f"KeySet({len(self._keys)} keys)"

    def find(self, kid: str) -> PublishedKey | None:
        """The key of that name."""
        return self._keys.get(kid)


def _published(jwk: object) -> PublishedKey:
    if not isinstance(jwk, dict) or _PRIVATE & jwk.keys() or jwk.get("use") != "sig":
        raise KeyRingError("a key set holds public signature keys and nothing else")
    algorithm, start, end = jwk.get("alg"), jwk.get("nbf"), jwk.get("exp")
    if type(algorithm) is not str or type(start) is not int or not (end is None or type(end) is int):
        raise KeyRingError("a key of a key set says its algorithm and its times")
    key = public_from_jwk(algorithm, {name: jwk[name] for name in _PUBLIC if name in jwk})
    if jwk.get("kid") != thumbprint(key):
        raise KeyRingError("a key of a key set is not named by its thumbprint")
    return PublishedKey(kid=thumbprint(key), algorithm=algorithm, key=key, not_before_s=start, retire_s=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemedElsewhere:
    """The right to run this call once, now. Made only by `Redeemer.redeem`, after the register has counted the token.

    `args`: deep-frozen, in wire form: a Decimal as `d:12.5`, an Int as `i:3`, an entity as a pair; lists are tuples.
    """

    action: str
    resource: EntityRef
    args: Mapping[str, object]
    claims: TokenClaims
    attempt_id: str
    maker: InitVar[object] = None

    def __post_init__(self, maker: object) -> None:
        if maker is not _MAKER:
            raise TypeError("a RedeemedElsewhere is made only by tokens.elsewhere.Redeemer.redeem")

    def __reduce__(self) -> NoReturn:
        raise TypeError("a RedeemedElsewhere is not pickled: it is spent where it was redeemed")


class Redeemer:
    """Redeems tokens of one audience in one scope, away from the authority. Thread-safe as its register is.

    `expected`: scope, issuer, audience and the one register of this audience; none of them is learnt from a token. `journal`: where a
    detached redemption is recorded before the act; the ledger keeps its own.
    """

    __slots__ = (
        "_clock", "_expected", "_journal", "_keys", "_leeway_s", "_max_life_s", "_randomness", "_refusals", "_register",
    )  # fmt: skip

    def __init__(
        self, *, expected: Expected, keys: KeySet, register: Register, clock: Clock, randomness: Randomness,
        journal: Journal | None = None, max_life_s: int = 60, leeway_s: int = 2,
    ) -> None:  # fmt: skip
        if register.name != expected.register:
            raise AdapterError("an audience has exactly one register, and this is another")
        if register.detached and journal is None:
            raise AdapterError("a detached register comes with a journal: what is not recorded is not run")
        if not 0 <= leeway_s <= 30:
            raise AdapterError("the leeway is 0 to 30 seconds")
        self._expected: Final = expected
        self._keys = keys
        self._register: Final = register
        self._clock: Final = clock
        self._randomness: Final = randomness
        self._journal: Final = journal
        self._max_life_s: Final = min(max_life_s, DETACHED_LIFE_SECONDS) if register.detached else max_life_s
        self._leeway_s: Final = leeway_s
        self._refusals: Final = RefusalCounts()

    def __repr__(self) -> str:
        return f"Redeemer({self._expected.audience!r}, {self._expected.register!r})"

    def replace_keys(self, keys: KeySet) -> None:
        """Take a newer key set; keep the one that you have when fetching fails."""
        self._keys = keys

    def redeem(self, token: str | bytes, call: CallText, *, proof: HolderProof | None = None) -> RedeemedElsewhere:
        """Verify, consume once, record (where the register is detached), and only then return what may run.

        Raises TokenError (one message for every cause), after it was counted: see `refusals`. After a failure of register or journal
        the token counts as spent.
        """
        try:
            return self._redeemed(token, call, proof)
        except TokenError as error:
            self._count(error.code)
            raise

    def refusals(self, *, take: bool = False) -> tuple[Counted, ...]:
        """How often this process refused, by reason; nothing of a token. `take`: they are counted anew from now on.

        The reasons are the authority's own codes. They are for whoever runs the adapter, and for nobody who brings a token.
        """
        return self._refusals.take() if take else self._refusals.seen()

    def _count(self, code: str) -> None:
        try:
            now_us = self._clock.now_us()
        except Exception:  # noqa: BLE001 - a clock that fails refuses; it is counted all the same
            now_us = 0
        self._refusals.keep(code, now_us)

    def _redeemed(self, token: str | bytes, call: CallText, proof: HolderProof | None) -> RedeemedElsewhere:
        try:
            bound, text = self._bound(token, call, proof)
            attempt = b64url(self._randomness.token_bytes(16))
            self._consume(bound, text, call, attempt, proof)
        except TokenError:
            raise
        except IntendedError as error:
            raise TokenError(f"token.unavailable:{type(error).__name__}") from None
        except Exception as error:  # noqa: BLE001 - fail closed: a register, journal or transport of the host's may raise anything
            raise TokenError(f"token.unavailable:{type(error).__name__}") from None
        return _made(call, bound.claims, attempt)

    def _bound(self, token: str | bytes, call: CallText, proof: HolderProof | None) -> tuple[BoundToken, str]:
        expected, now_s = self._expected, self._clock.now_us() // 1_000_000
        verified = verify(
            parse(token), expected=expected, find_key=self._keys.find, now_s=now_s, max_life_s=self._max_life_s,
            leeway_s=self._leeway_s,
        )  # fmt: skip
        if type(call) is not CallText or type(call.wire) is not bytes or len(call.schema) != 32:
            raise TokenError("token.binding")
        if len(call.wire) > MAX_CALL_BYTES:
            raise TokenError("token.binding")
        bound = bind(verified, call.arh(expected.scope))
        check_holder(bound, proof, text=token, now_s=now_s, leeway_s=self._leeway_s)
        return bound, token if isinstance(token, str) else token.decode("ascii")

    def _consume(
        self, bound: BoundToken, text: str, call: CallText, attempt: str, proof: HolderProof | None
    ) -> None:
        claims = bound.claims
        # Kept for as long as anybody's clock, within the leeway on both sides, may take the token for valid.
        keep_s = claims.exp - claims.iat + 2 * self._leeway_s
        answer = self._register.consume(claims.jti, keep_s, token=text, call=call.wire, attempt=attempt, proof=proof)
        if answer != "consumed":
            raise TokenError("token.replayed" if answer == "spent" else "token.unavailable:register")
        if self._journal is not None:
            self._journal.record(
                pack(
                    {
                        "attempt": attempt, "audience": claims.aud, "call": b64url(claims.arh), "claims": b64url(bound.digest),
                        "kid": bound.kid, "register": claims.reg, "time": self._clock.now_us(),
                    }
                )
            )  # fmt: skip


def _made(call: CallText, claims: TokenClaims, attempt: str) -> RedeemedElsewhere:
    try:
        value: Any = parse_canonical(call.wire, max_bytes=MAX_CALL_BYTES)
        resource = EntityRef(*value["resource"])
        args, action = _frozen(value["args"]), value["action"]
    except (IntentError, KeyError, TypeError):
        raise TokenError("token.binding") from None
    # Two readings of one text would be two calls: what the token names in words is what the bytes say.
    if value.keys() != {"action", "args", "resource"} or (action, resource) != (claims.action, claims.resource):
        raise TokenError("token.binding")
    return RedeemedElsewhere(
        action=action, resource=resource, args=args, claims=claims, attempt_id=attempt, maker=_MAKER
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(item) for name, item in value.items()})
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def call_text_from_json(data: Mapping[str, Any]) -> CallText:
    """The call text in `{"schema": base64url, "wire": text}`; raises IntentError."""
    schema, wire = data.get("schema"), data.get("wire")
    if not isinstance(schema, str) or not isinstance(wire, str):
        raise IntentError("a call text has a schema digest and a wire form", place="call")
    return CallText(schema=unb64url(schema), wire=wire.encode("utf-8"))
