"""Whether the tiles of a log are those of its records: asked beside a verification of the log, which reads every record anyway."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from intended_core.audit.grades import Finding, Grade
from intended_core.audit.levels import Levels
from intended_core.audit.tiled import split_tile
from intended_core.audit.tiles import TILE_WIDTH
from intended_core.unit import RecordRow

__all__ = ["TileCheck"]


class TileCheck:
    """Follows the records of one log and compares each whole tile with them. `finding`: the first thing that is wrong.

    A tile that was never laid is nothing to be found: tiles follow the log and may end before it. A hole is.
    """

    __slots__ = ("_hole", "_last", "_read", "finding")

    def __init__(self, read: Callable[[int, int], bytes | None]) -> None:
        """`read`: the tile (level, number) as the store has it."""
        self._read = read
        self._hole: int | None = None
        self._last = -1  # the newest tile that is there
        self.finding: Finding | None = None

    def watch(self, rows: Iterable[RecordRow]) -> Iterator[RecordRow]:
        """The same rows; their leaves are noted on the way."""
        page: list[bytes] = []
        number = 0
        for row in rows:
            page.append(row.leaf)
            if len(page) == TILE_WIDTH:
                self.compare(number, page)
                page = []
                number += 1
            yield row

    def compare(self, number: int, leaves: list[bytes]) -> None:
        """Look at tile `number` of the leaves, of which these are the right ones; in their order."""
        stored = self._read(0, number)
        if stored is None:
            self._hole = number if self._hole is None else self._hole
            return
        self._last = number
        if stored != b"".join(leaves):
            self._differs(0, number, split_tile(stored), leaves)

    def _differs(self, level: int, number: int, stored: list[bytes], right: list[bytes]) -> None:
        shared = min(len(stored), len(right))
        at = next((place for place in range(shared) if stored[place] != right[place]), shared)
        seq = min(number * TILE_WIDTH + at, (number + 1) * TILE_WIDTH - 1) * TILE_WIDTH**level
        text = f"tile {level}/{number} is not that of the records; `intended audit mend` makes it anew"
        self._find(Finding(code="tile.differs", grade=Grade.TAMPERED, seq=seq, text=text))

    def _find(self, finding: Finding) -> None:
        self.finding = self.finding or finding

    def finish(self, tree: Levels) -> Finding | None:
        """What was found, once every record was seen and `tree` is known to be theirs."""
        level = 1
        covered = 0
        while count := tree.size // TILE_WIDTH**level:
            for number in range((count + TILE_WIDTH - 1) // TILE_WIDTH):
                data = self._read(level, number)
                stored, right = split_tile(data), tree.tile(level, number)
                if not right.startswith(b"".join(stored)) or (data is not None and not stored):
                    self._differs(level, number, stored, [right[at : at + 32] for at in range(0, len(right), 32)])
                if level == 1:
                    covered = number * TILE_WIDTH + len(stored) if stored else covered
                if not stored and self._last >= number * TILE_WIDTH**level:
                    self._missing(level, number)
            level += 1
        if self._hole is not None and self._hole < max(covered, self._last) and self._read(0, self._hole) is None:
            self._missing(0, self._hole)  # and was not laid while the records were read
        return self.finding

    def _missing(self, level: int, number: int) -> None:
        text = f"tile {level}/{number} is missing among those that were laid; `intended audit mend` makes it anew"
        self._find(Finding(code="tile.missing", grade=Grade.INCOMPLETE, seq=number * TILE_WIDTH ** (level + 1), text=text))
