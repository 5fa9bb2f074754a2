"""A hole among the tiles and a tile that is not of the records are found; a log whose newest tiles are not laid yet is whole."""

from __future__ import annotations

from hashlib import sha256

import pytest

from intended_core.audit.grades import Grade
from intended_core.audit.levels import Levels
from intended_core.audit.tilecheck import TileCheck
from intended_core.unit import RecordRow

SIZE = 5 * 256 + 9
ROWS = [RecordRow(seq, b"", b"", sha256(seq.to_bytes(4, "big")).digest(), "") for seq in range(SIZE)]
TREE = Levels([row.leaf for row in ROWS])
Tiles = dict[tuple[int, int], bytes]


def laid(count: int = 5) -> Tiles:
    made: Tiles = {(0, number): TREE.tile(0, number) for number in range(count)}
    if count:
        made[1, 0] = TREE.tile(1, 0)[: 32 * count]
    return made


def check(tiles: Tiles) -> tuple[str, Grade, int | None] | None:
    asked = TileCheck(lambda level, number: tiles.get((level, number)))
    assert list(asked.watch(ROWS)) == ROWS
    found = asked.finish(TREE)
    return None if found is None else (found.code, found.grade, found.seq)


@pytest.mark.parametrize("count", range(6))
def test_tiles_may_end_before_the_log(count: int) -> None:
    assert check(laid(count)) is None


def test_a_hole_is_found() -> None:
    for gone in range(5):
        tiles = laid()
        del tiles[0, gone]
        assert check(tiles) == ("tile.missing", Grade.INCOMPLETE, gone * 256)
    tiles = laid()
    del tiles[1, 0]
    assert check(tiles) == ("tile.missing", Grade.INCOMPLETE, 0)


@pytest.mark.parametrize(
    ("place", "change", "seq"),
    [
        ((0, 2), lambda good: good[:320] + bytes(32) + good[352:], 522),
        ((0, 2), lambda good: TREE.tile(0, 1), 512),
        ((0, 2), lambda good: good[:-32], 767),
        ((0, 2), lambda good: good + b"x", 512),
        ((0, 4), lambda good: b"", 1024),
        ((1, 0), lambda good: good[:64] + bytes(32) + good[96:], 512),
        ((1, 0), lambda good: good + bytes(32), 5 * 256),
        ((1, 0), lambda good: b"", 0),
    ],
)
def test_a_tile_that_is_not_of_the_records_is_found(place: tuple[int, int], change: object, seq: int) -> None:
    tiles = laid()
    tiles[place] = change(tiles[place])  # type: ignore[operator]
    assert check(tiles) == ("tile.differs", Grade.TAMPERED, seq)


def test_tiles_that_are_laid_while_the_records_are_read_are_no_hole() -> None:
    tiles = laid(2)
    asked = TileCheck(lambda level, number: tiles.get((level, number)))
    list(asked.watch(ROWS))
    tiles.update(laid(5))
    assert asked.finish(TREE) is None
