"""The leaf that a tenant's log has in every epoch: its head, at the tenant's own place, told to nobody who was not given the opening.

    leaf = SHA-256(0x00 ‖ "intended.audit/slot.v1" NUL ‖ slot ‖ salt ‖ origin ‖ generation ‖ size ‖ root ‖ previous leaf)

Numbers are 8 big-endian bytes, the salt 16 bytes, the origin stands behind its length in 2 bytes, hashes have 32. The place is fixed for
the tenant's life and written in its genesis record, so that an epoch holds at most one head of a tenant: the index of the path says which.
A silent tenant's head is sealed again with another salt, so that leaves tell neither sizes nor silence. Places that nobody has hold random
leaves.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256, shake_256
from typing import Final, NoReturn

from intended_core.audit.tree import HASH_BYTES, MAX_SIZE
from intended_core.errors import AuditError

__all__ = ["FIRST_LEAF", "MASK_BYTES", "MAX_SLOTS", "MIN_WIDTH", "SlotKey", "SlotOpening", "padding", "slot_leaf"]

SALT_BYTES: Final = 16
MASK_BYTES: Final = 16  # generation and size, 8 bytes each
MAX_SLOTS: Final = 2**17  # audit.md § 1.3: a slot path of at most 17 hashes
MIN_WIDTH: Final = 16  # so that the first tenants are not counted by the width
MAX_ORIGIN_BYTES: Final = 255
FIRST_LEAF: Final = bytes(HASH_BYTES)  # what stands before a slot's first leaf
_LABEL: Final = b"intended.audit/slot.v1\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotOpening:
    """What a slot's leaf commits to: the head of one log in one epoch.

    `previous`: the slot's leaf of the epoch before, zeros in the first.
    """

    slot: int
    salt: bytes
    origin: str
    generation: int
    size: int
    root: bytes
    previous: bytes


def slot_leaf(opening: SlotOpening) -> bytes:
    """The leaf hash in the epoch tree, 32 bytes; raises AuditError `audit.slot` for an opening that no sealer makes."""
    origin = opening.origin.encode("utf-8", "surrogatepass")
    if (
        not 0 <= opening.slot < MAX_SLOTS
        or len(opening.salt) != SALT_BYTES
        or not 1 <= len(origin) <= MAX_ORIGIN_BYTES
        or not 0 <= opening.generation <= MAX_SIZE
        or not 0 <= opening.size <= MAX_SIZE
        or len(opening.root) != HASH_BYTES
        or len(opening.previous) != HASH_BYTES
    ):
        raise AuditError("what opens a slot is malformed", code="audit.slot")
    return sha256(
        b"%b%b%b%b%b%b%b%b%b%b" % (
            b"\x00", _LABEL, opening.slot.to_bytes(8, "big"), opening.salt, len(origin).to_bytes(2, "big"), origin,
            opening.generation.to_bytes(8, "big"), opening.size.to_bytes(8, "big"), opening.root, opening.previous,
        )
    ).digest()  # fmt: skip


class SlotKey:
    """A tenant's secret for its slot: makes the salt of every epoch, and hides which head was sealed from whoever keeps the epochs."""

    __slots__ = ("_key", "_last")

    def __init__(self, secret: bytes, *, place: bytes) -> None:
        """`secret`: 32 bytes that only this tenant's log has. `place`: which log that is."""
        self._key: Final = hmac.digest(secret, b"intended.audit/slot-key.v1\x00" + place, "sha256")
        self._last: tuple[int, bytes, bytes] = (-1, b"", b"")

    def __repr__(self) -> str:
        return "SlotKey(<hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SlotKey is not pickled")

    def of(self, epoch: int) -> tuple[bytes, bytes]:
        """Salt and mask of one epoch, 16 bytes each."""
        last = self._last  # asked for three times an epoch, and once more in the next
        if last[0] != epoch:
            made = hmac.digest(self._key, epoch.to_bytes(8, "big"), "sha256")
            last = self._last = (epoch, made[:SALT_BYTES], made[SALT_BYTES:])
        return last[1], last[2]

    def hide(self, epoch: int, *, generation: int, size: int) -> bytes:
        """Which head was sealed in `epoch`, readable with this key only: 16 bytes."""
        mask = int.from_bytes(self.of(epoch)[1], "big")
        return (mask ^ (generation << 64 | size)).to_bytes(MASK_BYTES, "big")

    def find(self, epoch: int, hidden: bytes) -> tuple[int, int]:
        """Generation and size that `hide` was given."""
        found = int.from_bytes(self.of(epoch)[1], "big") ^ int.from_bytes(hidden, "big")
        return found >> 64, found & (2**64 - 1)


def padding(secret: bytes, epoch: int, width: int) -> bytes:
    """A random-looking leaf for each of `width` places, 32 bytes each: what stands where no tenant is."""
    return shake_256(b"intended.audit/slot-padding.v1\x00" + secret + epoch.to_bytes(8, "big")).digest(
        HASH_BYTES * width
    )
