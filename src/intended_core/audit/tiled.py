"""A tree whose hashes stand in tiles of 256 (C2SP tlog-tiles): what a proof needs is read, a log of any length costs a few tiles.

Tile (L, n) holds the roots of the subtrees of 256**L leaves from n*256 on. A tile decides nothing: a whole one is believed where its root
is the hash that stands above it, and the right edges where all of them together give the root that the caller has from the authentic
head. What is not there, or is something else, is made anew from the leaves that stand beside the records.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from threading import Lock
from typing import Final, TypeAlias

from intended_core.audit.levels import Levels
from intended_core.audit.tiles import TILE_WIDTH
from intended_core.audit.tree import EMPTY_ROOT, HASH_BYTES, Frontier, root_of
from intended_core.errors import AuditError, StoreCorruptError

__all__ = ["Tiled", "split_tile"]

MAX_TILES: Final = 256  # whole tiles that one tree keeps at hand
_PAGE: Final = 65_536  # leaves read at once
_BITS: Final = 8

ReadTile: TypeAlias = Callable[[int, int], bytes | None]
ReadLeaves: TypeAlias = Callable[[int, int], Sequence[bytes]]


def split_tile(data: bytes | None) -> list[bytes]:
    """The hashes of a tile as it is stored; none for one that is no row of up to 256 hashes."""
    if type(data) is not bytes or len(data) % HASH_BYTES or len(data) > HASH_BYTES * TILE_WIDTH:
        return []
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


Edge: TypeAlias = tuple[int, Levels]


class Tiled(Levels):
    """The tree of a log, out of its tiles. `read`: a tile as the store has it; `leaves`: the leaf hashes of [a, b). Thread-safe.

    A fresh one is empty; `grown` answers larger ones, which share what was read.
    """

    __slots__ = ("_edges", "_kept", "_leaves", "_lock", "_read")

    def __init__(self, *, read: ReadTile, leaves: ReadLeaves) -> None:
        super().__init__(())
        self._read: Final = read
        self._leaves: Final = leaves
        self._edges: list[Edge] = []  # of each level the tile that is not whole yet
        self._kept: OrderedDict[tuple[int, int], Levels] = OrderedDict()
        self._lock = Lock()

    @property
    def held(self) -> int:
        """How many leaves' worth of hashes it keeps at hand."""
        return TILE_WIDTH * (len(self._kept) + len(self._edges))

    def grown(self, size: int, root: bytes) -> Tiled | None:
        """The tree of `size` leaves, no fewer than here, if they have this root; else None. Raises AuditError `audit.gap`."""
        made = Tiled(read=self._read, leaves=self._leaves)
        made._kept, made._lock, made.size = self._kept, self._lock, size
        for stored in (True, False):
            fresh: dict[tuple[int, int], Levels] = {}
            made._edges = self._grown(size, fresh, stored=stored)
            if made.root(0, size) == root:
                with self._lock:  # what the root vouches for need not be read again
                    self._kept.update(fresh)
                return made
        return None

    def _grown(self, size: int, fresh: dict[tuple[int, int], Levels], *, stored: bool) -> list[Edge]:
        edges: list[Edge] = []
        level = 0
        while count := size >> (_BITS * level):
            number, width = count // TILE_WIDTH, count % TILE_WIDTH
            known = self._edges[level] if level < len(self._edges) else None
            hashes: list[bytes] = []
            if known is not None and known[0] == number:
                hashes = list(known[1].hashes())
            elif stored and level:
                hashes = split_tile(self._read(level, number))[:width]
            start = number * TILE_WIDTH
            if level == 0:
                hashes += self._of_leaves(start + len(hashes), start + width)
            else:
                hashes += [self._below(level, at, fresh, stored=stored) for at in range(start + len(hashes), start + width)]
            edges.append((number, Levels(hashes)))
            level += 1
        return edges

    def _below(self, level: int, at: int, fresh: dict[tuple[int, int], Levels], *, stored: bool) -> bytes:
        """Hash `at` of a level, out of the tile below it or its leaves; not compared with anything yet."""
        known = self._kept.get((level - 1, at))
        if known is not None:
            return known.root(0, TILE_WIDTH)
        hashes = split_tile(self._read(level - 1, at)) if stored else []
        if len(hashes) == TILE_WIDTH:
            return root_of(hashes)
        if level > 1 or len(fresh) >= MAX_TILES - len(self._kept):
            return self._over_leaves(level, at)
        made = fresh[0, at] = Levels(self._of_leaves(at * TILE_WIDTH, (at + 1) * TILE_WIDTH))
        return made.root(0, TILE_WIDTH)

    def _over_leaves(self, level: int, at: int) -> bytes:
        span = TILE_WIDTH**level
        roots = [
            root_of(self._of_leaves(start, min(start + _PAGE, (at + 1) * span))) for start in range(at * span, (at + 1) * span, _PAGE)
        ]
        return root_of(roots)  # pages are perfect subtrees themselves

    def _of_leaves(self, start: int, stop: int) -> Sequence[bytes]:
        found = self._leaves(start, stop) if start < stop else ()
        if len(found) != stop - start:
            raise AuditError("the log does not hold every leaf that the proof needs", code="audit.gap")
        return found

    def _tile(self, level: int, number: int) -> Levels:
        if self._edges[level][0] == number:
            return self._edges[level][1]
        with self._lock:
            known = self._kept.get((level, number))
            if known is not None:
                self._kept.move_to_end((level, number))
                return known
        above = self._tile(level + 1, number // TILE_WIDTH).hashes()[number % TILE_WIDTH]
        hashes = split_tile(self._read(level, number))
        made = Levels(hashes)
        if len(hashes) != TILE_WIDTH or made.root(0, TILE_WIDTH) != above:
            begin = number * TILE_WIDTH
            if level == 0:
                made = Levels(self._of_leaves(begin, begin + TILE_WIDTH))
            else:
                made = Levels([self._over_leaves(level, at) for at in range(begin, begin + TILE_WIDTH)])
            if made.root(0, TILE_WIDTH) != above:
                raise StoreCorruptError("the store's leaves are not those that the head of their log names")
        with self._lock:
            self._kept[level, number] = made
            if len(self._kept) > MAX_TILES:
                self._kept.popitem(last=False)
        return made

    def tile(self, level: int, number: int) -> bytes:
        """The hashes of a tile, one behind the other, as many as there are; raises AuditError `audit.gap` where there is none."""
        if not 0 <= level < len(self._edges) or not 0 <= number <= self._edges[level][0]:
            raise AuditError("the log does not hold every leaf that the proof needs", code="audit.gap")
        return b"".join(self._tile(level, number).hashes())

    def root(self, start: int, stop: int) -> bytes:
        """As `Levels.root`; raises StoreCorruptError as well, where neither a tile nor the records hold what the head names."""
        if not 0 <= start <= stop <= self.size:
            raise AuditError("the log does not hold every leaf that the proof needs", code="audit.gap")
        if start == stop:
            return EMPTY_ROOT
        width = stop - start
        height = width.bit_length() - 1
        if width == 1 << height and start & (width - 1) == 0:
            return self._perfect(height, start >> height)
        middle = start + (1 << ((width - 1).bit_length() - 1))
        return sha256(b"\x01" + self.root(start, middle) + self.root(middle, stop)).digest()

    def _perfect(self, height: int, at: int) -> bytes:
        level, inner = height // _BITS, height % _BITS
        return self._tile(level, at >> (_BITS - inner)).perfect(inner, at & ((TILE_WIDTH >> inner) - 1))

    def frontier(self, size: int) -> Frontier:
        """As `Levels.frontier`; raises as `root`."""
        if not 0 <= size <= self.size:
            raise AuditError("the log does not hold every leaf that the proof needs", code="audit.gap")
        hashes: list[bytes] = []
        at = 0
        for height in range(size.bit_length() - 1, -1, -1):
            if size >> height & 1:
                hashes.append(self._perfect(height, at >> height))
                at += 1 << height
        return Frontier(size, tuple(hashes))
