"""Public keys: SubjectPublicKeyInfo DER in, checked verification keys, JWKs (RFC 7517) and thumbprints (RFC 7638) out.

Four algorithms: `RS256` and `PS256` (RFC 7518 §§ 3.3 and 3.5, exactly RSA-2048 with e = 65537; the salt of PS256 has 32 bytes),
`ES256` (§ 3.4: P-256, the signature is r and s of 32 bytes each, never DER) and `Ed25519` (the RFC 9864 name of RFC 8032's
curve). A key belongs to one algorithm, and nothing else is accepted for it.

What counts as an Ed25519 signature differs between libraries; here it is RFC 8032 § 5.1.7 without the cofactor: 64 bytes, S below the
group's order, and R exactly the bytes that the equation gives. The key is a canonical point that is not of small order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NoReturn

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from intended_core.canonical import b64url, canonical_json, unb64url
from intended_core.errors import IntentError, KeyRingError

__all__ = ["ALGORITHMS", "PublicKey", "ed25519_public", "jwk_set", "load_public", "public_from_jwk", "thumbprint"]

ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "Ed25519"})
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
_HASH: Final = SHA256()
_PADDINGS: Final = {"RS256": PKCS1v15(), "PS256": PSS(MGF1(_HASH), 32)}  # RFC 7518 § 3.5: as long as the hash
_ECDSA: Final = ECDSA(_HASH)
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SP 800-186 § 3.2.1.3
_ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493  # RFC 8032 § 5.1


class PublicKey:
    """A checked public key of one algorithm. Made by `load_public`, `public_from_jwk` and `ed25519_public`."""

    __slots__ = ("_key", "_padding", "_rsa", "algorithm", "der")

    def __init__(
        self, *, algorithm: str, der: bytes, key: RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
    ) -> None:
        self.algorithm: Final = algorithm
        self.der: Final = der
        self._key = key
        self._rsa = key if isinstance(key, RSAPublicKey) else None
        self._padding = _PADDINGS.get(algorithm)

    def __repr__(self) -> str:
        return f"PublicKey({self.algorithm})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a PublicKey is not pickled: store its DER")

    def verify(self, signature: bytes, message: bytes) -> None:
        """Return when `signature` (256 bytes for RS256 and PS256, 64 for ES256 and Ed25519) is this key's over `message`;
        raise KeyRingError otherwise.
        """
        rsa = self._rsa
        try:
            if rsa is not None:
                rsa.verify(signature, message, self._padding, _HASH)  # type: ignore[arg-type]
            elif self.algorithm == "ES256":
                self._key.verify(_as_der(signature), message, _ECDSA)  # type: ignore[call-arg, arg-type]
            else:
                if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= _ED25519_ORDER:
                    raise InvalidSignature
                self._key.verify(signature, message)  # type: ignore[call-arg]
        except InvalidSignature:
            raise KeyRingError("the signature does not hold under the pinned public key") from None

    def jwk(self) -> dict[str, str]:
        """The public JWK without kid: `{kty, n, e}` (RFC 7518 § 6.3.1), `{kty, crv, x, y}` (§ 6.2.1) or `{kty, crv, x}`
        (RFC 8037 § 2).
        """
        if self._rsa is not None:
            numbers = self._rsa.public_numbers()
            return {"kty": "RSA", "n": _uint(numbers.n), "e": _uint(numbers.e)}
        if isinstance(self._key, EllipticCurvePublicKey):
            point = self._key.public_numbers()
            x, y = (b64url(number.to_bytes(32, "big")) for number in (point.x, point.y))
            return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        raw = self._key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64url(raw)}


def _as_der(signature: bytes) -> bytes:
    """The structure that the library reads, of r and s in their one spelling (RFC 7518 § 3.4)."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or not 0 < r < _P256_ORDER or not 0 < s < _P256_ORDER:
        raise InvalidSignature
    return encode_dss_signature(r, s)


def _uint(number: int) -> str:
    return b64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


@lru_cache(maxsize=_CACHED_KEYS)
def load_public(algorithm: str, der: bytes) -> PublicKey:
    """The verification key in `der` (SubjectPublicKeyInfo). Raises KeyRingError unless it is a sound key of exactly
    `algorithm`.

    RSA: 2048 bits and e = 65537. ES256: a point of P-256, uncompressed. Ed25519: a canonical point that is not of small order.
    The DER must be the one
    spelling that this key has, so that a key record and its thumbprint name the same bytes.
    """
    if algorithm not in ALGORITHMS:
        raise KeyRingError(f"the key's algorithm is not one of {', '.join(sorted(ALGORITHMS))}")
    if not 0 < len(der) <= MAX_PUBLIC_DER:
        raise KeyRingError("the public key is not a SubjectPublicKeyInfo of a supported size")
    try:
        key = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyRingError("the public key is not a readable SubjectPublicKeyInfo") from None
    checked: RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
    if algorithm in _PADDINGS and isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        if key.key_size != RSA_BITS or numbers.e != RSA_EXPONENT or numbers.n % 2 == 0:
            raise KeyRingError(f"an {algorithm} key is RSA-2048 with the exponent 65537")
        checked = key
    elif algorithm == "ES256" and isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        checked = key  # the library refuses a point that is not on the curve, and the point at infinity
    elif algorithm == "Ed25519" and isinstance(key, Ed25519PublicKey):
        _check_point(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
        checked = key
    else:
        raise KeyRingError("the public key is not of its record's algorithm")
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != der:
        raise KeyRingError("the public key is not in its canonical encoding")
    return PublicKey(algorithm=algorithm, der=der, key=checked)


_JWK_MEMBERS: Final = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}


def public_from_jwk(algorithm: str, jwk: object) -> PublicKey:
    """The verification key of a public JWK with exactly the members that `PublicKey.jwk` writes, each in its one spelling.

    Raises KeyRingError for another member (a private one above all), another spelling, or a key that `load_public` refuses.
    """
    if not isinstance(jwk, dict) or not all(type(name) is str and type(text) is str for name, text in jwk.items()):
        raise KeyRingError("the JWK is not a public key of a supported kind")
    if tuple(sorted(jwk)) != _JWK_MEMBERS.get(jwk.get("kty", "")):
        raise KeyRingError("the JWK has other members than a public key of its kind")
    try:
        made: RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
        if jwk["kty"] == "RSA":
            n, e = (_number(jwk[name], MAX_PUBLIC_DER) for name in ("n", "e"))
            if n.bit_length() != RSA_BITS or e != RSA_EXPONENT:
                raise KeyRingError("the JWK is not an RSA-2048 key with the exponent 65537")
            made = RSAPublicNumbers(e, n).public_key()
        elif jwk["kty"] == "EC":
            x, y = (_number(jwk[name], 32) for name in ("x", "y"))
            made = EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
        else:
            made = Ed25519PublicKey.from_public_bytes(unb64url(jwk["x"]))
        key = load_public(algorithm, made.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    except (ValueError, IntentError, UnsupportedAlgorithm):
        raise KeyRingError("the JWK is not a readable public key") from None
    # The curve's name, leading zeros and the lengths of coordinates are all in this one comparison.
    if key.jwk() != jwk:
        raise KeyRingError("the JWK is not in its canonical form")
    return key


def _number(text: str, most: int) -> int:
    data = unb64url(text)
    if len(data) > most:
        raise KeyRingError("the JWK holds a number of the wrong size")
    return int.from_bytes(data, "big")


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
