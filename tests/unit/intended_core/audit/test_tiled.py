"""A tree out of tiles is the tree over all leaves, whatever the store has made of the tiles."""

from __future__ import annotations

from hashlib import sha256

import pytest

from intended_core.audit.levels import Levels
from intended_core.audit.proof import prove_consistency, prove_inclusion
from intended_core.audit.tiled import Tiled, split_tile
from intended_core.audit.tiles import TILE_WIDTH
from intended_core.audit.tree import root_of
from intended_core.errors import AuditError, StoreCorruptError

LEAVES = [sha256(number.to_bytes(4, "big")).digest() for number in range(256 * 256 + 3 * 256 + 7)]
WHOLE = Levels(LEAVES)
SIZE = len(LEAVES)


class Store:
    """Leaves beside records, and tiles; counts what is read of either."""

    def __init__(self, size: int = SIZE) -> None:
        self.leaves = LEAVES[:size]
        self.tiles: dict[tuple[int, int], bytes] = {}
        level, hashes = 0, self.leaves[: size // TILE_WIDTH * TILE_WIDTH]
        while hashes:
            for number in range(0, len(hashes), TILE_WIDTH):
                self.tiles[level, number // TILE_WIDTH] = b"".join(hashes[number : number + TILE_WIDTH])
            hashes = [
                root_of(hashes[at : at + TILE_WIDTH]) for at in range(0, len(hashes) // TILE_WIDTH * TILE_WIDTH, TILE_WIDTH)
            ]
            level += 1
        self.read_tiles, self.read_leaves = list[tuple[int, int]](), 0

    def tile(self, level: int, number: int) -> bytes | None:
        self.read_tiles.append((level, number))
        return self.tiles.get((level, number))

    def some(self, start: int, stop: int) -> list[bytes]:
        self.read_leaves += stop - start
        return self.leaves[start:stop]

    def tree(self) -> Tiled:
        return Tiled(read=self.tile, leaves=self.some)


def grown(store: Store, size: int = SIZE) -> Tiled:
    tree = store.tree().grown(size, WHOLE.root(0, size))
    assert tree is not None
    return tree


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 3 * 256 + 7, 65_535, 65_536, 65_537, SIZE])
def test_roots_edges_and_proofs_are_those_of_all_leaves(size: int) -> None:
    tree = grown(Store(size), size)
    for at in {0, 1, 254, 255, 256, size // 2, size - 2, size - 1} & set(range(size)):
        assert prove_inclusion(tree, index=at, size=size) == prove_inclusion(WHOLE, index=at, size=size)
        assert tree.root(0, at) == WHOLE.root(0, at)
        assert tree.root(at, size) == WHOLE.root(at, size)
        assert tree.frontier(at) == WHOLE.frontier(at)
        if at:
            assert prove_consistency(tree, first=at, second=size) == prove_consistency(WHOLE, first=at, second=size)


def test_a_proof_reads_a_few_tiles_and_the_newest_leaves() -> None:
    store = Store()
    prove_inclusion(grown(store), index=40_000, size=SIZE)
    assert store.read_leaves == 7
    assert sorted(store.read_tiles) == [(0, 156), (1, 0), (1, 1), (2, 0)]


def test_a_tree_grows_by_what_is_new_and_the_smaller_one_stays_what_it_was() -> None:
    store = Store()
    first = grown(store, 600)
    before = store.read_leaves
    second = first.grown(700, WHOLE.root(0, 700))
    assert second is not None
    assert store.read_leaves == before + 100
    assert (first.size, first.root(0, 600), second.root(0, 600)) == (600, WHOLE.root(0, 600), WHOLE.root(0, 600))
    third = second.grown(1_100, WHOLE.root(0, 1_100))
    assert third is not None
    assert third.root(0, 1_100) == WHOLE.root(0, 1_100)
    assert third.held > 0
    with pytest.raises(AuditError):
        second.root(0, 701)


def test_another_root_is_no_tree() -> None:
    assert Store().tree().grown(SIZE, bytes(32)) is None
    with pytest.raises(AuditError) as caught:
        Store(300).tree().grown(301, WHOLE.root(0, 301))
    assert caught.value.code == "audit.gap"


@pytest.mark.parametrize("place", [(0, 0), (0, 156), (0, 257), (1, 0), (1, 1), (2, 0)])
@pytest.mark.parametrize("damage", ["gone", "edited", "short", "long", "other", "text"])
def test_a_tile_that_is_not_what_it_should_be_changes_nothing(place: tuple[int, int], damage: str) -> None:
    store = Store()
    good = store.tiles[place]
    if damage == "gone":
        del store.tiles[place]
    else:
        other = store.tiles[0, 7] if place != (0, 7) else store.tiles[0, 8]
        bad = {"edited": bytes(32) + good[32:], "short": good[:-1], "long": good + bytes(32 * 256), "other": other, "text": "x"}
        store.tiles[place] = bad[damage]  # type: ignore[assignment]
    tree = grown(store)
    for at in (3, 156 * 256 + 5, 257 * 256 + 9, SIZE - 1):
        assert prove_inclusion(tree, index=at, size=SIZE) == prove_inclusion(WHOLE, index=at, size=SIZE)


def test_where_the_records_are_others_too_nothing_is_proved() -> None:
    store = Store()
    store.tiles[0, 156] = bytes(32 * 256)
    store.leaves[156 * 256] = bytes(32)
    tree = grown(store)  # the edges are right: what is wrong is deep inside
    with pytest.raises(StoreCorruptError):
        prove_inclusion(tree, index=156 * 256 + 5, size=SIZE)
    assert prove_inclusion(tree, index=5, size=SIZE) == prove_inclusion(WHOLE, index=5, size=SIZE)


def test_a_tile_is_told_as_the_store_should_have_it() -> None:
    store = Store()
    tree = grown(store)
    assert {place: tree.tile(*place) for place in store.tiles} == store.tiles
    for place in ((3, 0), (0, 260), (-1, 0), (0, -1)):
        with pytest.raises(AuditError):
            tree.tile(*place)
    assert split_tile(None) == split_tile(b"x") == split_tile(bytes(32 * 257)) == []


def test_whole_tiles_at_hand_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intended_core.audit.tiled.MAX_TILES", 3)
    tree = grown(Store())
    for at in range(0, 20 * 256, 256):
        prove_inclusion(tree, index=at, size=SIZE)
    assert tree.held <= 256 * (3 + 3)
