"""Who sits where in the epoch tree, and which head of theirs goes into the next epoch.

A seat belongs to one tenant's log: it holds that log's tags and slot key, and nobody else's. The sealer asks each seat for its leaf; what
it keeps of an epoch are leaves and, for each, which head it was, readable with the seat's own key only (`EpochRow`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from intended_core.audit.log import LogHead
from intended_core.audit.slots import FIRST_LEAF, MASK_BYTES, SlotKey, SlotOpening, slot_leaf
from intended_core.errors import StoreCorruptError
from intended_core.flows.anchor import Tombstone
from intended_core.flows.effects import Context
from intended_core.flows.heads import HeadMemory
from intended_core.ids import Scope
from intended_core.unit import Head, Row

__all__ = ["EpochRow", "Picture", "Seat", "SlotBook"]

_CELL: Final = 32 + MASK_BYTES
GONE: Final = "a tenant that has a slot is gone from the store: epochs are not sealed until it is back"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """What is kept of one epoch: each seat's leaf and hidden head, by slot, and the leaves of the epoch before where they are needed."""

    width: int
    cells: Mapping[int, tuple[bytes, bytes]]

    def to_body(self) -> bytes:
        """Width as 4 bytes, a bitmap of the seats, then leaf and hidden head of each."""
        bits = 0
        for slot in self.cells:
            bits |= 1 << slot
        ordered = [leaf + hidden for _, (leaf, hidden) in sorted(self.cells.items())]
        return self.width.to_bytes(4, "big") + bits.to_bytes(self.width // 8, "little") + b"".join(ordered)

    @classmethod
    def from_row(cls, row: Row) -> EpochRow:
        """The epoch of an authenticated row that is still whole; raises StoreCorruptError."""
        body = row.body
        width = int.from_bytes(body[:4], "big")
        begin = 4 + width // 8
        bits = int.from_bytes(body[4:begin], "little")
        slots = [slot for slot in range(width) if bits >> slot & 1]
        if len(body) != begin + _CELL * len(slots):
            raise StoreCorruptError("an epoch row is damaged")
        return cls(
            width=width,
            cells={
                slot: (body[at : at + 32], body[at + 32 : at + _CELL])
                for slot, at in zip(slots, range(begin, len(body), _CELL), strict=True)
            },
        )


class Seat:
    """One log's place. `context` is the tenant's own. Remembers the head that it read last."""

    __slots__ = ("_memory", "context", "key", "slot")

    def __init__(self, *, slot: int, context: Context) -> None:
        self.slot: Final = slot
        self.context: Final = context
        self.key: Final = SlotKey(context.mac.derive(b"slot"), place=context.scope.key.encode())
        self._memory: tuple[Head, LogHead, bytes] | None = None

    def __repr__(self) -> str:
        return f"Seat({self.slot})"

    def read(self, head: Head) -> tuple[LogHead, bytes]:
        """The authenticated head and its root. Raises StoreCorruptError."""
        known = self._memory
        if known is not None and known[0] == head:
            return known[1], known[2]
        found = HeadMemory().read(self.context.mac, self.context.scope, head)
        root = found.frontier.root()
        self._memory = (head, found, root)
        return found, root

    @property
    def size(self) -> int:
        """How many records the log held when its head was read last."""
        return 0 if self._memory is None else self._memory[1].size

    @property
    def closed(self) -> bool:
        """Whether the log had ended when its head was read last."""
        return self._memory is not None and self._memory[1].closed

    def opening(self, *, epoch: int, origin: str, generation: int, size: int, root: bytes, previous: bytes) -> SlotOpening:
        """What opens this seat's leaf of an epoch."""
        return SlotOpening(
            slot=self.slot, salt=self.key.of(epoch)[0], origin=origin, generation=generation, size=size, root=root, previous=previous
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One epoch before it is sealed: all its leaves and what is kept of it.

    `moved`: seats whose head is another than in the epoch before.
    """

    leaves: tuple[bytes, ...]
    row: EpochRow
    moved: int


class SlotBook:
    """Every seat of one store, by scope. Not safe to share between threads while it changes: one sealer uses it.

    `compared`: the version of the taken slots with which every slot row was compared last; `closed`: the tombstones that stood then.
    """

    __slots__ = ("_seats", "_slots", "closed", "compared")

    def __init__(self) -> None:
        self.compared = -1
        self.closed: Mapping[int, Tombstone] = {}
        self._seats: dict[str, Seat] = {}
        self._slots: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._seats)

    def __contains__(self, scope: Scope) -> bool:
        return scope.key in self._seats

    def seats(self) -> Collection[Seat]:
        """Everybody who sits."""
        return self._seats.values()

    def take(self, seat: Seat) -> None:
        """Add a seat; raises StoreCorruptError when somebody else sits there or the log has another place."""
        key = seat.context.scope.key
        if self._slots.setdefault(seat.slot, key) != key or (key in self._seats and self._seats[key].slot != seat.slot):
            raise StoreCorruptError("two logs have the same slot, or one has two: the slots were edited outside the authority")
        self._seats[key] = seat

    def of(self, scope: Scope) -> Seat:
        """The seat of a scope; raises StoreCorruptError when it has none."""
        try:
            return self._seats[scope.key]
        except KeyError:
            raise StoreCorruptError("this tenant has no slot in the epochs") from None

    def picture(self, epoch: int, heads: Mapping[str, Head], *, before: EpochRow | None, width: int, padding: bytes) -> Picture:
        """The leaves of `epoch` over these heads (by scope key). `before`: the epoch before, None for the first.

        Raises StoreCorruptError when a seat's head is gone, or is shorter or of an older generation than the one sealed before: a store
        that was rolled back is not sealed.
        """
        leaves = [padding[at : at + 32] for at in range(0, 32 * width, 32)]
        cells: dict[int, tuple[bytes, bytes]] = {}
        moved = 0
        if before is not None and not before.cells.keys() <= self._slots.keys():
            raise StoreCorruptError(GONE)
        for key, seat in self._seats.items():
            stored = heads.get(key)
            if stored is None:
                raise StoreCorruptError(GONE)
            head, root = seat.read(stored)
            last = None if before is None else before.cells.get(seat.slot)
            sealed = (-1, -1) if last is None else seat.key.find(epoch - 1, last[1])
            if sealed > (head.generation, head.size):
                raise StoreCorruptError(
                    f"the log of {seat.context.scope.tenant}/{seat.context.scope.environment} is shorter than the epoch before says: "
                    "the store was rolled back; epochs are not sealed until it is restored"
                )
            stone = self.closed.get(seat.slot)
            if stone is not None and stone != Tombstone(generation=head.generation, size=head.size, root=root):
                raise StoreCorruptError(
                    f"the log of {seat.context.scope.tenant}/{seat.context.scope.environment} is not the one that was closed: "
                    "epochs are not sealed until it is restored"
                )
            opening = seat.opening(
                epoch=epoch, origin=head.origin, generation=head.generation, size=head.size, root=root,
                previous=FIRST_LEAF if last is None else last[0],
            )  # fmt: skip
            leaf = slot_leaf(opening)
            leaves[seat.slot] = leaf
            cells[seat.slot] = (leaf, seat.key.hide(epoch, generation=head.generation, size=head.size))
            moved += sealed != (head.generation, head.size)
        return Picture(leaves=tuple(leaves), row=EpochRow(width=width, cells=cells), moved=moved)
