"""The holder's key of a token (`cnf`, RFC 7800), the proofs of possession of it, and a holder that keeps its own key.

A holder gives the name of its key when it asks; the token is then worth nothing without that key (authority.md § 2). The name is a
thumbprint: of a public JWK (`jkt`, RFC 9449 § 6.1) or of a certificate (`x5t#S256`, RFC 8705 § 3.1).

    key = LocalHolderKey.generate(SystemRandomness())
    token = tenant.require(intent, audience="bank", holder=key.holder)
    jwt = key.prove(token.text, method="POST", url="https://bank.example/pay", now_s=…, randomness=…)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intended_core.canonical import b64url, pack, unb64url
from intended_core.clock import Randomness
from intended_core.errors import IntentError, KeyRingError, TokenError
from intended_core.keys.jwks import ed25519_public, public_from_jwk, thumbprint

__all__ = ["CertificateProof", "DpopProof", "HolderKey", "HolderProof", "LocalHolderKey"]

HolderMethod = Literal["jkt", "x5t#S256"]
_METHODS: Final = ("jkt", "x5t#S256")
MAX_CERTIFICATE_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderKey:
    """Names the one key that a token is bound to. `thumbprint`: SHA-256, 32 bytes. Raises KeyRingError for another shape."""

    method: HolderMethod
    thumbprint: bytes

    def __post_init__(self) -> None:
        if self.method not in _METHODS or type(self.thumbprint) is not bytes or len(self.thumbprint) != 32:
            raise KeyRingError("a holder's key is named by a SHA-256 thumbprint of its JWK or its certificate")

    @classmethod
    def of_jwk(cls, jwk: Mapping[str, str], *, algorithm: str) -> HolderKey:
        """The key in a public JWK, for DPoP (RFC 7638). Raises KeyRingError unless it is a sound key of `algorithm`."""
        key = public_from_jwk(algorithm, dict(jwk))
        return cls(method="jkt", thumbprint=unb64url(thumbprint(key)))

    @classmethod
    def of_certificate(cls, der: bytes) -> HolderKey:
        """The client certificate (DER) of a TLS session, for mutual TLS (RFC 8705). Raises KeyRingError."""
        return cls(method="x5t#S256", thumbprint=_certificate(der))

    def to_json(self) -> dict[str, str]:
        """The `cnf` claim: exactly one confirmation method (RFC 7800 § 3.1)."""
        return {self.method: b64url(self.thumbprint)}

    @classmethod
    def from_json(cls, value: object) -> HolderKey:
        """The key in a `cnf` claim of exactly one member; raises TokenError `token.claims_type`."""
        try:
            if type(value) is not dict or len(value) != 1:
                raise TokenError("token.claims_type")
            ((method, text),) = value.items()
            return cls(method=method, thumbprint=unb64url(text))
        except (IntentError, KeyRingError, TypeError):
            raise TokenError("token.claims_type") from None


def _certificate(der: bytes) -> bytes:
    # DER of a certificate is a SEQUENCE; PEM text, a header's value or an empty answer of a proxy is not.
    if type(der) is not bytes or not 0 < len(der) <= MAX_CERTIFICATE_BYTES or der[0] != 0x30:
        raise KeyRingError("a client certificate is given as the DER bytes of the TLS session")
    return hashlib.sha256(der).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class DpopProof:
    """A DPoP proof as it came, and what it must speak of (RFC 9449 § 4.3).

    `jwt`: the value of the one DPoP header. `method`: of the request, as in `POST`. `url`: the request's own, without query and fragment,
    as the host knows it. `nonce`: the one that the host asked for; None where it asks for none.
    """

    jwt: str = field(repr=False)
    method: str
    url: str
    nonce: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateProof:
    """The client certificate of the TLS session over which the token came, as DER bytes from the TLS library.

    Never from a header: whoever sends a request writes its headers (RFC 8705 § 6.4 leaves that to the host's own proxy).
    """

    der: bytes = field(repr=False)

    def thumbprint(self) -> bytes:
        """SHA-256 of the certificate, 32 bytes; raises KeyRingError for bytes that are none."""
        return _certificate(self.der)


HolderProof = DpopProof | CertificateProof


class LocalHolderKey:
    """A holder's own Ed25519 key, in its process. Hidden in repr, and not pickled."""

    __slots__ = ("_key", "holder")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.holder: Final = HolderKey.of_jwk(self.jwk, algorithm="Ed25519")

    @classmethod
    def generate(cls, randomness: Randomness) -> LocalHolderKey:
        """A fresh key from 32 random bytes."""
        seed = randomness.token_bytes(32)
        if len(seed) != 32:
            raise KeyRingError("the random generator answered the wrong number of bytes")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def jwk(self) -> dict[str, str]:
        """The public JWK (RFC 8037 § 2)."""
        return ed25519_public(self._key.public_key().public_bytes_raw()).jwk()

    def prove(
        self, token: str, *, method: str, url: str, now_s: int, randomness: Randomness, nonce: str | None = None
    ) -> str:
        """A DPoP proof for one request with `token` (RFC 9449 § 4.2). `now_s`: seconds since 1970. `nonce`: what the host asked for."""
        head = pack({"alg": "Ed25519", "jwk": self.jwk, "typ": "dpop+jwt"})
        claims: dict[str, object] = {
            "ath": b64url(hashlib.sha256(token.encode("ascii")).digest()), "htm": method, "htu": url, "iat": now_s,
            "jti": b64url(randomness.token_bytes(16)),
        }  # fmt: skip
        if nonce is not None:
            claims["nonce"] = nonce
        signed = f"{b64url(head)}.{b64url(pack(claims))}"
        return f"{signed}.{b64url(self._key.sign(signed.encode()))}"

    def __repr__(self) -> str:
        return "LocalHolderKey(<hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LocalHolderKey is not pickled")
