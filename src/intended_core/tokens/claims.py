"""What a token says (authority.md § 2), as one frozen value with exactly one spelling in bytes.

The claims are a closed set of nineteen members, `act` where the intent came through a chain, and `cnf` where the token is bound to
its holder's key, in canonical JSON. `sub` and
`resource` are entities in their written form, `Type::"id"`; digests are base64url of 32 bytes; times are whole seconds. Reading is
strict: bytes that would not be written exactly so are refused, which leaves no room for a second member of a name, an
escape, a fraction or an unknown claim.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, fields, make_dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

import orjson

from intended_core.canonical import Json, Labelled, b64url, pack
from intended_core.errors import IntentError, TokenError
from intended_core.ids import AdapterId, EntityRef, Environment, adapter_id
from intended_core.intent import MAX_CHAIN
from intended_core.tokens.holder import HolderKey

__all__ = [
    "MAX_COUNT",
    "MAX_GRANT_BYTES",
    "MAX_SECONDS",
    "LogPosition",
    "TokenClaims",
    "check_names",
    "claims_digest",
    "digest_of_canonical",
    "parse_claims",
    "parse_claims_thoroughly",
    "read_entity",
]

LogPosition: TypeAlias = tuple[int, int, bytes]  # generation, sequence number, leaf hash of the decision's record

MAX_GRANT_BYTES: Final = 8 * 1024  # authority.md § 2: rul, obl and apr are never cut; over this is a refusal to issue
MAX_TEXT_BYTES: Final = 512  # issuer, action, rule and approval ids: names, not documents
MAX_SECONDS: Final = 253402300799  # the last second of the year 9999
MAX_COUNT: Final = 2**53 - 1  # RFC 7493
_DIGEST: Final = Labelled("intended.token-claims/v1")
_PATTERNED: Final = re.compile(  # the joined env, tid, jti (at least 128 bits: RFC 8725 § 3.5) and four 32-byte digests
    r"(?:live|test) [0-9a-f]{32} [A-Za-z0-9_-]{22,64}(?: [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]){4}"
)
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_REF_ESCAPE: Final = re.compile(r'\\([\\"])')
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """The claims of one token.

    `iss`: the authority. `aud`: the one adapter. `sub`: the principal. `tid`: the tenant's uuid (32 hexadecimal
    characters). `env`: live or test. `iat`, `nbf`, `exp`: seconds since 1970. `jti`: the nonce, 22 to 64 base64url
    characters. `reg`: the register that counts it. `arh`, `ith`, `pol`: 32-byte digests of the call, of the whole
    decision input, and of the policy set. `rul`: determining rules. `obl`: obligations in their written form. `apr`:
    approvals used. `log`: (generation, sequence number, leaf hash) of the decision's record; None only while the record
    is being written, and such claims are never signed. `act`: in whose name, from who gave the principal its grant to the
    root of the chain (RFC 8693 § 4.1, each actor inside the one before); empty without a chain. `cnf`: the one key whose
    possession is proven at redemption (RFC 7800 § 3.1); None for a bearer token.
    """

    iss: str
    aud: AdapterId
    sub: EntityRef
    tid: str
    env: Environment
    iat: int
    nbf: int
    exp: int
    jti: str
    reg: str
    action: str
    resource: EntityRef
    arh: bytes
    ith: bytes
    pol: bytes
    rul: tuple[str, ...]
    obl: tuple[str, ...] = ()
    apr: tuple[str, ...] = ()
    log: LogPosition | None = None
    act: tuple[EntityRef, ...] = ()
    cnf: HolderKey | None = None

    def to_json(self) -> dict[str, Json]:
        """The claims as JSON members; without `log` while it is None."""
        value: dict[str, Json] = {
            "action": self.action,
            "apr": list(self.apr),
            "arh": b64url(self.arh),
            "aud": self.aud,
            "env": self.env,
            "exp": self.exp,
            "iat": self.iat,
            "iss": self.iss,
            "ith": b64url(self.ith),
            "jti": self.jti,
            "nbf": self.nbf,
            "obl": list(self.obl),
            "pol": b64url(self.pol),
            "reg": self.reg,
            "resource": _written(self.resource),
            "rul": list(self.rul),
            "sub": _written(self.sub),
            "tid": self.tid,
        }
        if self.log is not None:
            generation, seq, leaf = self.log
            value["log"] = {"g": generation, "seq": seq, "leaf": b64url(leaf)}
        if self.act:
            value["act"] = _nested(self.act)
        if self.cnf is not None:
            value["cnf"] = dict(self.cnf.to_json())
        return value

    def canonical(self) -> bytes:
        """Canonical JSON bytes; raises IntentError for what JSON cannot hold."""
        return pack(self.to_json())


_NAMES: Final = tuple(item.name for item in fields(TokenClaims))
_SORTED: Final = sorted(set(_NAMES) - {"act", "cnf"})
_SORTED_LOG: Final = ["g", "leaf", "seq"]
_Unfrozen: Final[Any] = make_dataclass("_Unfrozen", _NAMES, slots=True)


def claims_digest(claims: TokenClaims) -> bytes:
    """SHA-256 (32 bytes) of the labelled canonical claims, `log` included when it is there: the nonce row has it."""
    return digest_of_canonical(claims.canonical())


def digest_of_canonical(data: bytes) -> bytes:
    """`claims_digest` of claims whose canonical bytes are at hand."""
    return _DIGEST.digest(data)


def parse_claims(data: bytes) -> TokenClaims:
    """The claims in canonical bytes.

    Raises TokenError `token.claims_form` (not canonical, or not the closed set) or `token.claims_type` (a value of the
    wrong kind).
    """
    try:
        return _claims_at_once(data)
    except Exception:  # noqa: BLE001 - whatever is not usual is judged by the thorough way, which says what is wrong
        return parse_claims_thoroughly(data)


_TEXT: Final = r"[ !#-\[\]-~]{1,512}"  # ASCII that JSON writes as it is: each such text has one spelling
_NUMBER: Final = "(0|[1-9][0-9]{0,10})"  # below every bound of a number in claims
_HASH: Final = "([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])"
_ENTITY: Final = rf'([A-Za-z0-9_:]{{1,512}}::\\"{_TEXT}\\")'
_USUAL: Final = re.compile(
    rf'\{{"action":"({_TEXT})","apr":\[\],"arh":"{_HASH}","aud":"({_TEXT})","env":"(live|test)","exp":{_NUMBER},"iat":{_NUMBER},'
    rf'"iss":"({_TEXT})","ith":"{_HASH}","jti":"([A-Za-z0-9_-]{{22,64}})","log":\{{"g":{_NUMBER},"leaf":"{_HASH}","seq":{_NUMBER}\}},'
    rf'"nbf":{_NUMBER},"obl":\[\],"pol":"{_HASH}","reg":"({_TEXT})","resource":"{_ENTITY}",'
    rf'"rul":\["({_TEXT}(?:","{_TEXT})*)"\],"sub":"{_ENTITY}","tid":"([0-9a-f]{{32}})"\}}'
).fullmatch


def _claims_at_once(data: bytes) -> TokenClaims:
    """Claims of the usual form (texts of plain ASCII, no obligation, approval, actor or holder), read by one pattern. Raises for others."""
    (
        action, arh, aud, env, exp, iat, iss, ith, jti, generation, leaf, seq, nbf, pol, reg, resource, rul, sub, tid,
    ) = _USUAL(data.decode("ascii")).groups()  # type: ignore[union-attr]  # fmt: skip
    check_names(iss, aud, reg, action)
    # Each digest has 43 characters; the "A" between two makes 44, so that four decode at once, 33 bytes apart.
    digests = binascii.a2b_base64(f"{arh}A{ith}A{pol}A{leaf}=".encode().translate(_TO_STANDARD))
    claims: TokenClaims = _Unfrozen(
        iss, aud, _plain_entity(sub), tid, env, int(iat), int(nbf), int(exp), jti, reg, action, _plain_entity(resource),
        digests[:32], digests[33:65], digests[66:98], _plain_texts(rul), (), (), (int(generation), int(seq), digests[99:]), (), None,
    )  # fmt: skip
    # The frozen constructor costs as much as the JSON; the same slots under another class do not.
    claims.__class__ = TokenClaims
    return claims


@lru_cache(maxsize=1024)
def _plain_entity(escaped: str) -> EntityRef:
    return read_entity(escaped.replace('\\"', '"'))


@lru_cache(maxsize=1024)
def _plain_texts(joined: str) -> tuple[str, ...]:
    return tuple(joined.split('","'))


def parse_claims_thoroughly(data: bytes) -> TokenClaims:
    """`parse_claims` without the quick way; the two answer equal values wherever the quick one answers."""
    try:
        value = orjson.loads(data)
        # Written again without sorting: the bytes are canonical when the members also stand in their order.
        if orjson.dumps(value) != data:
            raise TokenError("token.claims_form")
        actors: tuple[EntityRef, ...] = ()
        holder: HolderKey | None = None
        if list(value) != _SORTED:
            if list(value) != sorted(value):
                raise TokenError("token.claims_form")
            if "act" in value:
                actors = _actors(value.pop("act"))
            if "cnf" in value:
                holder = HolderKey.from_json(value.pop("cnf"))
            if list(value) != _SORTED:
                raise TokenError("token.claims_form")
        (
            action, apr, arh, aud, env, exp, iat, iss, ith, jti, log, nbf, obl, pol, reg, resource, rul, sub, tid,
        ) = value.values()  # fmt: skip
        if type(log) is not dict or list(log) != _SORTED_LOG:
            raise TokenError("token.claims_form")
        generation, leaf, seq = log.values()
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise TokenError("token.claims_form") from None
    try:
        # No string of the pattern holds a space, so the joined text has one reading.
        if _PATTERNED.fullmatch(" ".join((env, tid, jti, arh, ith, pol, leaf))) is None or not (
            type(iat) is type(nbf) is type(exp) is type(generation) is type(seq) is int
            and 0 <= iat <= MAX_SECONDS
            and 0 <= nbf <= MAX_SECONDS
            and 0 <= exp <= MAX_SECONDS
            and 0 <= generation <= MAX_COUNT
            and 0 <= seq <= MAX_COUNT
        ):
            raise TokenError("token.claims_type")
        check_names(iss, aud, reg, action)
        # Each digest has 43 characters; the "A" between two makes 44, so that four decode at once, 33 bytes apart.
        digests = binascii.a2b_base64("A".join((arh, ith, pol, leaf)).encode().translate(_TO_STANDARD) + b"=")
        claims: TokenClaims = _Unfrozen(
            iss, aud, read_entity(sub), tid, env, iat, nbf, exp, jti, reg, action, read_entity(resource),
            digests[:32], digests[33:65], digests[66:98],
            _texts(rul), _texts(obl), _texts(apr), (generation, seq, digests[99:]),
            actors, holder,
        )  # fmt: skip
    except (TypeError, ValueError, IntentError):
        raise TokenError("token.claims_type") from None
    claims.__class__ = TokenClaims
    return claims


def _nested(actors: tuple[EntityRef, ...]) -> Json:
    """An actor object (RFC 8693 § 4.1): the first is outermost."""
    found: dict[str, Json] | None = None
    for actor in reversed(actors):
        found = {"sub": str(actor)} if found is None else {"act": found, "sub": str(actor)}
    return found


def _actors(value: object) -> tuple[EntityRef, ...]:
    """The actors of an actor object, outermost first, at least one."""
    found: list[EntityRef] = []
    while True:
        if type(value) is not dict or list(value) not in (["sub"], ["act", "sub"]) or len(found) == MAX_CHAIN:
            raise TokenError("token.claims_type")
        found.append(read_entity(value["sub"]))
        if "act" not in value:
            return tuple(found)
        value = value["act"]


@lru_cache(maxsize=1024)
def check_names(iss: str, aud: str, reg: str, action: str) -> None:
    adapter_id(aud)
    for name in (iss, reg, action):
        if type(name) is not str or not 0 < len(name.encode()) <= MAX_TEXT_BYTES or _CONTROL.search(name) is not None:
            raise TokenError("token.claims_type")


@lru_cache(maxsize=1024)
def read_entity(value: str) -> EntityRef:
    """The entity in its one written form, `Type::"id"`; raises TokenError or IntentError."""
    if type(value) is not str:
        raise TokenError("token.claims_type")
    kind, mark, rest = value.partition('::"')
    if not mark or rest[-1:] != '"':
        raise TokenError("token.claims_type")
    ref = EntityRef(kind, _REF_ESCAPE.sub(r"\1", rest[:-1]))
    if str(ref) != value:
        raise TokenError("token.claims_type")
    return ref


_written: Final = lru_cache(maxsize=1024)(EntityRef.__str__)


def _texts(value: object) -> tuple[str, ...]:
    if type(value) is not list:
        raise TokenError("token.claims_type")
    for item in value:
        if type(item) is not str or not item:
            raise TokenError("token.claims_type")
    return tuple(value)
