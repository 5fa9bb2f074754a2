"""The anchor log's own scope: how it is opened, and how each tenant's log gets its place in every epoch.

The anchor log is a log like any other, in a scope that no tenant's name can name: its records are the epochs' entries, its head is tagged
and locked like a tenant's. The head's entity version names the version of the row that says which places are taken (docs/adr/0014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from intended_core.audit.log import genesis_head
from intended_core.audit.slots import MAX_SLOTS, MIN_WIDTH
from intended_core.canonical import b64url, pack, parse_canonical, unb64url
from intended_core.errors import IntentError, StoreCorruptError, UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, Now, Random, ScanRows, Seal
from intended_core.flows.roster import first_guards
from intended_core.flows.steps import authentic, close_unit, next_head, open_head
from intended_core.flows.tenant import MAC_SECRET, mac_place, make_key, signing_row
from intended_core.ids import Scope
from intended_core.keys.ring import KeyState
from intended_core.unit import Changes, Row, RowKey, Unit, UnitView, Write

__all__ = [
    "ANCHOR_SCOPE",
    "SLOTS",
    "Slots",
    "Tombstone",
    "anchor_origin",
    "found_anchor",
    "seated",
    "slot_key",
    "slot_of",
    "take_slot",
    "tombstone_of",
]

# No tenant's name begins so, and no tenant's uuid is all zeros.
ANCHOR_SCOPE: Final = Scope(tenant="~anchor", uuid="0" * 32, environment="live")
SLOTS: Final = RowKey("anchor", "slots")


_MAX_ROW: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """The final head of a log that was closed: what its slot shows in every epoch from then on."""

    generation: int
    size: int
    root: bytes

    def to_body(self, slot: int) -> bytes:
        """Canonical bytes for the row of the slot."""
        return pack({"final": [self.generation, self.size, b64url(self.root)], "slot": slot})


def anchor_origin(issuer: str) -> str:
    """The anchor log's name in checkpoints."""
    return f"{issuer}/anchor"


