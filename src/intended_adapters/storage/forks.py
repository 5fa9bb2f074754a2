"""Forking with an open store. SQLite keeps its file locks per process and remembers them in memory, so a child that inherits a
connection, or merely opens the file while one is inherited, believes in locks that it does not hold
(https://www.sqlite.org/howtocorrupt.html § 2.6). So every connection is closed before a fork, and each side opens its own.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Final, Protocol

__all__ = ["Forkable", "watch"]


class Forkable(Protocol):
    """What happens to a store around a fork."""

    def before_fork(self) -> None: ...

    def after_fork(self, *, in_child: bool) -> None: ...


_LOCK: Final = threading.Lock()
_WATCHED: Final[weakref.WeakSet[Forkable]] = weakref.WeakSet()
_QUIET: Final[list[Forkable]] = []


def watch(store: Forkable) -> None:
    """Tell `store` before and after every fork of this process, as long as it lives."""
    with _LOCK:
        _WATCHED.add(store)


def _before() -> None:
    _LOCK.acquire()
    for store in tuple(_WATCHED):
        store.before_fork()
        _QUIET.append(store)


def _after(*, in_child: bool) -> None:
    try:
        for store in _QUIET:
            store.after_fork(in_child=in_child)
    finally:
        _QUIET.clear()
        _LOCK.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before, after_in_parent=lambda: _after(in_child=False), after_in_child=lambda: _after(in_child=True)
    )
