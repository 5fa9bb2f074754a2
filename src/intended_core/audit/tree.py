"""The Merkle tree of RFC 6962 § 2.1: the one authority over what a log holds.

leaf = H(0x00 ‖ entry), node = H(0x01 ‖ left ‖ right), the empty tree is H(""). The shape follows from the size alone, so an odd node is
never doubled and a leaf can never stand for a node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from intended_core.errors import AuditError
from intended_core.quick import maker

__all__ = ["EMPTY_ROOT", "HASH_BYTES", "Frontier", "leaf_hash", "leaf_hashes", "node_hash", "root_of", "subtree_root"]

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
MAX_SIZE: Final = 2**53 - 1  # sizes are integers in JSON


def leaf_hash(entry: bytes) -> bytes:
    """H(0x00 ‖ entry), 32 bytes."""
    return sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of each entry."""
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """H(0x01 ‖ left ‖ right), 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: the roots of its perfect subtrees, largest first, one for each 1-bit of `size`."""

    size: int
    hashes: tuple[bytes, ...]

    @classmethod
    def empty(cls) -> Frontier:
        """The tree without leaves."""
        return cls(0, ())

    def append(self, leaf: bytes) -> Frontier:
        """The tree with one leaf more; `leaf` is a leaf hash."""
        hashes = self.hashes
        size = self.size
        node = leaf
        merged = 0
        while size & 1:
            merged += 1
            node = sha256(b"\x01" + hashes[-merged] + node).digest()
            size >>= 1
        kept = hashes[: len(hashes) - merged] if merged else hashes
        return _frontier(self.size + 1, (*kept, node))

    def root(self) -> bytes:
        """The tree's root, 32 bytes."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def to_bytes(self) -> bytes:
        """Size as 8 big-endian bytes, then the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """Strict inverse of `to_bytes`; raises AuditError."""
        size = int.from_bytes(data[:8], "big")
        if len(data) < 8 or size > MAX_SIZE or len(data) != 8 + HASH_BYTES * size.bit_count():
            raise AuditError("a frontier has one hash for each perfect subtree", code="audit.frontier")
        return cls(size, tuple(data[start : start + HASH_BYTES] for start in range(8, len(data), HASH_BYTES)))


_frontier: Final = maker(Frontier)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) & 1:
            above.append(level[-1])  # the odd one stands higher as it is: never doubled
        level = above
    return level[0]


def subtree_root(leaf_at: Callable[[int, int], Sequence[bytes]], start: int, stop: int) -> bytes:
    """The root of leaves [start, stop); `leaf_at(a, b)` answers the leaf hashes of [a, b)."""
    leaves = leaf_at(start, stop)
    if len(leaves) != stop - start:
        raise AuditError("the log does not hold every leaf that the proof needs", code="audit.gap")
    return root_of(leaves)
