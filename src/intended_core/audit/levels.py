"""A tree with all its perfect subtrees at hand: built once over the leaf hashes, then every proof is a few look-ups.

Level k holds the roots of the perfect subtrees of 2**k leaves, left to right; what is missing on the right edge is put together when it
is asked for (at most one node a level). Memory: twice the leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from intended_core.audit.tree import EMPTY_ROOT, Frontier
from intended_core.errors import AuditError

__all__ = ["Growing", "Levels"]


class Levels:
    """The perfect subtrees over these leaf hashes. Immutable once made, but for what `Growing` adds on the right."""

    __slots__ = ("_levels", "size")

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.size = len(leaves)
        level = list(leaves)
        self._levels: Final = [level]
        while len(level) > 1:
            level = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
            self._levels.append(level)

    def root(self, start: int, stop: int) -> bytes:
        """The root of leaves [start, stop), where `start` is where RFC 6962 would split; raises AuditError `audit.gap` outside the tree.

        Any other `start` gives the same root, put together from more parts.
        """
        if not 0 <= start <= stop <= self.size:
            raise AuditError("the log does not hold every leaf that the proof needs", code="audit.gap")
        if start == stop:
            return EMPTY_ROOT
        width = stop - start
        height = width.bit_length() - 1
        if width == 1 << height and start & (width - 1) == 0:
            return self._levels[height][start >> height]
        middle = start + (1 << ((width - 1).bit_length() - 1))
        return sha256(b"\x01" + self.root(start, middle) + self.root(middle, stop)).digest()

    def perfect(self, height: int, at: int) -> bytes:
        """The root of the perfect subtree of 2**height leaves from `at` * 2**height on, which is there."""
        return self._levels[height][at]

    def hashes(self) -> Sequence[bytes]:
        """What it was built over; not to be changed."""
        return self._levels[0]

    def tile(self, level: int, number: int) -> bytes:
        """Up to 256 hashes of the subtrees of 256**level leaves, from number * 256 on, one behind the other (C2SP tlog-tiles)."""
        first, stop = number * 256, min((number + 1) * 256, self.size // 256**level)
        return b"".join(self._levels[8 * level][first:stop]) if first < stop else b""

    def frontier(self, size: int) -> Frontier:
        """The right edge of the tree of the first `size` leaves; raises AuditError `audit.gap` when there are not so many."""
        if not 0 <= size <= self.size:
            raise AuditError("the log does not hold every leaf that the proof needs", code="audit.gap")
        hashes: list[bytes] = []
        at = 0
        for height in range(size.bit_length() - 1, -1, -1):
            if size >> height & 1:
                hashes.append(self._levels[height][at >> height])
                at += 1 << height
        return Frontier(size, tuple(hashes))


class Growing(Levels):
    """A tree that follows a log: leaves are added on the right, and what stood before is never touched.

    One thread adds at a time; others may ask meanwhile for what stood before.
    """

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(())

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add these leaf hashes."""
        added = list(leaves)
        for height, level in enumerate(self._levels):
            level.extend(added)
            done = len(self._levels[height + 1]) if height + 1 < len(self._levels) else 0
            pairs = level[2 * done : len(level) & ~1]
            added = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs[::2], pairs[1::2], strict=True)]
            if added and height + 1 == len(self._levels):
                self._levels.append([])  # the loop goes on over it
        self.size = len(self._levels[0])
