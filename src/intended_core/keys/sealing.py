"""Secrets at rest: AES-256-GCM under a data key per record, wrapped by the key-encryption adapter.

The additional data of both steps binds the blob to its place: label, format version, tenant uuid, environment, table,
row id, record version, field and algorithm, each behind its length. The wrapping adds the KEK id; the ciphertext is
bound to it through the data key, so that a new KEK re-wraps 32 bytes and leaves the ciphertext alone. Every data key
encrypts exactly one plaintext.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from intended_core.canonical import Json, b64url, canonical_json, frame, parse_canonical, unb64url
from intended_core.clock import Randomness
from intended_core.errors import AdapterError, IntentError, KeyRingError
from intended_core.ids import Scope
from intended_core.keys.hidden import SecretBytes
from intended_core.ports import KeyEncryption

__all__ = ["MAX_PLAINTEXT_BYTES", "MAX_SEALED_BYTES", "Place", "kek_of", "open_sealed", "rewrap", "seal"]

MAX_SEALED_BYTES: Final = 256 * 1024
MAX_PLAINTEXT_BYTES: Final = 64 * 1024
NONCE_BYTES: Final = 12  # SP 800-38D § 8.2.2: random 96-bit nonces
TAG_BYTES: Final = 16
_ALGORITHM: Final = "A256GCM"
_LABEL: Final = b"intended.sealed/v1"
_WRAP_LABEL: Final = b"intended.data-key/v1"
_FORMAT: Final = 0
_MEMBERS: Final = frozenset({"alg", "ct", "kek", "nonce", "v", "wrapped"})
_REFUSED: Final = "a sealed value does not open: wrong key-encryption key, or the bytes or their place were changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a sealed value stands: table (`kind`), row id (`key`), the record's `version` when it was sealed, and
    `field`.
    """

    scope: Scope
    kind: str
    key: str
    version: int
    field: str

    def aad(self, label: bytes, *more: bytes) -> bytes:
        """The additional data for this place."""
        texts = (
            self.scope.uuid,
            self.scope.environment,
            self.kind,
            self.key,
            str(self.version),
            self.field,
            _ALGORITHM,
        )
        try:
            return frame(label, str(_FORMAT).encode(), *(text.encode() for text in texts), *more)
        except UnicodeEncodeError:
            raise KeyRingError(_REFUSED) from None


def seal(*, kek: KeyEncryption, randomness: Randomness, place: Place, plaintext: bytes) -> bytes:
    """Canonical JSON `{alg, ct, kek, nonce, v, wrapped}` that only `open_sealed` with the same KEK and place opens.

    Raises KeyRingError when the plaintext is over 64 KiB or the generator or adapter answers the wrong sizes.
    """
    if len(plaintext) > MAX_PLAINTEXT_BYTES:
        raise KeyRingError("a sealed value has at most 64 KiB")
    data_key, nonce = SecretBytes(randomness.token_bytes(32)), randomness.token_bytes(NONCE_BYTES)
    if len(data_key) != 32 or len(nonce) != NONCE_BYTES:
        raise KeyRingError("the random generator answered the wrong number of bytes")
    kek_id, wrapped = _wrap(kek, data_key, place)
    return _blob(kek_id, wrapped, nonce, AESGCM(data_key).encrypt(nonce, plaintext, place.aad(_LABEL)))


def open_sealed(*, kek: KeyEncryption, place: Place, blob: bytes) -> SecretBytes:
    """The plaintext. Raises KeyRingError, with one message for every cause, when anything differs from how it was
    sealed.
    """
    try:
        kek_id, wrapped, nonce, ciphertext = _parts(blob)
        data_key = _unwrap(kek, kek_id, wrapped, place)
        return SecretBytes(AESGCM(data_key).decrypt(nonce, ciphertext, place.aad(_LABEL)))
    except (InvalidTag, IntentError, KeyRingError, AdapterError, ValueError):
        raise KeyRingError(_REFUSED) from None


def rewrap(*, kek: KeyEncryption, place: Place, blob: bytes) -> bytes:
    """The same ciphertext with its data key wrapped by the KEK now current; `blob` itself where it is already.

    Raises KeyRingError as `open_sealed`: what does not open is not carried over.
    """
    open_sealed(kek=kek, place=place, blob=blob)
    kek_id, wrapped, nonce, ciphertext = _parts(blob)
    if kek_id == kek.kek_id:
        return blob
    kek_id, wrapped = _wrap(kek, _unwrap(kek, kek_id, wrapped, place), place)
    return _blob(kek_id, wrapped, nonce, ciphertext)


def kek_of(blob: bytes) -> str:
    """The id of the KEK that a sealed value names, not yet authenticated; raises KeyRingError when it is no sealed value."""
    try:
        return _parts(blob)[0]
    except IntentError:
        raise KeyRingError(_REFUSED) from None


def _wrap(kek: KeyEncryption, data_key: SecretBytes, place: Place) -> tuple[str, bytes]:
    kek_id = kek.kek_id
    wrapped = kek.wrap(data_key, place.aad(_WRAP_LABEL, kek_id.encode()))
    if kek.kek_id != kek_id:  # the key file was renewed in between: the blob would name another key than the one that wrapped it
        kek_id = kek.kek_id
        wrapped = kek.wrap(data_key, place.aad(_WRAP_LABEL, kek_id.encode()))
    return kek_id, wrapped


def _unwrap(kek: KeyEncryption, kek_id: str, wrapped: bytes, place: Place) -> SecretBytes:
    data_key = SecretBytes(kek.unwrap(kek_id, wrapped, place.aad(_WRAP_LABEL, kek_id.encode())))
    if len(data_key) != 32:
        raise KeyRingError(_REFUSED)
    return data_key


def _blob(kek_id: str, wrapped: bytes, nonce: bytes, ciphertext: bytes) -> bytes:
    blob: dict[str, Json] = {
        "v": _FORMAT,
        "alg": _ALGORITHM,
        "kek": kek_id,
        "wrapped": b64url(wrapped),
        "nonce": b64url(nonce),
        "ct": b64url(ciphertext),
    }
    return canonical_json(blob)


def _parts(blob: bytes) -> tuple[str, bytes, bytes, bytes]:
    """(KEK id, wrapped data key, nonce, ciphertext with tag) of a well-formed blob; raises KeyRingError or IntentError."""
    value = parse_canonical(blob, max_bytes=MAX_SEALED_BYTES)
    if not isinstance(value, dict) or value.keys() != _MEMBERS:
        raise KeyRingError(_REFUSED)
    version, algorithm, kek_id = value["v"], value["alg"], value["kek"]
    if type(version) is not int or version != _FORMAT or algorithm != _ALGORITHM or not isinstance(kek_id, str):
        raise KeyRingError(_REFUSED)
    wrapped, nonce, ciphertext = (unb64url(_text(value[name])) for name in ("wrapped", "nonce", "ct"))
    if len(nonce) != NONCE_BYTES or len(ciphertext) < TAG_BYTES:
        raise KeyRingError(_REFUSED)
    return kek_id, wrapped, nonce, ciphertext


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise KeyRingError(_REFUSED)
    return value
