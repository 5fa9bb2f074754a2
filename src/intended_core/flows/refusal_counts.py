"""How often tokens were refused that can be laid at nobody's door, as one process counts them; `flows.refusals` records it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from threading import Lock
from typing import Final

__all__ = ["AT_ONCE", "Counted", "RefusalCounts"]

AT_ONCE: Final = 10  # so many of one reason are no accident, and are written before anything can end the process
MAX_REASONS: Final = 32  # reasons are a closed list of fewer; what is beyond is one more reason
BEYOND: Final = "token.other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """`count` refusals for the reason `code` from `from_us` until `until_us` (microseconds since 1970, both included)."""

    code: str
    count: int
    from_us: int
    until_us: int


class RefusalCounts:
    """Counts by reason. Thread-safe; a forked child begins with none, since its parent has them."""

    __slots__ = ("_lock", "_pending", "_process", "_written")

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._process, self._lock = os.getpid(), Lock()
        self._pending: dict[str, Counted] = {}
        self._written: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"RefusalCounts({self.pending})"

    @property
    def pending(self) -> int:
        """How many refusals are counted and not recorded."""
        return 0 if self._process != os.getpid() else sum(item.count for item in tuple(self._pending.values()))

    def _ours(self) -> None:
        # A lock that another thread of the parent held at the fork would never be let go here.
        if self._process != os.getpid():
            self._begin()

    def add(self, code: str, now_us: int, *, interval_us: int) -> Counted | None:
        """Count one refusal. Returns what is to be recorded now, which is no longer pending then: at most once in an interval."""
        self._ours()
        with self._lock:
            name = code if code in self._pending or len(self._pending) < MAX_REASONS else BEYOND
            was = self._pending.get(name)
            first = now_us if was is None else min(was.from_us, now_us)
            counted = Counted(code=name, count=1 + (0 if was is None else was.count), from_us=first, until_us=max(first, now_us))
            self._pending[name] = counted
            written = self._written.get(name)
            if written is not None and 0 <= now_us - written < interval_us:
                return None
            if counted.count < AT_ONCE and now_us - first < interval_us:
                return None
            del self._pending[name]
            self._written[name] = now_us
            return counted

    def take(self) -> tuple[Counted, ...]:
        """Everything that is pending, which it is no longer then."""
        self._ours()
        with self._lock:
            taken = tuple(self._pending[name] for name in sorted(self._pending))
            self._pending.clear()
            return taken

    def give_back(self, counted: Counted) -> None:
        """What could not be recorded is pending again."""
        self._ours()
        with self._lock:
            was = self._pending.get(counted.code)
            if was is not None:
                counted = Counted(
                    code=counted.code, count=counted.count + was.count, from_us=min(counted.from_us, was.from_us),
                    until_us=max(counted.until_us, was.until_us),
                )  # fmt: skip
            self._pending[counted.code] = counted
