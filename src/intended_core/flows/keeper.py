"""Keeps the mark of each log's newest head up to date: after the commit, off the path of every request, at most every `seconds`.

A commit leaves its head here, which costs one look at a dictionary; a thread of its own makes notes of them and writes those that moved.
So the mark lags by `seconds` at most while a process lives, and a process that closes its authority writes the rest.
"""

from __future__ import annotations

import os
import threading
from typing import Final

from intended_core.audit.log import LogHead
from intended_core.errors import IntendedError
from intended_core.flows.effects import Context
from intended_core.flows.rollback import note_of
from intended_core.ids import Scope
from intended_core.ports import HeadMark, HeadNote
from intended_core.unit import Head

__all__ = ["HeadKeeper"]

SECONDS: Final = 0.5  # what a rollback may hide at most; two durable writes a second are nothing beside the log's own


class HeadKeeper:
    """The keeper of one authority. Thread-safe, and of use in a forked child, which begins with nothing to write."""

    __slots__ = ("_failed", "_lock", "_mark", "_pending", "_pid", "_seconds", "_stop", "_thread", "_writing")

    def __init__(self, mark: HeadMark, *, seconds: float = SECONDS) -> None:
        self._mark: Final = mark
        self._seconds: Final = seconds
        self._failed = ""
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._pending: dict[str, tuple[Context, Head]] = {}
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def mark(self) -> HeadMark:
        """What is written to."""
        return self._mark

    @property
    def failed(self) -> str:
        """Why the newest heads could not be noted, "" where they were; for `doctor`."""
        return self._failed

    def note(self, context: Context, head: Head) -> None:
        """A unit has committed `head`. Nothing is noted of a log that this process suspects: its mark is the evidence."""
        if context.heads.suspected:
            return
        if self._pid != os.getpid():
            self._begin()  # in a child of a fork: the thread, and what it was about to write, are the parent's
        key = context.scope.key
        known = self._pending.get(key)
        if known is None or known[1].version < head.version:
            self._pending[key] = (context, head)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._stop = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(self._stop,), name="intended-heads", daemon=True)
                self._thread.start()

    def _run(self, stop: threading.Event) -> None:
        idle = 0
        while not stop.wait(self._seconds) and idle < 20:
            idle = 0 if self._pending else idle + 1
            self.flush()
        with self._lock:
            self._thread = None  # the next commit begins another
        self.flush()

    def flush(self) -> None:
        """Write what is to be noted now. A failure is kept in `failed` and tried again later; it stops nothing."""
        with self._writing:
            taken = {key: item for key in list(self._pending) if (item := self._pending.pop(key, None)) is not None}
            notes: list[tuple[Scope, HeadNote]] = []
            try:
                for context, head in taken.values():
                    log = LogHead.from_state(head.state)
                    if not log.rolled_back and not context.heads.suspected:
                        notes.append((context.scope, note_of(context, log)))
                if notes:
                    self._mark.advance(notes)
                    self._failed = ""
            except (IntendedError, OSError, ValueError, TypeError, ArithmeticError, LookupError, RuntimeError) as error:
                self._failed = str(error) or type(error).__name__
                for key, item in taken.items():
                    self._pending.setdefault(key, item)

    def close(self) -> None:
        """Write the rest, and end the thread."""
        with self._lock:
            thread, stop = self._thread, self._stop
        if thread is not None and stop is not None and self._pid == os.getpid():
            stop.set()
            thread.join(timeout=5.0)
        self.flush()
