"""Trees of logs, kept in memory and grown as the logs grow: a proof is then a few look-ups, and only new leaves are read.

What is kept rests on leaves as the store answered them, and is believed by nobody: whoever uses a root compares it with a head that is
authentic.
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

    def get(self, storage: Storage, scope: Scope, size: int) -> Growing:
        """The tree of a scope over at least its first `size` leaves. Raises StoreCorruptError when the store does not hold as many."""
        with self._lock:
            tree = self._trees.pop(scope.key, None) or Growing()
            while tree.size < size:
                leaves = storage.leaves(scope, tree.size, min(size, tree.size + PAGE))
                if not leaves:
                    raise StoreCorruptError("the store does not hold every leaf of its log")
                tree.extend(leaves)
            self._trees[scope.key] = tree
            while len(self._trees) > 1 and sum(one.size for one in self._trees.values()) > self._max_leaves:
                self._trees.popitem(last=False)
            return tree

    def forget(self, scope: Scope) -> None:
        """Drop what is kept of a scope: a root did not fit its head, and the store is read anew the next time."""
        with self._lock:
            self._trees.pop(scope.key, None)
