"""tiles: the hashes of a log are laid down in rows of 256, whenever an epoch is sealed and when the store is opened (docs/adr).

A tile decides nothing. It is made from leaves that the authentic head vouches for, is compared with what stands above it whenever it is
read, and can be thrown away: `mend` makes every tile anew from the records, and nothing of it touches a record or a head's tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.audit.levels import Levels
from intended_core.audit.log import LogHead
from intended_core.audit.tiled import split_tile
from intended_core.audit.tiles import TILE_WIDTH
from intended_core.errors import UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, LoadTree, Now, ReadRows
from intended_core.flows.evidence import authentic_head
from intended_core.flows.steps import next_head, open_head
from intended_core.flows.trees import tile_key
from intended_core.unit import Changes, Row, RowKey, Unit, UnitView, Write

__all__ = ["Laid", "lay_tiles", "places", "read_tile", "tree_of", "whole_leaves"]

_AT_ONCE: Final = 64  # tiles in one unit: 512 KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """Up to which leaf a log is in tiles, and how many tiles were written for that."""

    size: int
    written: int


def whole_leaves(size: int) -> int:
    """How many leaves of a log of this size fill whole tiles."""
    return size // TILE_WIDTH * TILE_WIDTH


def places(since: int, size: int) -> Iterator[tuple[int, int]]:
    """Level and number of every tile that a log of `size` leaves (whole tiles) has otherwise than one of `since`."""
    level = 0
    while count := size // TILE_WIDTH**level:
        first = since // TILE_WIDTH**level // TILE_WIDTH
        for number in range(first, (count + TILE_WIDTH - 1) // TILE_WIDTH):
            yield level, number
        level += 1


def lay_tiles(context: Context, *, since: int | None = None) -> Flow[Laid]:
    """Write the tiles that are not there yet. `since`: up to where they are known to stand; 0 looks at every one, None asks the store.

    Raises StoreCorruptError where the records are not those that the head names: nothing is made from them.
    """
    head = yield from authentic_head(context)
    whole = whole_leaves(head.size)
    if since is None:
        since = yield from _stands(context, whole)
    if since >= whole:
        return Laid(size=whole, written=0)
    tree: Levels = yield LoadTree(context.scope, head.size, head.frontier.root())
    wanted = list(places(since, whole))
    written = 0
    for at in range(0, len(wanted), _AT_ONCE):
        made = {tile_key(level, number): tree.tile(level, number) for level, number in wanted[at : at + _AT_ONCE]}
        written += yield from _write(context, made, head)
    return Laid(size=whole, written=written)


def _stands(context: Context, whole: int) -> Flow[int]:
    """Up to where the tiles reach, as the store says: its newest tile, or where the level above says that it ends."""
    last = whole // TILE_WIDTH - 1
    if last < 0:
        return 0
    keys = (tile_key(0, last), tile_key(1, last // TILE_WIDTH))
    rows: Sequence[Row] = yield ReadRows(context.scope, keys)
    found = {row.key: row.body for row in rows}
    above = last // TILE_WIDTH * TILE_WIDTH + len(split_tile(found.get(keys[1].key)))
    if keys[0].key in found and above > last:
        return whole
    return min(above, last) * TILE_WIDTH if keys[1].key in found else 0


def read_tile(context: Context, level: int, number: int) -> Flow[bytes | None]:
    """A tile as it is stored, compared with nothing; None where there is none."""
    rows: Sequence[Row] = yield ReadRows(context.scope, (tile_key(level, number),))
    return rows[0].body if rows else None


def tree_of(context: Context) -> Flow[Levels]:
    """The tree of the whole log as its authentic head names it. Raises StoreCorruptError."""
    head = yield from authentic_head(context)
    tree: Levels = yield LoadTree(context.scope, head.size, head.frontier.root())
    return tree


def _write(context: Context, made: dict[RowKey, bytes], head: LogHead) -> Flow[int]:
    """The rows that are not these already; answers how many."""
    rows: Sequence[Row] = yield ReadRows(context.scope, tuple(made))
    known = {RowKey(row.kind, row.key): row.body for row in rows}
    missing = {key: body for key, body in made.items() if known.get(key) != body}
    if not missing:
        return 0
    now_us: int = yield Now()

    def decide_unit(view: UnitView) -> Changes:
        now = open_head(context, view, now_us=now_us, even_rolled_back=True, any_clock=True, even_closed=True)
        if whole_leaves(now.size) != whole_leaves(head.size):
            raise UnitRefusedError("tiles_moved", "the log has grown by a tile meanwhile: the next epoch lays it")
        writes = []
        for key, body in missing.items():
            row = view.rows.get(key)
            version = 0 if row is None else row.version  # whoever wrote it: it is replaced, not believed
            state = "WHOLE" if len(body) == 32 * TILE_WIDTH else "GROWS"
            writes.append(Write(context.mac.seal_row(context.scope, key.kind, key.key, version + 1, state, body), version))
        return Changes(head=next_head(context, view.head, now), writes=tuple(writes), records=())

    yield Commit(Unit(context.scope, decide_unit, reads=tuple(missing)))
    return len(missing)
