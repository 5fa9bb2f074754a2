"""The tiles desk: the hashes of a log in rows of 256, from which proofs are made. `tenant.tiles`.

They follow from the records and decide nothing: whatever becomes of them, the log is what its records and its head say.
"""

from __future__ import annotations

from intended_core.audit.grades import Finding
from intended_core.audit.levels import Levels
from intended_core.audit.tilecheck import TileCheck
from intended_core.audit.tiled import split_tile
from intended_core.audit.tiles import TILE_WIDTH
from intended_core.desks.desk import Desk
from intended_core.flows.tiles import Laid, lay_tiles, read_tile, tree_of

__all__ = ["TilesDesk"]


class TilesDesk(Desk):
    """Laying, reading, checking and mending the tiles of one log."""

    __slots__ = ()

    def lay(self, *, since: int | None = None) -> Laid:
        """Lay the tiles that the log has filled and that are not there. `since`: the size up to which they are known to stand."""
        return self._driver.operate(lay_tiles(self._context, since=since))

    def mend(self) -> Laid:
        """Make every tile anew from the records where it is not theirs; no record and no head is touched. `written`: how many.

        Raises StoreCorruptError where the records are not those that the head names, UnitRefusedError `tiles_moved` to be tried again.
        """
        return self._driver.operate(lay_tiles(self._context, since=0))

    def check(self) -> Finding | None:
        """The first tile that is not that of the log as its head names it, or is missing among those that were laid; None where all stand.

        The records themselves are for a verification of the log to look at. Raises StoreCorruptError where the head's tree cannot be had.
        """
        tree, asked = self.tree(), TileCheck(self.read)
        for number in range(tree.size // TILE_WIDTH):
            asked.compare(number, split_tile(tree.tile(0, number)))
        return asked.finish(self.tree())  # as it stands by now: an epoch may have laid more meanwhile

    def read(self, level: int, number: int) -> bytes | None:
        """A tile as it is stored, compared with nothing; None where there is none."""
        return self._driver.operate(read_tile(self._context, level, number))

    def tree(self) -> Levels:
        """The tree of the whole log. Raises StoreCorruptError."""
        return self._driver.operate(tree_of(self._context))
