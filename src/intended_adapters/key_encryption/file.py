"""The key-encryption key in one file: 32 random bytes, mode 0600, written once and never by `open`.

Keep it outside the data directory and back it up apart from the database: whoever has both has every private key, and
whoever loses it has none.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from threading import Lock
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from intended_core.errors import KeyRingError

__all__ = ["FileKeyEncryption", "open_file_key_encryption"]

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
MAX_WRAPS: Final = 2**32  # SP 800-38D § 8.3: invocations with random nonces under one key
_ID_LABEL: Final = b"intended.kek-id/v0\x00"
_REFUSED: Final = "a wrapped key does not open under the key-encryption key that it names"


class FileKeyEncryption:
    """The default `KeyEncryption`. Hidden in repr, and not pickled."""

    __slots__ = ("_cipher", "_id", "_lock", "_wraps")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise KeyRingError("a key-encryption key has 32 bytes")
        self._cipher = AESGCM(key)
        self._id = "file:" + hashlib.sha256(_ID_LABEL + key).hexdigest()[:32]
        self._lock = Lock()
        self._wraps = 0

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> FileKeyEncryption:
        """Write a fresh key to `path`, which must not exist, and open it. Raises KeyRingError; never overwrites."""
        place = Path(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            handle = os.open(place, flags, 0o600)
        except FileExistsError:
            raise KeyRingError(f"the key file {place} exists already: it is never overwritten") from None
        except OSError as error:
            raise KeyRingError(f"the key file {place} cannot be created: {error.strerror}") from None
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(os.urandom(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            directory = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise KeyRingError(f"the key file {place} was not written durably: {error.strerror}") from None
        return cls.open(place)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> FileKeyEncryption:
        """The key in `path`.

        Raises KeyRingError when the file is missing, a link, not a regular file, not of this account, readable or
        writable by anyone else, or not exactly 32 bytes long.
        """
        place = Path(path)
        try:
            handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise KeyRingError(f"the key file {place} is missing: put it back, a new one would open nothing") from None
        except OSError as error:
            raise KeyRingError(f"the key file {place} cannot be opened (a link is refused): {error.strerror}") from None
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode):
                raise KeyRingError(f"the key file {place} is not a regular file")
            if found.st_uid != os.geteuid():
                raise KeyRingError(f"the key file {place} belongs to another account")
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise KeyRingError(f"the key file {place} can be read or written by others: chmod 600 it")
            if found.st_size != KEY_BYTES:
                raise KeyRingError(f"the key file {place} does not hold exactly 32 bytes")
            key = os.read(handle, KEY_BYTES + 1)
        except OSError as error:
            raise KeyRingError(f"the key file {place} cannot be read: {error.strerror}") from None
        finally:
            os.close(handle)
        return cls(key)

    @property
    def kek_id(self) -> str:
        """`file:` and 32 hexadecimal characters of a hash of the key."""
        return self._id

    def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """Nonce, ciphertext and tag of `data_key` (32 bytes). Raises KeyRingError after 2**32 wraps of this process."""
        if len(data_key) != KEY_BYTES:
            raise KeyRingError("a data key has 32 bytes")
        with self._lock:
            if self._wraps >= MAX_WRAPS:
                raise KeyRingError("the key-encryption key has wrapped its maximum: replace it")
            self._wraps += 1
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data_key, aad)

    def unwrap(self, kek_id: str, wrapped: bytes, aad: bytes) -> bytes:
        """The data key; raises KeyRingError when `kek_id` is not this key or the blob does not open."""
        if kek_id != self._id or len(wrapped) != NONCE_BYTES + KEY_BYTES + TAG_BYTES:
            raise KeyRingError(_REFUSED)
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], aad)
        except InvalidTag:
            raise KeyRingError(_REFUSED) from None

    def __repr__(self) -> str:
        return f"FileKeyEncryption({self._id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a FileKeyEncryption is not pickled")


def open_file_key_encryption(*, path: str, new: bool = False) -> FileKeyEncryption:
    """The factory that is registered as key encryption `file`: `new` writes a fresh key, otherwise it must exist."""
    return FileKeyEncryption.create(path) if new else FileKeyEncryption.open(path)
