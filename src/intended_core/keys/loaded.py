"""Sealed private keys become signers: unsealed, loaded, checked against their public key, and kept, bounded.

A key is loaded without the full check of its numbers only because the seal's tag and additional data prove that these are the bytes that
were checked when the key was made (authority.md § 3); nothing else in the house loads a private key.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final, NoReturn

from intended_core.errors import KeyGoneError, KeyRingError
from intended_core.ids import Scope
from intended_core.keys.ring import KeyRecord, KeyState, private_place
from intended_core.keys.sealing import open_sealed
from intended_core.ports import KeyEncryption, Signer, SigningKey

__all__ = ["LoadedKey", "SigningKeys", "load_private"]

_PAIR_CHECK: Final = b"intended.pair-check/v1: this signature authorizes nothing"


class LoadedKey:
    """A private key ready to sign, whose pair was checked against its record. Made by `load_private`."""

    __slots__ = ("_key", "record")

    def __init__(self, *, record: KeyRecord, key: SigningKey) -> None:
        self.record: Final = record
        self._key = key

    def __repr__(self) -> str:
        return f"LoadedKey(kid={self.record.kid!r}, <hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LoadedKey is not pickled")

    def sign(self, payload: bytes) -> bytes:
        """The signature of `payload`, not yet checked under the pinned public key."""
        return self._key.sign(payload)


def load_private(*, kek: KeyEncryption, signer: Signer, scope: Scope, record: KeyRecord) -> LoadedKey:
    """Unseal, load, and sign and verify a fixed message under the record's public key.

    Raises KeyRingError when the record holds no private key, the sealed bytes do not open at this place, or the pair
    does not match.
    """
    if record.sealed_private is None:
        raise KeyGoneError(f"a key that is {record.state.value} has no private key")
    private = open_sealed(kek=kek, place=private_place(scope, record.kid), blob=record.sealed_private)
    key = signer.load(record.algorithm, private)
    try:
        record.public_key().verify(key.sign(_PAIR_CHECK), _PAIR_CHECK)
    except KeyRingError:
        raise KeyRingError("a private key does not belong to its record's public key") from None
    return LoadedKey(record=record, key=key)


class SigningKeys:
    """Loaded keys, kept by (scope, kid, row version), at most `max_keys`, the longest unused dropped first."""

    __slots__ = ("_kek", "_keys", "_lock", "_max_keys", "_signer")

    def __init__(self, *, kek: KeyEncryption, signer: Signer, max_keys: int = 256) -> None:
        if max_keys < 1:
            raise KeyRingError("the cache of loaded keys holds at least one")
        self._kek = kek
        self._signer = signer
        self._max_keys = max_keys
        self._lock = Lock()
        self._keys: OrderedDict[tuple[str, str, str, int], LoadedKey] = OrderedDict()

    def __repr__(self) -> str:
        return f"SigningKeys({len(self._keys)} keys, <hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("SigningKeys are not pickled")

    def get(self, scope: Scope, record: KeyRecord) -> LoadedKey:
        """The loaded key of an ACTIVE record; raises KeyRingError as `load_private`, and for a key in another state."""
        if record.state is not KeyState.ACTIVE:
            raise KeyGoneError(f"a key that is {record.state.value} does not sign")
        place = (scope.tenant, scope.key, record.kid, record.version)
        with self._lock:
            found = self._keys.get(place)
            if found is not None and (found.record is record or found.record == record):
                self._keys.move_to_end(place)
                return found
        loaded = load_private(kek=self._kek, signer=self._signer, scope=scope, record=record)
        with self._lock:
            self._keys[place] = loaded
            while len(self._keys) > self._max_keys:
                self._keys.popitem(last=False)
        return loaded

    def forget(self) -> None:
        """Drop every loaded key."""
        with self._lock:
            self._keys.clear()
