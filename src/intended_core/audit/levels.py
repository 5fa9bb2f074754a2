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

__all__ = ["Levels"]


class Levels:
    """The perfect subtrees over these leaf hashes. Immutable once made."""

    __slots__ = ("_levels", "size")

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.size: Final = len(leaves)
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
