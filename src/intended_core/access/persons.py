"""Who approves: a local Ed25519 person key signs the digest of what it approves, and only that evidence makes an
AuthenticatedPerson.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from intended_core.canonical import frame
from intended_core.clock import Randomness
from intended_core.errors import KeyRingError
from intended_core.ids import EntityRef
from intended_core.keys.jwks import ed25519_public
from intended_core.persons import AuthenticatedPerson, Person

__all__ = ["LocalPersonKey", "authenticate", "authenticate_all", "person_message"]

MAX_PEM_BYTES: Final = 8 * 1024
_LABEL: Final = b"intended.person-signature/v1"


def person_message(digest: bytes) -> bytes:
    """The labelled bytes that a person key signs for a 32-byte digest: no other signature of the key can be taken for
    one.
    """
    if len(digest) != 32:
        raise KeyRingError("a person signs a digest of 32 bytes")
    return frame(_LABEL, digest)


def authenticate(person: Person, *, digest: bytes, signature: bytes) -> AuthenticatedPerson:
    """The person, for exactly `digest` (32 bytes), after `signature` (64 bytes) was checked under their registered key.

    Raises KeyRingError for anything else.
    """
    message = person_message(digest)
    if len(signature) != 64:
        raise KeyRingError("a person's signature has 64 bytes")
    try:
        ed25519_public(person.public_key).verify(signature, message)
    except KeyRingError:
        raise KeyRingError("the signature is not this person's for what is to be approved") from None
    return AuthenticatedPerson(ref=person.ref, signed=bytes(digest), signature=bytes(signature))


def authenticate_all(
    persons: Mapping[EntityRef, Person], signatures: Iterable[tuple[EntityRef, bytes]], *, digest: bytes, quorum: int
) -> tuple[AuthenticatedPerson, ...]:
    """Everybody who signed `digest`, at least `quorum` of them: distinct persons with distinct keys, all registered in `persons`.

    Raises KeyRingError for anybody unknown, a signature that is not theirs, the same person or key twice, or too few.
    """
    found: list[AuthenticatedPerson] = []
    keys: set[bytes] = set()
    for ref, signature in signatures:
        known = persons.get(ref)
        if known is None:
            raise KeyRingError(f"{ref} is not a registered person of this tenant")
        found.append(authenticate(known, digest=digest, signature=signature))
        keys.add(known.public_key)
    # One person under two names, with one key, is one person.
    if len({person.ref for person in found}) != len(found) or len(keys) != len(found):
        raise KeyRingError("a quorum counts distinct persons, each with a key of their own")
    if len(found) < quorum:
        raise KeyRingError(f"this needs {quorum} persons, and {len(found)} signed")
    return tuple(found)


class LocalPersonKey:
    """A person's own private key, on their machine. Hidden in repr, and not pickled."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls, randomness: Randomness) -> LocalPersonKey:
        """A fresh key from 32 random bytes."""
        seed = randomness.token_bytes(32)
        if len(seed) != 32:
            raise KeyRingError("the random generator answered the wrong number of bytes")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def from_pem(cls, pem: bytes, *, password: bytes | None = None) -> LocalPersonKey:
        """The key in PKCS#8 PEM; raises KeyRingError when it is not an Ed25519 key or the password does not open it."""
        if len(pem) > MAX_PEM_BYTES:
            raise KeyRingError("a person key file has at most 8 KiB")
        try:
            key = load_pem_private_key(pem, password=password)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyRingError("the person key does not open: wrong file or wrong password") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyRingError("a person key is an Ed25519 key")
        return cls(key)

    def to_pem(self, *, password: bytes | None = None) -> bytes:
        """PKCS#8 PEM, encrypted when a password is given: keep it where only the person can read it."""
        encryption: KeySerializationEncryption = (
            NoEncryption() if password is None else BestAvailableEncryption(password)
        )
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)

    @property
    def public_key(self) -> bytes:
        """The raw public key, 32 bytes, as `Person.public_key` holds it."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, digest: bytes) -> bytes:
        """The signature (64 bytes) that approves `digest` (32 bytes)."""
        return self._key.sign(person_message(digest))

    def __repr__(self) -> str:
        return "LocalPersonKey(<hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LocalPersonKey is not pickled: write its PEM on purpose")
