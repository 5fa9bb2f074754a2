"""Signing in this process with `cryptography`: RS256 and PS256 (RSA-2048, e = 65537), ES256 (P-256), Ed25519, and ML-DSA-44 if known."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from intended_core.errors import KeyRingError
from intended_core.ports import GeneratedKey

__all__ = ["LocalSigner", "LocalSigningKey", "create_local_signer"]

RSA_BITS: Final = 2048  # authority.md § 2
RSA_EXPONENT: Final = 65537
_HASH: Final = SHA256()
_PADDINGS: Final = {"RS256": PKCS1v15(), "PS256": PSS(MGF1(_HASH), 32)}  # RFC 7518 § 3.5: the salt is as long as the hash
_ECDSA: Final = ec.ECDSA(_HASH)
ML_DSA_44: Final = "ML-DSA-44"


def _mldsa() -> Any:
    """The room of ML-DSA, which an older `cryptography` does not have; raises KeyRingError then."""
    try:
        return import_module("cryptography.hazmat.primitives.asymmetric.mldsa")
    except ImportError:
        raise KeyRingError("the installed libraries do not know ML-DSA-44") from None


class LocalSigningKey:
    """A loaded private key. Hidden in repr, and not pickled."""

    __slots__ = ("_ec", "_ed25519", "_mldsa", "_padding", "_rsa")

    def __init__(self, algorithm: str, key: Any) -> None:
        self._mldsa: Any = key if algorithm == ML_DSA_44 else None
        self._rsa = key if isinstance(key, RSAPrivateKey) else None
        self._ec = key if isinstance(key, ec.EllipticCurvePrivateKey) else None
        self._ed25519 = key if isinstance(key, Ed25519PrivateKey) else None
        self._padding = _PADDINGS.get(algorithm)

    def sign(self, payload: bytes) -> bytes:
        """256 bytes (RS256, PS256), 64 bytes (ES256: r and s, RFC 7518 § 3.4; Ed25519) or 2,420 (ML-DSA-44). RS256 and Ed25519 are
        deterministic.
        """
        if self._rsa is not None and self._padding is not None:
            return self._rsa.sign(payload, self._padding, _HASH)
        if self._ed25519 is not None:
            return self._ed25519.sign(payload)
        if self._ec is not None:
            r, s = decode_dss_signature(self._ec.sign(payload, _ECDSA))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if self._mldsa is not None:
            signature: bytes = self._mldsa.sign(payload)
            return signature
        raise KeyRingError("the local signer holds no key of a supported algorithm")

    def __repr__(self) -> str:
        return "LocalSigningKey(<hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LocalSigningKey is not pickled")


class LocalSigner:
    """The default `Signer`."""

    __slots__ = ()

    def generate(self, algorithm: str) -> GeneratedKey:
        """A fresh pair from the operating system's generator; raises KeyRingError for another algorithm."""
        key: Any
        if algorithm == ML_DSA_44:
            key = _mldsa().MLDSA44PrivateKey.generate()
        elif algorithm in _PADDINGS:
            key = generate_private_key(public_exponent=RSA_EXPONENT, key_size=RSA_BITS)
        elif algorithm == "ES256":
            key = ec.generate_private_key(ec.SECP256R1())
        elif algorithm == "Ed25519":
            key = Ed25519PrivateKey.generate()
        else:
            raise KeyRingError("the local signer makes RS256, PS256, ES256, Ed25519 and ML-DSA-44 keys")
        return GeneratedKey(
            private_der=key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
            public_der=key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        )

    def load(self, algorithm: str, private_der: bytes) -> LocalSigningKey:
        """A ready key; raises KeyRingError when the bytes are not a key of `algorithm`."""
        try:
            # The sealing room's tag proved these to be the bytes that were fully checked when the key was made (29 ms
            # saved a load).
            key = load_der_private_key(private_der, password=None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyRingError("a private key is not readable") from None
        if algorithm in _PADDINGS and isinstance(key, RSAPrivateKey) and key.key_size == RSA_BITS:
            return LocalSigningKey(algorithm, key)
        if algorithm == "ES256" and isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
            return LocalSigningKey(algorithm, key)
        if algorithm == "Ed25519" and isinstance(key, Ed25519PrivateKey):
            return LocalSigningKey(algorithm, key)
        if algorithm == ML_DSA_44 and isinstance(key, _mldsa().MLDSA44PrivateKey):
            return LocalSigningKey(algorithm, key)
        raise KeyRingError("a private key is not of its record's algorithm")


def create_local_signer() -> LocalSigner:
    """The factory that is registered as signer `local`."""
    return LocalSigner()
