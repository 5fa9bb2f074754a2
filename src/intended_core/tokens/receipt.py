"""Receipts: a signed statement that an intent was denied or waits for people, and where the log says so. No redeem accepts one.

A receipt is a compact JWS in one spelling, as a token is, with a media type of its own (RFC 8725 § 3.11), signed with the tenant's token
key. Whoever holds the tenant's JWK Set of that time can read it offline; with an evidence bundle of the same record it can be checked
that the log holds what the receipt says.

    {"alg":"RS256","kid":"<thumbprint>","typ":"decision-receipt+jwt"} . <claims> . <signature>
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from intended_core.canonical import Json, b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import IntentError, KeyRingError, TokenError
from intended_core.keys.jwks import PublicKey, public_from_jwk, thumbprint
from intended_core.tokens.codec import MAX_TOKEN_BYTES, decode_segment, split

__all__ = ["TYPE", "Receipt", "SignedReceipt", "read_receipt", "receipt_input", "release_receipt"]

TYPE: Final = "decision-receipt+jwt"
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_HEADER: Final = re.compile(
    rb'\{"alg":"(RS256|PS256|ES256|Ed25519)","kid":"([A-Za-z0-9_-]{43})","typ":"decision-receipt\+jwt"\}'
)
_MEMBERS: Final = frozenset(
    {"action", "apr", "cls", "env", "iat", "iss", "ith", "log", "out", "pol", "resource", "rul", "sub", "tid"}
)
_PUBLIC: Final = ("kty", "n", "e", "crv", "x", "y")
MAX_RULES: Final = 64  # a receipt names the first; the record has them all
_UUID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a receipt says.

    `out`: deny or escalate. `cls`: the class of the denial, empty for an escalation. `apr`: the id of the request that waits, empty for a
    denial. `sub`, `resource`: in their written form. `rul`: rules that decided, at most 64. `ith`, `pol`: 32-byte digests of the decision
    input and of the policy set, None where none was in play. `iat`: when it was decided, seconds since 1970. `log`: (generation, sequence
    number, leaf hash) of the decision's record.
    """

    iss: str
    tid: str
    env: str
    iat: int
    out: Literal["deny", "escalate"]
    cls: str
    apr: str
    sub: str
    action: str
    resource: str
    rul: tuple[str, ...]
    ith: bytes | None
    pol: bytes | None
    log: tuple[int, int, bytes]

    def canonical(self) -> bytes:
        """Canonical JSON bytes; raises IntentError for text that is not valid Unicode."""
        generation, seq, leaf = self.log
        value: dict[str, Json] = {
            "action": self.action, "apr": self.apr, "cls": self.cls, "env": self.env, "iat": self.iat, "iss": self.iss,
            "ith": None if self.ith is None else b64url(self.ith),
            "log": {"g": generation, "leaf": b64url(leaf), "seq": seq}, "out": self.out,
            "pol": None if self.pol is None else b64url(self.pol), "resource": self.resource, "rul": list(self.rul),
            "sub": self.sub, "tid": self.tid,
        }  # fmt: skip
        return canonical_json(value)


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt to hand over. `text`: the compact JWS. It is no secret and no right."""

    text: str


def receipt_input(receipt: Receipt, *, kid: str, algorithm: str) -> bytes:
    """What is signed; raises KeyRingError when it would not be read back."""
    head = f'{{"alg":"{algorithm}","kid":"{kid}","typ":"{TYPE}"}}'.encode()
    try:
        data = receipt.canonical()
        if _HEADER.fullmatch(head) is None or _read(data) != receipt:
            raise KeyRingError("the receipt does not read back as it was written")
    except (IntentError, TokenError):
        raise KeyRingError("the receipt does not have its form") from None
    made = _segment(head) + b"." + _segment(data)
    if len(made) > MAX_TOKEN_BYTES - 344:
        raise KeyRingError("the receipt would be larger than 8 KiB")
    return made


def release_receipt(unsigned: bytes, signature: bytes, key: PublicKey) -> SignedReceipt:
    """The receipt, after its signature was checked under the pinned public key; raises KeyRingError otherwise."""
    key.verify(signature, unsigned)
    return SignedReceipt((unsigned + b"." + _segment(signature)).decode("ascii"))


def read_receipt(text: str | bytes, jwks: Mapping[str, Any]) -> Receipt:
    """What a receipt says, verified offline under a tenant's JWK Set. It grants nothing.

    Raises TokenError: `receipt.form`, `receipt.key_unknown`, `receipt.signature`.
    """
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if not isinstance(data, bytes):
        raise TokenError("receipt.form")
    try:
        parts = [decode_segment(part.translate(_TO_URL)) for part in split(data)]
    except TokenError:
        raise TokenError("receipt.form") from None
    head = _HEADER.fullmatch(parts[0])
    if head is None:
        raise TokenError("receipt.form")
    key = _key(jwks, algorithm=head[1].decode(), kid=head[2].decode())
    try:
        key.verify(parts[2], data.rpartition(b".")[0])
    except KeyRingError:
        raise TokenError("receipt.signature") from None
    return _read(parts[1])


def _key(jwks: Mapping[str, Any], *, algorithm: str, kid: str) -> PublicKey:
    """The one key of that name; its algorithm is its own, and its name is its thumbprint."""
    found = [each for each in jwks.get("keys", ()) if isinstance(each, dict) and each.get("kid") == kid]
    if len(found) != 1 or found[0].get("alg") != algorithm or any(name in found[0] for name in ("d", "k", "p")):
        raise TokenError("receipt.key_unknown")
    try:
        key = public_from_jwk(algorithm, {name: found[0][name] for name in _PUBLIC if name in found[0]})
    except KeyRingError:
        raise TokenError("receipt.key_unknown") from None
    if thumbprint(key) != kid:
        raise TokenError("receipt.key_unknown")
    return key


def _read(data: bytes) -> Receipt:
    try:
        value: Any = parse_canonical(data, max_bytes=MAX_TOKEN_BYTES)
        if not isinstance(value, dict) or value.keys() != _MEMBERS or value["log"].keys() != {"g", "leaf", "seq"}:
            raise TokenError("receipt.form")
        log = (value["log"]["g"], value["log"]["seq"], unb64url(value["log"]["leaf"]))
        digests = [None if value[name] is None else unb64url(value[name]) for name in ("ith", "pol")]
        texts = [value[name] for name in ("action", "apr", "cls", "env", "iss", "out", "resource", "sub", "tid")]
        rules = value["rul"]
        if (
            not all(type(text) is str for text in (*texts, *rules))
            or type(rules) is not list
            or len(rules) > MAX_RULES
            or value["env"] not in ("live", "test")
            or (value["out"], value["cls"] == "", value["apr"] == "")
            not in (("deny", False, True), ("escalate", True, False))
            or _UUID.fullmatch(value["tid"]) is None
            or any(type(number) is not int or number < 0 for number in (value["iat"], *log[:2]))
            or any(digest is not None and len(digest) != 32 for digest in (*digests, log[2]))
        ):
            raise TokenError("receipt.form")
    except (IntentError, KeyError, TypeError, AttributeError, ValueError):
        raise TokenError("receipt.form") from None
    return Receipt(
        iss=value["iss"], tid=value["tid"], env=value["env"], iat=value["iat"], out=value["out"], cls=value["cls"],
        apr=value["apr"], sub=value["sub"], action=value["action"], resource=value["resource"], rul=tuple(rules),
        ith=digests[0], pol=digests[1], log=log,
    )  # fmt: skip


def _segment(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)
