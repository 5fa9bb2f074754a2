"""Trees of logs, kept at hand and grown as the logs grow: a proof is then a few look-ups.

A short log is kept whole. A longer one is read from its tiles, a few of them for a proof, so that it takes neither the memory nor the
reading of all its leaves. Both rest on what the store answered: whoever asks for a tree gives its authentic root. A tree that has another
one is read anew once, since the store may have been put back and gone on from there.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final, TypeAlias

from intended_core.audit.levels import Growing
from intended_core.audit.tiled import Tiled
from intended_core.audit.tiles import TILE_WIDTH
from intended_core.errors import AuditError, StoreCorruptError
from intended_core.ids import Scope
from intended_core.ports import Storage
from intended_core.unit import RowKey

__all__ = ["TreeCache", "tile_key"]

PAGE: Final = 65_536  # leaves read at once: 2 MiB
Tree: TypeAlias = Growing | Tiled


def tile_key(level: int, number: int) -> RowKey:
    """The row that keeps a tile."""
    return RowKey("tile", f"{level}/{number}")


class TreeCache:
    """The trees used last, of at most `max_leaves` leaves together (64 bytes each). Thread-safe."""

    __slots__ = ("_lock", "_max_leaves", "_trees")

    def __init__(self, *, max_leaves: int = 4_000_000) -> None:
        self._max_leaves: Final = max_leaves
        self._lock: Final = Lock()
        self._trees: OrderedDict[str, Tree] = OrderedDict()

    def __repr__(self) -> str:
        return f"TreeCache({len(self._trees)} trees)"

    def get(self, storage: Storage, scope: Scope, size: int, root: bytes) -> Tree:
        """The tree of a scope over at least its first `size` leaves, which have this root. Raises StoreCorruptError when they have not."""
        with self._lock:
            tree = self._trees.pop(scope.key, None)
            if tree is None or (tree := _reached(tree, storage, scope, size, root)) is None:
                tree = _reached(_tiled(storage, scope) if size >= TILE_WIDTH else Growing(), storage, scope, size, root)
                if tree is None:
                    raise StoreCorruptError("the store's leaves are not those that the head of their log names")
            self._trees[scope.key] = tree
            while len(self._trees) > 1 and sum(map(_held, self._trees.values())) > self._max_leaves:
                self._trees.popitem(last=False)
            return tree


def _held(tree: Tree) -> int:
    return tree.held if isinstance(tree, Tiled) else tree.size


def _tiled(storage: Storage, scope: Scope) -> Tiled:
    def read(level: int, number: int) -> bytes | None:
        found = storage.read(scope, (tile_key(level, number),))
        return found[0].body if found else None

    return Tiled(read=read, leaves=lambda start, stop: storage.leaves(scope, start, stop))


def _reached(tree: Tree, storage: Storage, scope: Scope, size: int, root: bytes) -> Tree | None:
    """The tree, grown from the store, if it has this root over its first `size` leaves."""
    if isinstance(tree, Tiled):
        try:
            if tree.size < size:
                return tree.grown(size, root)
        except AuditError:
            return None
        return tree if tree.root(0, size) == root else None
    if size >= TILE_WIDTH and tree.size < size:
        return None
    while tree.size < size:
        leaves = storage.leaves(scope, tree.size, min(size, tree.size + PAGE))
        if not leaves:
            return None
        tree.extend(leaves)
    return tree if tree.root(0, size) == root else None
