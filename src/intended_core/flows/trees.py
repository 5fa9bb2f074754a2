"""Trees of logs, kept in memory and grown as the logs grow: a proof is then a few look-ups, and only new leaves are read.

What is kept rests on leaves as the store answered them: whoever asks for a tree gives its authentic root. A tree that has another one is
read anew once, since the store may have been put back and gone on from there.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from intended_core.audit.levels import Growing
from intended_core.errors import StoreCorruptError
from intended_core.ids import Scope
from intended_core.ports import Storage

__all__ = ["TreeCache"]

PAGE: Final = 65_536  # leaves read at once: 2 MiB


class TreeCache:
    """The trees used last, of at most `max_leaves` leaves together (64 bytes each). Thread-safe."""

    __slots__ = ("_lock", "_max_leaves", "_trees")

    def __init__(self, *, max_leaves: int = 4_000_000) -> None:
        self._max_leaves: Final = max_leaves
        self._lock: Final = Lock()
        self._trees: OrderedDict[str, Growing] = OrderedDict()

    def __repr__(self) -> str:
        return f"TreeCache({len(self._trees)} trees)"

    def get(self, storage: Storage, scope: Scope, size: int, root: bytes) -> Growing:
        """The tree of a scope over at least its first `size` leaves, which have this root. Raises StoreCorruptError when they have not."""
        with self._lock:
            tree = self._trees.pop(scope.key, None)
            if tree is None or not _reaches(tree, storage, scope, size, root):
                tree = Growing()
                if not _reaches(tree, storage, scope, size, root):
                    raise StoreCorruptError("the store's leaves are not those that the head of their log names")
            self._trees[scope.key] = tree
            while len(self._trees) > 1 and sum(one.size for one in self._trees.values()) > self._max_leaves:
                self._trees.popitem(last=False)
            return tree


def _reaches(tree: Growing, storage: Storage, scope: Scope, size: int, root: bytes) -> bool:
    """Whether the tree, grown from the store, has this root over its first `size` leaves."""
    while tree.size < size:
        leaves = storage.leaves(scope, tree.size, min(size, tree.size + PAGE))
        if not leaves:
            return False
        tree.extend(leaves)
    return tree.root(0, size) == root
