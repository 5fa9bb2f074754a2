"""Logs whose token keys change, with real signatures of all four algorithms; and changes that nobody vouched for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from intended_core.audit.bundle import HeaderRange
from intended_core.audit.record import EventKind
from intended_core.audit.tree import Frontier
from intended_core.canonical import b64url, frame
from intended_core.keys.jwks import load_public, thumbprint
from intended_core.keys.transitions import compromise_digest, transition_message
from tests.reference.audit_world import START_US, TenantLog, secret

__all__ = ["ALGORITHMS", "TokenKey", "bundle", "compromise", "generate", "retire", "rotate", "token_key"]

ALGORITHMS: Final = ("Ed25519", "ES256", "RS256", "PS256")


@dataclass(frozen=True)
class TokenKey:
    algorithm: str
    der: bytes
    kid: str
    sign: Callable[[bytes], bytes]

    @property
    def jwk(self) -> dict[str, Any]:
        return {**load_public(self.algorithm, self.der).jwk(), "kid": self.kid, "alg": self.algorithm}


@cache
def token_key(algorithm: str, number: int = 0) -> TokenKey:
    """The same key for the same number within a process."""
    sign: Callable[[bytes], bytes]
    public: Any
    if algorithm == "Ed25519":
        own = ed25519.Ed25519PrivateKey.from_private_bytes(bytes([99, number]) * 16)
        public, sign = own.public_key(), own.sign
    elif algorithm == "ES256":
        curve = ec.derive_private_key(7919 + number, ec.SECP256R1())

        def sign(message: bytes) -> bytes:
            r, s = decode_dss_signature(curve.sign(message, ec.ECDSA(SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")

        public = curve.public_key()
    else:
        large = rsa.generate_private_key(65537, 2048)
        pad: Any = padding.PKCS1v15() if algorithm == "RS256" else padding.PSS(padding.MGF1(SHA256()), 32)

        def sign(message: bytes) -> bytes:
            return large.sign(message, pad, SHA256())

        public = large.public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return TokenKey(algorithm=algorithm, der=der, kid=thumbprint(load_public(algorithm, der)), sign=sign)


def first_key(log: TenantLog) -> TokenKey:
    """The one that the record of the tenant names."""
    return TokenKey(algorithm="Ed25519", der=log.token_key.der, kid=log.kid, sign=log.token_secret.sign)


def _signed(log: TenantLog, step: Any, old: TokenKey, new: TokenKey) -> dict[str, Any]:
    message = transition_message(log.scope, step, old=old.kid, new=new.kid, at_us=START_US)
    return {"at_us": START_US, "signed": {"old": b64url(old.sign(message)), "new": b64url(new.sign(message))}}


def rotate(log: TenantLog, old: TokenKey, new: TokenKey, *, retired: Sequence[str] = (), **changes: Any) -> int:
    """`new` becomes ACTIVE; `changes` replace members of the record."""
    body = {
        "active": new.kid, "active_key": b64url(new.der), "active_alg": new.algorithm, "previous": old.kid, "retired": list(retired),
        **_signed(log, "rotated", old, new),
    }  # fmt: skip
    return log.add(EventKind.KEY_ROTATED, {**body, **changes})


def generate(log: TenantLog, old: TokenKey, new: TokenKey, **changes: Any) -> int:
    body = {"kid": new.kid, "key": b64url(new.der), "alg": new.algorithm, **_signed(log, "generated", old, new)}
    return log.add(EventKind.KEY_GENERATED, {**body, **changes})


def retire(log: TenantLog, *kids: str) -> int:
    return log.add(EventKind.KEY_RETIRED, {"retired": list(kids)})


def compromise(log: TenantLog, key: TokenKey, new: TokenKey | None = None, *, persons: tuple[int, ...] = (61, 62), **changes: Any) -> int:
    """Two persons call `key` compromised; `new` replaces it where it was ACTIVE."""
    digest = compromise_digest(log.scope, key.kid)
    message = frame(b"intended.person-signature/v1", digest)
    signed = [
        ["Person", str(one), b64url(secret(one).public_key().public_bytes_raw()), b64url(secret(one).sign(message))] for one in persons
    ]
    body: dict[str, Any] = {"kid": key.kid, "before": "ACTIVE", "digest": b64url(digest), "persons": signed}
    if new is not None:
        body |= {"active": new.kid, "active_key": b64url(new.der), "active_alg": new.algorithm}
    return log.add(EventKind.KEY_COMPROMISED, {**body, **changes})


def consume(log: TenantLog, number: int, decided: int, key: TokenKey) -> int:
    """The token of a decision is redeemed, signed by `key`."""
    kid, log.kid = log.kid, key.kid
    try:
        return log.consume(number, decided)
    finally:
        log.kid = kid


def bundle(log: TenantLog, decided: int, life: Sequence[int], keys: Sequence[TokenKey], changes: Sequence[int], **more: Any) -> bytes:
    """The bundle of a decision with these changes of keys, and these public keys beside the first."""
    before = Frontier.empty()
    for row in log.rows[:decided]:
        before = before.append(row.leaf)
    headers = HeaderRange(before=before, entries=tuple(row.entry for row in log.rows[decided:]))
    token_keys = {"keys": [*log.token_keys["keys"], *(key.jwk for key in keys)]}
    return log.bundle(decided, [*life, *changes], token_keys=token_keys, headers=headers, **more)
