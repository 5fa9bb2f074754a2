"""Time and randomness as values that are passed in: no room below the drivers asks the machine for either."""

from __future__ import annotations

import os
import time
from typing import Protocol

__all__ = ["Clock", "ManualClock", "Randomness", "SystemClock", "SystemRandomness"]


class Clock(Protocol):
    """Wall-clock time in integer microseconds since 1970-01-01 UTC, and a monotonic reading for deadlines."""

    def now_us(self) -> int: ...

    def monotonic(self) -> float: ...


class Randomness(Protocol):
    """Cryptographically secure random bytes (RFC 8725 § 3.5)."""

    def token_bytes(self, size: int) -> bytes: ...


class SystemClock:
    """The machine's clock."""

    __slots__ = ()
    monotonic = staticmethod(time.monotonic)

    def now_us(self) -> int:
        return time.time_ns() // 1000


class SystemRandomness:
    """The operating system's generator."""

    __slots__ = ()

    def token_bytes(self, size: int) -> bytes:
        return os.urandom(size)  # what `secrets` reads, without its layers


class ManualClock:
    """A clock that stands still until it is told to move: for tests, replays and demonstrations."""

    __slots__ = ("_now_us",)

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._now_us / 1_000_000

    def advance(self, *, seconds: float) -> None:
        """Move by `seconds` (negative to set it back)."""
        self._now_us += round(seconds * 1_000_000)
