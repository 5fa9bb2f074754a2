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

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[Scope, Head, LogHead] | None = None

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