def slot_key(scope: Scope) -> RowKey:
    """The row that says which place a scope has."""
    return RowKey("slot", scope.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Which places of the epoch tree are taken: bit n of `taken`, the lowest first. `width`: how many there are, a power of two.

    `closed`: those of them whose logs have ended.
    """

    width: int
    taken: int
    closed: int = 0

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        ended = {"closed": b64url(self.closed.to_bytes(self.width // 8, "little"))} if self.closed else {}
        return pack({**ended, "taken": b64url(self.taken.to_bytes(self.width // 8, "little")), "width": self.width})

    @classmethod
    def from_row(cls, row: Row | None, *, version: int) -> Slots:
        """The places of the row that stands at `version`; none are taken before the first. Raises StoreCorruptError."""
        if (0 if row is None else row.version) != version:
            raise StoreCorruptError("the row of taken slots is not the one that the head names: it was taken away or put back")
        if row is None:
            return cls(width=MIN_WIDTH, taken=0)
        try:
            body: Any = parse_canonical(row.body, max_bytes=MAX_SLOTS)
            closed = int.from_bytes(unb64url(body["closed"]), "little") if "closed" in body else 0
            made = cls(width=body["width"], taken=int.from_bytes(unb64url(body["taken"]), "little"), closed=closed)
            if type(made.width) is not int or made.to_body() != row.body:
                raise StoreCorruptError("the row of taken slots is damaged")
        except (IntentError, KeyError, TypeError, ValueError, OverflowError):
            raise StoreCorruptError("the row of taken slots is damaged") from None
        return made

    def take(self, chance: int) -> tuple[Slots, int]:
        """The places once one more is taken, and which. `chance`: a random number; places say nothing about who came when.

        The tree doubles when three quarters are taken. Raises UnitRefusedError `slots_full`.
        """
        width = self.width
        if 4 * (self.taken.bit_count() + 1) > 3 * width:
            width *= 2
        if width > MAX_SLOTS:
            raise UnitRefusedError("slots_full", f"one anchor log has room for {MAX_SLOTS * 3 // 4} tenant environments")
        free = [slot for slot in range(width) if not self.taken >> slot & 1]
        slot = free[chance % len(free)]
        return replace(self, width=width, taken=self.taken | 1 << slot), slot


def found_anchor(context: Context, *, issuer: str, secret: bytes) -> Flow[None]:
    """Open the anchor log of a store: its row-tag secret, its identity key, its head; no record, since record 0 is epoch 0.

    Raises UnitRefusedError `scope_exists`.
    """
    sealed_mac: bytes = yield Seal(mac_place(context.scope), secret)
    key = yield from make_key(context, algorithm="Ed25519", purpose="log", state=KeyState.ACTIVE)

    def decide_unit(view: UnitView) -> Changes:
        if view.head is not None:
            raise UnitRefusedError("scope_exists", "the anchor log is there already")
        head = genesis_head(origin=anchor_origin(issuer), issuer=issuer, generation=1)
        tags = context.mac.seal_row(context.scope, "secret", MAC_SECRET, 1, "SEALED", sealed_mac)
        rows = (Write(tags, 0), Write(signing_row(context, key), 0))
        return Changes(
            head=next_head(context, None, replace(head, guards=1)), writes=(*rows, first_guards(context, rows)), records=()
        )

    yield Commit(Unit(context.scope, decide_unit))


def take_slot(context: Context, tenant: Scope) -> Flow[int]:
    """The place of a tenant environment in every epoch: the one it has, or a free one from now on. `context` is the anchor's."""
    now_us: int = yield Now()
    chance: bytes = yield Random(8)
    name = slot_key(tenant)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        taken = authentic(context, view, SLOTS)
        slots = Slots.from_row(taken, version=head.entities)
        known = authentic(context, view, name)
        if known is not None:
            return close_unit(context, view, head, (), now_us=now_us, answer=slot_of(known))
        slots, slot = slots.take(int.from_bytes(chance, "big"))
        made = context.mac.seal_row(context.scope, name.kind, name.key, 1, "TAKEN", pack({"slot": slot}))
        moved = context.mac.seal_row(context.scope, SLOTS.kind, SLOTS.key, head.entities + 1, "STANDS", slots.to_body())
        writes = (Write(made, 0), Write(moved, head.entities))
        return close_unit(context, view, head, (), now_us=now_us, writes=writes, bump_entities=True, answer=slot)

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(SLOTS, name)))
    slot: int = committed.answer
    return slot


def seated(context: Context) -> Flow[tuple[Scope, ...]]:
    """Every tenant environment that ever took a place, by id and environment alone. `context` is the anchor's. Raises StoreCorruptError."""
    rows: Sequence[Row] = yield ScanRows(context.scope, "slot")
    keys = (context.mac.check(context.scope, row).row.key for row in rows)
    return tuple(Scope("", uuid, "test" if env == "test" else "live") for uuid, _, env in (key.partition("/") for key in keys))


def slot_of(row: Row) -> int:
    """The place in an authenticated row; raises StoreCorruptError."""
    try:
        body: Any = parse_canonical(row.body, max_bytes=_MAX_ROW)
        slot = body["slot"]
    except (IntentError, KeyError, TypeError):
        raise StoreCorruptError("a slot row is damaged") from None
    if type(slot) is not int or not 0 <= slot < MAX_SLOTS:
        raise StoreCorruptError("a slot row is damaged")
    return slot


def tombstone_of(row: Row) -> Tombstone | None:
    """The final head in an authenticated row of a slot whose log was closed; None where it goes on. Raises StoreCorruptError."""
    if row.state != "CLOSED":
        return None
    try:
        body: Any = parse_canonical(row.body, max_bytes=_MAX_ROW)
        generation, size, root = body["final"]
        made = Tombstone(generation=generation, size=size, root=unb64url(root))
    except (IntentError, KeyError, TypeError, ValueError):
        raise StoreCorruptError("a slot row is damaged") from None
    if type(generation) is not int or type(size) is not int or len(made.root) != 32:
        raise StoreCorruptError("a slot row is damaged")
    return made
