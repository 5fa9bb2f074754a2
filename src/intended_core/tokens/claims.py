"""What a token says (authority.md § 2), as one frozen value with exactly one spelling in bytes.

The claims are a closed set of nineteen members in canonical JSON. `sub` and `resource` are entities in their written
form, `Type::"id"`; digests are base64url of 32 bytes; times are whole seconds. Reading is strict: bytes that would not
be written exactly so are refused, which leaves no room for a second member of a name, an escape, a fraction or an
unknown claim.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import orjson

from intended_core.canonical import Json, b64url, canonical_json, digest
from intended_core.errors import IntentError, TokenError
from intended_core.ids import AdapterId, EntityRef, Environment, adapter_id

__all__ = ["MAX_GRANT_BYTES", "LogPosition", "TokenClaims", "claims_digest", "digest_of_canonical", "parse_claims"]

LogPosition: TypeAlias = tuple[int, int, bytes]  # generation, sequence number, leaf hash of the decision's record

MAX_GRANT_BYTES: Final = 8 * 1024  # authority.md § 2: rul, obl and apr are never cut; over this is a refusal to issue
MAX_TEXT_BYTES: Final = 512  # issuer, action, rule and approval ids: names, not documents
MAX_SECONDS: Final = 253402300799  # the last second of the year 9999
MAX_COUNT: Final = 2**53 - 1  # RFC 7493
_LABEL: Final = "intended.token-claims/v0"
_JTI: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")  # at least 128 random bits (RFC 8725 § 3.5)
_TENANT: Final = re.compile(r"[0-9a-f]{32}")
_DIGEST: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")  # 32 bytes: the last character has two zero bits
_TO_STANDARD: Final = str.maketrans("-_", "+/")
_REF_ESCAPE: Final = re.compile(r'\\([\\"])')
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_NAMES: Final = frozenset(
    ("iss", "aud", "sub", "tid", "env", "iat", "nbf", "exp", "jti", "reg", "action", "resource", "arh", "ith", "pol",
     "rul", "obl", "apr", "log")
)  # fmt: skip
_LOG_NAMES: Final = frozenset({"g", "seq", "leaf"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """The claims of one token.

    `iss`: the authority. `aud`: the one adapter. `sub`: the principal. `tid`: the tenant's uuid (32 hexadecimal
    characters). `env`: live or test. `iat`, `nbf`, `exp`: seconds since 1970. `jti`: the nonce, 22 to 64 base64url
    characters. `reg`: the register that counts it. `arh`, `ith`, `pol`: 32-byte digests of the call, of the whole
    decision input, and of the policy set. `rul`: determining rules. `obl`: obligations in their written form. `apr`:
    approvals used. `log`: (generation, sequence number, leaf hash) of the decision's record; None only while the record
    is being written, and such claims are never signed.
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

    def to_json(self) -> dict[str, Json]:
        """The claims as JSON members; without `log` while it is None."""
        value: dict[str, Json] = {
            "iss": self.iss,
            "aud": self.aud,
            "sub": str(self.sub),
            "tid": self.tid,
            "env": self.env,
            "iat": self.iat,
            "nbf": self.nbf,
            "exp": self.exp,
            "jti": self.jti,
            "reg": self.reg,
            "action": self.action,
            "resource": str(self.resource),
            "arh": b64url(self.arh),
            "ith": b64url(self.ith),
            "pol": b64url(self.pol),
            "rul": list(self.rul),
            "obl": list(self.obl),
            "apr": list(self.apr),
        }
        if self.log is not None:
            generation, seq, leaf = self.log
            value["log"] = {"g": generation, "seq": seq, "leaf": b64url(leaf)}
        return value

    def canonical(self) -> bytes:
        """Canonical JSON bytes; raises IntentError for what JSON cannot hold."""
        return canonical_json(self.to_json())


def claims_digest(claims: TokenClaims) -> bytes:
    """SHA-256 (32 bytes) of the labelled canonical claims, `log` included when it is there: the nonce row has it."""
    return digest_of_canonical(claims.canonical())


def digest_of_canonical(data: bytes) -> bytes:
    """`claims_digest` of claims whose canonical bytes are at hand."""
    return digest(_LABEL, data)


def parse_claims(data: bytes) -> TokenClaims:
    """The claims in canonical bytes.

    Raises TokenError `token.claims_form` (not canonical, or not the closed set) or `token.claims_type` (a value of the
    wrong kind).
    """
    try:
        value = orjson.loads(data)
        if orjson.dumps(value, option=orjson.OPT_SORT_KEYS) != data:
            raise TokenError("token.claims_form")
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        raise TokenError("token.claims_form") from None
    if type(value) is not dict or value.keys() != _NAMES:
        raise TokenError("token.claims_form")
    log = value["log"]
    if type(log) is not dict or log.keys() != _LOG_NAMES:
        raise TokenError("token.claims_form")
    try:
        if not _TENANT.fullmatch(value["tid"]) or not _JTI.fullmatch(value["jti"]):
            raise TokenError("token.claims_type")
        environment = value["env"]
        if environment != "live" and environment != "test":
            raise TokenError("token.claims_type")
        return TokenClaims(
            iss=_name(value["iss"]),
            aud=_audience(value["aud"]),
            sub=_entity(value["sub"]),
            tid=value["tid"],
            env=environment,
            iat=_integer(value["iat"], MAX_SECONDS),
            nbf=_integer(value["nbf"], MAX_SECONDS),
            exp=_integer(value["exp"], MAX_SECONDS),
            jti=value["jti"],
            reg=_name(value["reg"]),
            action=_name(value["action"]),
            resource=_entity(value["resource"]),
            arh=_bytes32(value["arh"]),
            ith=_bytes32(value["ith"]),
            pol=_bytes32(value["pol"]),
            rul=_names(value["rul"]),
            obl=_texts(value["obl"]),
            apr=_names(value["apr"]),
            log=(_integer(log["g"], MAX_COUNT), _integer(log["seq"], MAX_COUNT), _bytes32(log["leaf"])),
        )
    except (TypeError, ValueError, IntentError):
        raise TokenError("token.claims_type") from None


def _integer(value: object, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise TokenError("token.claims_type")
    return value


@lru_cache(maxsize=1024)
def _name(value: str) -> str:
    if type(value) is not str or not 0 < len(value.encode()) <= MAX_TEXT_BYTES or _CONTROL.search(value) is not None:
        raise TokenError("token.claims_type")
    return value


@lru_cache(maxsize=1024)
def _audience(value: str) -> AdapterId:
    return adapter_id(value)


@lru_cache(maxsize=1024)
def _entity(value: str) -> EntityRef:
    kind, mark, rest = value.partition('::"')
    if not mark or rest[-1:] != '"':
        raise TokenError("token.claims_type")
    ref = EntityRef(kind, _REF_ESCAPE.sub(r"\1", rest[:-1]))
    if str(ref) != value:
        raise TokenError("token.claims_type")
    return ref


def _bytes32(value: str) -> bytes:
    if _DIGEST.fullmatch(value) is None:
        raise TokenError("token.claims_type")
    return binascii.a2b_base64(value.translate(_TO_STANDARD) + "=")


def _names(value: object) -> tuple[str, ...]:
    if type(value) is not list:
        raise TokenError("token.claims_type")
    return tuple([_name(item) for item in value])


def _texts(value: object) -> tuple[str, ...]:
    if type(value) is not list or not all(type(item) is str for item in value):
        raise TokenError("token.claims_type")
    return tuple(value)
