"""Which database files this process has open: such a file is never opened and closed again beside SQLite.

Closing any descriptor of a file gives up all locks that the process holds on it (POSIX advisory locks, fcntl(2)). SQLite knows that of its
own descriptors and not of ours. Without its lock, another process that closes the store takes itself for the last one and removes the
write-ahead log, and whatever this process commits afterwards is lost.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

__all__ = ["close", "opened", "unless_open"]

T = TypeVar("T")

_Inode = tuple[int, int]


class _Files:
    """How many connections this process has to each file."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.count: Counter[_Inode] = Counter()
        self.of: dict[int, _Inode] = {}


_FILES: Final = _Files()


def _inode(path: str | os.PathLike[str]) -> _Inode | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - takes what a connection is given as well
    except OSError:
        return None
    return found.st_dev, found.st_ino


def opened(path: Path, make: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """What `make` connects to `path`. The file counts as open until `close` is given the connection."""
    with _FILES.lock:
        made = make()
        file = _inode(path)
        if file is not None:
            _FILES.of[id(made)] = file
            _FILES.count[file] += 1
        return made


def close(connection: sqlite3.Connection) -> None:
    """Close a connection that `opened` gave, and count it no more; closing twice does no harm."""
    with _FILES.lock:
        connection.close()
        file = _FILES.of.pop(id(connection), None)
        if file is not None:
            _FILES.count[file] -= 1
            if not _FILES.count[file]:
                del _FILES.count[file]


def unless_open(path: Path, look: Callable[[], T]) -> T | None:
    """What `look` finds by opening the file itself; None, without a look, while this process has a connection to it."""
    with _FILES.lock:
        file = _inode(path)
        return None if file is not None and file in _FILES.count else look()


def _after_fork() -> None:
    """A child has no thread that could hold the lock; the pool has closed every connection before the fork."""
    _FILES.__init__()  # type: ignore[misc]


os.register_at_fork(after_in_child=_after_fork)
