"""What a set makes only when an action is first asked for: its plan, its index and its approvals, once, under a lock.

A set of 10,000 rules is opened to ask a few of its actions; the others cost nothing until somebody does. Who asks meanwhile for the same
action waits for it. What cannot be made denies: from the first failure on the whole set answers `StoreCorruptError` and no action of it,
made before or not, is answered again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Generic, TypeVar

from intended_core.errors import IntendedError, StoreCorruptError
from intended_core.lang.loading import collector_paused

__all__ = ["Actions", "MadeAction", "OnDemand", "Plans"]

K = TypeVar("K")
V = TypeVar("V")
MadeAction = tuple[Any, Mapping[Any, Any], Mapping[Any, Any]]  # its plan or None, its part of the index, its part of the approvals
_OURS: Final = (MemoryError, RecursionError)  # of the moment and not of the set: this decision is denied, the next one tries again


class Actions:
    """The actions of one set. `names`: those that rules speak of; `make`: what makes one of them."""

    __slots__ = ("_broken", "_done", "_lock", "_make", "_names", "approvals", "index", "plans")

    def __init__(self, names: Iterable[str], make: Callable[[str], MadeAction]) -> None:
        self._names = frozenset(names)
        self._make = make
        self._lock = threading.Lock()
        self._done: set[str] = set()
        self._broken = ""
        self.plans = Plans(self)
        self.index: dict[Any, Any] = {}
        self.approvals: dict[Any, Any] = {}

    def need(self, action: str) -> None:
        """Make the action where it is not made yet.

        StoreCorruptError where it, or any other before it, could not be made; an IntendedError of `make` itself comes through, once.
        """
        if action in self._done or (action not in self._names and not self._broken):
            return
        with self._lock:
            if self._broken:
                raise StoreCorruptError(self._broken)
            if action in self._done:
                return
            try:
                plan, index, approvals = self._make(action)
            except _OURS:
                raise
            except Exception as error:  # fail closed: a set with one part that cannot be made is no set
                self._broken = f"the policy set cannot be made ready ({type(error).__name__})"
                for held in (self._done, self.plans, self.index, self.approvals):
                    held.clear()
                if isinstance(error, IntendedError):
                    raise
                raise StoreCorruptError(self._broken) from error
            self.index.update(index)
            self.approvals.update(approvals)
            if plan is not None:
                self.plans[action] = plan
            self._done.add(action)

    def whole(self) -> None:
        """Make all of them. Raises as `need`."""
        with collector_paused():  # once: after each of a hundred actions it would walk what the others hold
            for action in sorted(self._names):
                self.need(action)


class Plans(dict[str, Any]):
    """Plans by action; a look-up (`plans[action]`) makes what is not made yet. KeyError: there is no plan for this action."""

    __slots__ = ("_actions",)

    def __init__(self, actions: Actions) -> None:
        super().__init__()
        self._actions = actions

    def __missing__(self, action: str) -> Any:
        self._actions.need(action)
        plan = self.get(action)
        if plan is None:
            raise KeyError(action)
        return plan


class OnDemand(Mapping[K, V], Generic[K, V]):
    """A mapping whose keys begin with an action; looking one up makes what is not made yet, walking over it makes everything."""

    __slots__ = ("_actions", "_held")

    def __init__(self, actions: Actions, held: Mapping[K, V]) -> None:
        self._actions = actions
        self._held = held

    def __getitem__(self, key: K) -> V:
        found = self._held.get(key)
        if found is None:
            self._actions.need(key[0])  # type: ignore[index]
            return self._held[key]
        return found

    def __iter__(self) -> Iterator[K]:
        self._actions.whole()
        return iter(self._held)

    def __len__(self) -> int:
        self._actions.whole()
        return len(self._held)
