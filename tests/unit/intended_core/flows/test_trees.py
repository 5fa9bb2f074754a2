"""Trees follow their logs, read only what is new, and are bounded."""

from __future__ import annotations

import pytest

from intended_core.audit.tree import leaf_hash, root_of
from intended_core.errors import StoreCorruptError
from intended_core.flows.trees import TreeCache
from intended_core.ids import Scope

SCOPE, OTHER = Scope("a", "a" * 32, "live"), Scope("b", "b" * 32, "live")
LEAVES = [leaf_hash(bytes([number])) for number in range(200)]


class Store:
    def __init__(self, leaves: list[bytes]) -> None:
        self.kept, self.asked = leaves, list[tuple[int, int]]()

    def leaves(self, _: Scope, start: int, stop: int) -> list[bytes]:
        self.asked.append((start, stop))
        return self.kept[start:stop]


def test_only_new_leaves_are_read() -> None:
    store, trees = Store(LEAVES), TreeCache()
    assert trees.get(store, SCOPE, 100, root_of(LEAVES[:100])).root(0, 100) == root_of(LEAVES[:100])  # type: ignore[arg-type]
    grown = trees.get(store, SCOPE, 150, root_of(LEAVES[:150]))  # type: ignore[arg-type]
    assert (grown.root(0, 150), grown.root(0, 100)) == (root_of(LEAVES[:150]), root_of(LEAVES[:100]))
    assert trees.get(store, SCOPE, 30, root_of(LEAVES[:30])) is grown  # type: ignore[arg-type]
    assert store.asked == [(0, 100), (100, 150)]


def test_a_leaf_that_is_not_there_is_said() -> None:
    with pytest.raises(StoreCorruptError):
        TreeCache().get(Store(LEAVES[:5]), SCOPE, 6, root_of(LEAVES[:6]))  # type: ignore[arg-type]


def test_the_tree_that_was_used_longest_ago_goes() -> None:
    store, trees = Store(LEAVES), TreeCache(max_leaves=150)
    trees.get(store, SCOPE, 100, root_of(LEAVES[:100]))  # type: ignore[arg-type]
    trees.get(store, OTHER, 100, root_of(LEAVES[:100]))  # type: ignore[arg-type]
    trees.get(store, OTHER, 100, root_of(LEAVES[:100]))  # type: ignore[arg-type]
    trees.get(store, SCOPE, 10, root_of(LEAVES[:10]))  # type: ignore[arg-type]
    assert store.asked == [(0, 100), (0, 100), (0, 10)]
    assert repr(trees) == "TreeCache(2 trees)"


def test_a_log_that_goes_on_from_an_earlier_place_is_read_anew() -> None:
    store, trees = Store(LEAVES[:50]), TreeCache()
    trees.get(store, SCOPE, 50, root_of(LEAVES[:50]))  # type: ignore[arg-type]
    store.kept = LEAVES[:40] + LEAVES[100:120]
    assert trees.get(store, SCOPE, 60, root_of(store.kept)).root(0, 60) == root_of(store.kept)  # type: ignore[arg-type]
    with pytest.raises(StoreCorruptError):
        trees.get(store, SCOPE, 60, bytes(32))  # type: ignore[arg-type]
