"""Signing in this process with `cryptography`: RS256 (RSA-2048, e = 65537, RSASSA-PKCS1-v1_5) and Ed25519."""

from __future__ import annotations

from typing import Final, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
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
_PADDING: Final = PKCS1v15()
_HASH: Final = SHA256()


class LocalSigningKey:
    """A loaded private key. Hidden in repr, and not pickled."""

    __slots__ = ("_ed25519", "_rsa")

    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
        self._rsa = key if isinstance(key, RSAPrivateKey) else None
        self._ed25519 = key if isinstance(key, Ed25519PrivateKey) else None

    def sign(self, payload: bytes) -> bytes:
        """256 bytes (RS256) or 64 bytes (Ed25519); deterministic for both."""
        if self._rsa is not None:
            return self._rsa.sign(payload, _PADDING, _HASH)
        if self._ed25519 is not None:
            return self._ed25519.sign(payload)
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
        key: RSAPrivateKey | Ed25519PrivateKey
        if algorithm == "RS256":
            key = generate_private_key(public_exponent=RSA_EXPONENT, key_size=RSA_BITS)
        elif algorithm == "Ed25519":
            key = Ed25519PrivateKey.generate()
        else:
            raise KeyRingError("the local signer makes RS256 and Ed25519 keys")
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
        if algorithm == "RS256" and isinstance(key, RSAPrivateKey) and key.key_size == RSA_BITS:
            return LocalSigningKey(key)
        if algorithm == "Ed25519" and isinstance(key, Ed25519PrivateKey):
            return LocalSigningKey(key)
        raise KeyRingError("a private key is not of its record's algorithm")


def create_local_signer() -> LocalSigner:
    """The factory that is registered as signer `local`."""
    return LocalSigner()
