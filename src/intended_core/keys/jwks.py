"""Public keys: SubjectPublicKeyInfo DER in, checked verification keys, JWKs (RFC 7517) and thumbprints (RFC 7638) out.

Two algorithms: `RS256` (RFC 7518 § 3.3, exactly RSA-2048 with e = 65537) and `Ed25519` (the RFC 9864 name of RFC 8032's
curve). A key belongs to one algorithm, and nothing else is accepted for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from intended_core.canonical import b64url, canonical_json
from intended_core.errors import KeyRingError

__all__ = ["ALGORITHMS", "PublicKey", "ed25519_public", "jwk_set", "load_public", "thumbprint"]

ALGORITHMS: Final = frozenset({"RS256", "Ed25519"})
RSA_BITS: Final = 2048  # authority.md § 3; RFC 7518 § 3.3 asks for at least this
RSA_EXPONENT: Final = 65537
MAX_PUBLIC_DER: Final = 1024  # an RSA-2048 SubjectPublicKeyInfo has 294 bytes
_CACHED_KEYS: Final = 1024

# The encodings, canonical and not, of the eight points whose order divides the cofactor: under such a key anybody can
# sign.
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)
_FIELD_PRIME: Final = 2**255 - 19
_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()


class PublicKey:
    """A checked public key of one algorithm. Made by `load_public` and `ed25519_public`."""

    __slots__ = ("_key", "_rsa", "algorithm", "der")

    def __init__(self, *, algorithm: str, der: bytes, key: RSAPublicKey | Ed25519PublicKey) -> None:
        self.algorithm: Final = algorithm
        self.der: Final = der
        self._key = key
        self._rsa = key if isinstance(key, RSAPublicKey) else None

    def __repr__(self) -> str:
        return f"PublicKey({self.algorithm})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PublicKey is not pickled: store its DER")

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return when `signature` (256 bytes for RS256, 64 for Ed25519) is this key's over `message`; raise
        KeyRingError otherwise.
        """
        rsa = self._rsa
        try:
            if rsa is not None:
                rsa.verify(signature, message, _PADDING, _HASH)
            else:
                self._key.verify(signature, message)  # type: ignore[call-arg]
        except InvalidSignature:
            raise KeyRingError("the signature does not hold under the pinned public key") from None

    def jwk(self) -> dict[str, str]:
        """The public JWK without kid: `{kty, n, e}` (RFC 7518 § 6.3.1) or `{kty, crv, x}` (RFC 8037 § 2)."""
        if self._rsa is not None:
            numbers = self._rsa.public_numbers()
            return {"kty": "RSA", "n": _uint(numbers.n), "e": _uint(numbers.e)}
        raw = self._key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64url(raw)}


def _uint(number: int) -> str:
    return b64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


@lru_cache(maxsize=_CACHED_KEYS)
def load_public(algorithm: str, der: bytes) -> PublicKey:
    """The verification key in `der` (SubjectPublicKeyInfo). Raises KeyRingError unless it is a sound key of exactly
    `algorithm`.

    RSA: 2048 bits and e = 65537. Ed25519: a canonical point that is not of small order. The DER must be the one
    spelling that this key has, so that a key record and its thumbprint name the same bytes.
    """
    if algorithm not in ALGORITHMS:
        raise KeyRingError("the key's algorithm is not one of RS256 and Ed25519")
    if not 0 < len(der) <= MAX_PUBLIC_DER:
        raise KeyRingError("the public key is not a SubjectPublicKeyInfo of a supported size")
    try:
        key = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyRingError("the public key is not a readable SubjectPublicKeyInfo") from None
    if algorithm == "RS256" and isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        if key.key_size != RSA_BITS or numbers.e != RSA_EXPONENT or numbers.n % 2 == 0:
            raise KeyRingError("an RS256 key is RSA-2048 with the exponent 65537")
        checked: RSAPublicKey | Ed25519PublicKey = key
    elif algorithm == "Ed25519" and isinstance(key, Ed25519PublicKey):
        _check_point(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
        checked = key
    else:
        raise KeyRingError("the public key is not of its record's algorithm")
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != der:
        raise KeyRingError("the public key is not in its canonical encoding")
    return PublicKey(algorithm=algorithm, der=der, key=checked)


@lru_cache(maxsize=_CACHED_KEYS)
def ed25519_public(raw: bytes) -> PublicKey:
    """The verification key of 32 raw bytes (RFC 8032 § 5.1.5); raises KeyRingError for a wrong length or weak point."""
    if len(raw) != 32:
        raise KeyRingError("an Ed25519 public key has 32 bytes")
    _check_point(raw)
    try:
        key = Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRingError("the Ed25519 public key is not readable") from None
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(algorithm="Ed25519", der=der, key=key)


def _check_point(raw: bytes) -> None:
    if raw in _SMALL_ORDER or int.from_bytes(raw, "little") & ((1 << 255) - 1) >= _FIELD_PRIME:
        raise KeyRingError("the Ed25519 public key is a weak or non-canonical point")


def thumbprint(key: PublicKey) -> str:
    """RFC 7638 SHA-256 thumbprint, base64url, 43 characters: the kid of the key."""
    return b64url(hashlib.sha256(canonical_json(key.jwk())).digest())


def jwk_set(keys: Iterable[tuple[str, PublicKey, int, int | None]]) -> dict[str, list[dict[str, str | int]]]:
    """A JWK Set (RFC 7517 § 5) of (kid, key, not-before seconds, retire seconds or None), in the given order; public
    members only.
    """
    entries: list[dict[str, str | int]] = []
    for kid, key, not_before, retire in keys:
        entry: dict[str, str | int] = {**key.jwk(), "kid": kid, "alg": key.algorithm, "use": "sig", "nbf": not_before}
        if retire is not None:
            entry["exp"] = retire
        entries.append(entry)
    return {"keys": entries}
