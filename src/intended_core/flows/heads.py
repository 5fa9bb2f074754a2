"""The newest head of a scope that this process has seen, authenticated and read: most units find it again exactly as they left it."""

from __future__ import annotations

from typing import Final

from intended_core.audit.log import LogHead
from intended_core.ids import Scope
from intended_core.keys.rowmac import RowMac
from intended_core.quick import maker
from intended_core.unit import Head

__all__ = ["HeadMemory"]


_head: Final = maker(Head)


class HeadMemory:
    """Remembers one head, byte for byte, with what it says. Thread-safe: the pair is replaced in one step."""

    __slots__ = ("_committed", "_last", "_suspect")

    def __init__(self) -> None:
        self._last: tuple[Scope, Head, LogHead] | None = None
        self._committed = (0, 0)
        self._suspect = 0

    def __repr__(self) -> str:
        return "HeadMemory()"

    def read(self, mac: RowMac, scope: Scope, head: Head) -> LogHead:
        """What `head` says, its tag checked unless these exact bytes are the remembered ones. Raises StoreCorruptError."""
        last = self._last
        if last is not None and last[0] is scope:
            known = last[1]
            if known.version == head.version and known.mac == head.mac and known.state == head.state:
                return last[2]
        mac.check_head(scope, head)
        found = LogHead.from_state(head.state)
        self._last = (scope, head, found)
        return found

    def write(self, mac: RowMac, scope: Scope, version: int, log: LogHead) -> Head:
        """The row of `log` with its tag, and remembered: tag and text are of our own making, whether the unit commits or not."""
        state = log.to_state()
        head = _head(version, state, mac.tag_head(scope, version, state))
        self._last = (scope, head, log)
        return head

    def committed(self, head: Head) -> None:
        """A unit of this process has committed `head`: within its generation the store never stands before it again."""
        last = self._last
        if last is not None and last[1] is head and head.version > self._committed[1]:
            self._committed = (last[2].generation, head.version)

    def stands(self, head: Head, generation: int) -> bool:
        """Whether the head under the lock is one that may stand, as far as this process knows: not before what it committed itself, and
        not in a generation that it suspects.
        """
        since, version = self._committed
        return (head.version >= version or generation > since) and generation != self._suspect

    def suspect(self, generation: int) -> None:
        """Nothing of this generation is granted any more by this process, whether that can be written to the store or not."""
        self._suspect = generation

    @property
    def suspected(self) -> bool:
        """Whether this process suspects the store."""
        return self._suspect > 0

    def recovered(self, head: Head) -> None:
        """A new generation has begun with `head`."""
        last = self._last
        self._committed = (0 if last is None else last[2].generation, head.version)
        self._suspect = 0
