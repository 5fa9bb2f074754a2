"""The key-encryption keys in one file: 32 random bytes each, mode 0600, the one that wraps first.

Keep it outside the data directory and back it up apart from the database: whoever has both has every private key, and
whoever loses it has none. `open` never writes it; `renew` puts a fresh key in front and leaves the others, `drop_older` leaves the first.
What is wrapped is counted in a file beside it (`keyfile.SealCount`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from intended_adapters.key_encryption.keyfile import (
    KEY_BYTES,
    SealCount,
    create_file,
    read_keys,
    replace_keys,
    state_of,
)
from intended_core.errors import KeyRingError

__all__ = ["FileKeyEncryption", "open_file_key_encryption"]

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
MAX_WRAPS: Final = 2**32  # SP 800-38D § 8.3: invocations with random nonces under one key
MAX_KEYS: Final = 16  # the current one and those that older backups may need
_ID_LABEL: Final = b"intended.kek-id/v1\x00"
_REFUSED: Final = "a wrapped key does not open under the key-encryption key that it names"


class FileKeyEncryption:
    """The default `KeyEncryption`. Thread-safe; hidden in repr, and not pickled. A file that another process renewed is read again."""

    __slots__ = ("_ciphers", "_count", "_current", "_lock", "_path", "_seen")

    def __init__(self, key: bytes, *older: bytes, path: Path | None = None) -> None:
        """`key` wraps; it and `older` unwrap (32 bytes each). `path`: the file that they stand in, where there is one."""
        self._path = path
        self._seen = None if path is None else state_of(path)
        self._lock = Lock()
        self._count = SealCount(None if path is None else path.with_name(path.name + ".seals"))
        self._take((key, *older))

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> FileKeyEncryption:
        """Write a fresh key to `path`, which must not exist, and open it. Raises KeyRingError; never overwrites."""
        create_file(Path(path), os.urandom(KEY_BYTES))
        return cls.open(path)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> FileKeyEncryption:
        """The keys in `path`.

        Raises KeyRingError when the file is missing, a link, not a regular file, not of this account, readable or
        writable by anyone else, or does not hold 1 to 16 keys of 32 bytes.
        """
        return cls(*_checked(read_keys(Path(path), most=MAX_KEYS)), path=Path(path))

    @property
    def kek_id(self) -> str:
        """`file:` and 32 hexadecimal characters of a hash of the key that wraps."""
        return self._current

    @property
    def kek_ids(self) -> Sequence[str]:
        """The ids of all keys of the file, as it is now, the one that wraps first."""
        self._look_again()
        return tuple(self._ciphers)

    def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        """Nonce, ciphertext and tag of `data_key` (32 bytes). Raises KeyRingError after 2**32 wraps of the key, by all processes."""
        if len(data_key) != KEY_BYTES:
            raise KeyRingError("a data key has 32 bytes")
        self._look_again()
        with self._lock:
            name, cipher = self._current, self._ciphers[self._current]
            self._count.take(name, most=MAX_WRAPS)
        nonce = os.urandom(NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, data_key, aad)

    def unwrap(self, kek_id: str, wrapped: bytes, aad: bytes) -> bytes:
        """The data key; raises KeyRingError when `kek_id` is no key of the file or the blob does not open under exactly it."""
        if kek_id not in self._ciphers:
            self._look_again()
        cipher = self._ciphers.get(kek_id)
        if cipher is None or len(wrapped) != NONCE_BYTES + KEY_BYTES + TAG_BYTES:
            raise KeyRingError(_REFUSED)
        try:
            return cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], aad)
        except InvalidTag:
            raise KeyRingError(_REFUSED) from None

    def renew(self) -> str:
        """Put a fresh key in front of the file, all or nothing; returns its id. Raises KeyRingError, also when 16 keys are there."""
        path = self._file()
        fresh = os.urandom(KEY_BYTES)

        def change(keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
            if len(keys) >= MAX_KEYS:
                raise KeyRingError(f"the key file {path} holds {MAX_KEYS} keys already: drop the older ones first")
            return (fresh, *keys)

        replace_keys(path, change, most=MAX_KEYS)
        self._look_again()
        return self._current

    def drop_older(self) -> Sequence[str]:
        """Leave only the key that wraps in the file, all or nothing; returns the ids of the others. Raises KeyRingError."""
        before = self.kek_ids
        kept = before[0]

        def change(keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
            if _id(keys[0]) != kept:
                raise KeyRingError("the key file was renewed meanwhile: nothing was dropped")
            return keys[:1]

        replace_keys(self._file(), change, most=MAX_KEYS)
        self._look_again()
        return tuple(before[1:])

    def __repr__(self) -> str:
        return f"FileKeyEncryption({self._current})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a FileKeyEncryption is not pickled")

    def _file(self) -> Path:
        if self._path is None:
            raise KeyRingError("these keys stand in no file")
        return self._path

    def _look_again(self) -> None:
        """Take the file's keys when it is another one than was read; a file that went away changes nothing for this process."""
        if self._path is None:
            return
        seen = state_of(self._path)
        if seen is None or seen == self._seen:
            return
        keys = _checked(read_keys(self._path, most=MAX_KEYS))
        with self._lock:
            self._seen = seen
            self._take(keys)

    def _take(self, keys: Sequence[bytes]) -> None:
        ciphers = {_id(key): AESGCM(key) for key in _checked(keys)}
        self._ciphers, self._current = ciphers, next(iter(ciphers))


def _checked(keys: Sequence[bytes]) -> Sequence[bytes]:
    if any(len(key) != KEY_BYTES for key in keys):
        raise KeyRingError("a key-encryption key has 32 bytes")
    if len(set(keys)) != len(keys):
        raise KeyRingError("a key file holds the same 32 bytes twice")
    return keys


def _id(key: bytes) -> str:
    return "file:" + hashlib.sha256(_ID_LABEL + key).hexdigest()[:32]


def open_file_key_encryption(*, path: str, new: bool = False) -> FileKeyEncryption:
    """The factory that is registered as key encryption `file`: `new` writes a fresh key, otherwise it must exist."""
    return FileKeyEncryption.create(path) if new else FileKeyEncryption.open(path)
