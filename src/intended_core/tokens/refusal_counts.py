"""How often tokens were refused, and why, as one process counts them.

The authority counts what can be laid at nobody's door, and `flows.refusals` records it; a small redeemer counts everything that it refuses,
and its host reads it (`tokens.elsewhere`). Nothing of a token is kept: a reason, a number, two times, and the adapter where it is known.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from threading import Lock
from typing import Final

__all__ = ["AT_ONCE", "Counted", "RefusalCounts"]

AT_ONCE: Final = 10  # so many of one reason are no accident, and are written before anything can end the process
MAX_REASONS: Final = 32  # reasons are a closed list of fewer; what is beyond is one more reason
MAX_CODE: Final = 80  # characters; a reason may end in the name of an error, which a host names
BEYOND: Final = "token.other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """`count` refusals for the reason `code` from `from_us` until `until_us` (microseconds since 1970, both included).

    `adapter`: whose credential was shown, where a credential that we made was; else empty.
    """

    code: str
    count: int
    from_us: int
    until_us: int
    adapter: str = ""


class RefusalCounts:
    """Counts by reason. Thread-safe; a forked child begins with none, since its parent has them."""

    __slots__ = ("_lock", "_pending", "_process", "_written")

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._process, self._lock = os.getpid(), Lock()
        self._pending: dict[tuple[str, str], Counted] = {}
        self._written: dict[tuple[str, str], int] = {}

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

    def add(self, code: str, now_us: int, *, interval_us: int, adapter: str = "") -> Counted | None:
        """Count one refusal. Returns what is to be recorded now, which is no longer pending then: at most once in an interval."""
        self._ours()
        with self._lock:
            counted = self._count(code, adapter, now_us)
            name = (counted.code, counted.adapter)
            written = self._written.get(name)
            if written is not None and 0 <= now_us - written < interval_us:
                return None
            if counted.count < AT_ONCE and now_us - counted.from_us < interval_us:
                return None
            del self._pending[name]
            self._written[name] = now_us
            if len(self._written) > 2 * MAX_REASONS:  # adapters come and go
                del self._written[min(self._written, key=self._written.__getitem__)]
            return counted

    def keep(self, code: str, now_us: int) -> None:
        """Count one refusal, which is pending until it is taken."""
        self._ours()
        with self._lock:
            self._count(code, "", now_us)

    def _count(self, code: str, adapter: str, now_us: int) -> Counted:
        # Beyond the bound a reason is still told from another, then no longer: whose adapter it was goes first.
        short = code[:MAX_CODE]
        known = ((short, adapter), (short, "")) if adapter else ((short, ""),)
        name = next((each for each in known if each in self._pending or len(self._pending) < MAX_REASONS), (BEYOND, ""))
        was = self._pending.get(name)
        first = now_us if was is None else min(was.from_us, now_us)
        last = now_us if was is None else max(was.until_us, now_us)
        counted = Counted(code=name[0], count=1 + (0 if was is None else was.count), from_us=first, until_us=last, adapter=name[1])
        self._pending[name] = counted
        return counted

    def seen(self) -> tuple[Counted, ...]:
        """Everything that is pending, by reason; it stays pending."""
        self._ours()
        with self._lock:
            return tuple(self._pending[name] for name in sorted(self._pending))

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
            name = (counted.code, counted.adapter)
            was = self._pending.get(name)
            if was is not None:
                counted = Counted(
                    code=counted.code, count=counted.count + was.count, from_us=min(counted.from_us, was.from_us),
                    until_us=max(counted.until_us, was.until_us), adapter=counted.adapter,
                )  # fmt: skip
            self._pending[name] = counted
