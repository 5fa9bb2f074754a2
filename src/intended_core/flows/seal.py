"""seal: one epoch over all tenants' heads becomes an entry of the anchor log, and its checkpoint is signed and kept.

Whoever holds the lease seals: the lease is a row that the unit reads under the anchor's lock and renews, so two processes never write the
same epoch, whatever their clocks say; an expired lease falls to whoever comes next. The key that signs the entry lives in this process
only (`EpochKeys`) and is forgotten when the unit has committed. The checkpoint is signed after the commit, as tokens are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from intended_core.audit.checkpoint import VerifierKey, checkpoint_text, sign_checkpoint, split_note
from intended_core.audit.epochs import EpochEntry, certificate_message, encode_epoch, epoch_message, parse_epoch
from intended_core.audit.log import LogHead
from intended_core.audit.slots import padding
from intended_core.audit.tree import leaf_hash, root_of
from intended_core.canonical import canonical_json, parse_canonical
from intended_core.errors import IntentError, StoreCorruptError, UnitRefusedError
from intended_core.flows.anchor import SLOTS, Slots, Tombstone, slot_of, tombstone_of
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import (
    Commit,
    Context,
    Flow,
    GenerateKey,
    LoadState,
    Now,
    ReadHeads,
    ReadRecords,
    ReadRows,
    ScanRows,
    Sign,
    SignOnce,
)
from intended_core.flows.evidence import authentic_head, log_verifier_key
from intended_core.flows.seats import EpochRow, SlotBook
from intended_core.flows.second import second_line
from intended_core.flows.steps import authentic, next_head, open_head
from intended_core.keys.jwks import load_public
from intended_core.ports import GeneratedKey
from intended_core.unit import Changes, Committed, Head, RecordRow, Row, RowKey, Unit, UnitView, Write

__all__ = [
    "BEFORE",
    "LEASE",
    "PUBLISHED",
    "WITNESSED",
    "EpochKeys",
    "Sealed",
    "anchor_key",
    "epoch_key",
    "note_size",
    "pack_before",
    "read_row",
    "release",
    "seal",
    "sign_epoch",
]

LEASE: Final = RowKey("anchor", "lease")
PUBLISHED: Final = RowKey("anchor", "published")  # the newest signed checkpoint
BEFORE: Final = RowKey("anchor", "before")  # which cosigned checkpoint the newest epoch names, and which epoch that is
WITNESSED: Final = RowKey("anchor", "witnessed")  # the newest checkpoint that somebody outside cosigned
KEPT_WHOLE: Final = 3600  # epochs whose leaves are all kept: an hour at one a second
KEPT_EVERY: Final = 64  # of the older ones, each such stays (with the one before it, which its leaves name)


def epoch_key(epoch: int) -> RowKey:
    """The row that keeps an epoch's leaves."""
    return RowKey("epoch", str(epoch))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """An epoch that is sealed and its signed checkpoint. `moved`: how many tenants' heads are others than in the epoch before.

    `chained`: whether its key was named by the epoch before; else the identity key vouched for it (the first epoch, or a restart).
    """

    epoch: int
    width: int
    tenants: int
    moved: int
    chained: bool
    time_us: int
    note: bytes


class EpochKeys:
    """The private key of the next epoch, in this process's memory only, and which public key the newest epoch named."""

    __slots__ = ("_key", "holder")

    def __init__(self, *, holder: str) -> None:
        """`holder`: the random name under which this process holds the lease."""
        self.holder: Final = holder
        self._key: GeneratedKey | None = None

    def __repr__(self) -> str:
        return "EpochKeys(<hidden>)"

    def __reduce__(self) -> str:
        raise TypeError("EpochKeys are not pickled")

    def current(self, named: bytes | None) -> GeneratedKey | None:
        """The key, if it is the one that the newest epoch names."""
        return self._key if self._key is not None and self._key.public_der[-32:] == named else None

    def keep(self, key: GeneratedKey | None) -> None:
        """From now on the next epoch's key; the one before is forgotten."""
        self._key = key


def _ed25519(key: GeneratedKey) -> bytes:
    load_public("Ed25519", key.public_der)
    return key.public_der[-32:]  # RFC 8410 § 4


def anchor_key(context: Context) -> Flow[tuple[ScopeState, VerifierKey]]:
    """The anchor log's keys, and the identity key as verifiers pin it."""
    state: ScopeState = yield LoadState(context.scope)
    head = yield from authentic_head(context)
    return state, log_verifier_key(state.ring.active("log"), head.origin)


def read_row(context: Context, key: RowKey) -> Flow[Row | None]:
    """A row of the anchor's scope, authentic; None when there is none."""
    rows: Sequence[Row] = yield ReadRows(context.scope, (key,))
    return context.mac.check_once(context.scope, rows[0]).row if rows else None


def seal(
    context: Context, book: SlotBook, keys: EpochKeys, *, lease_seconds: int = 90, only_if_moved: bool = False
) -> Flow[Sealed | None]:
    """Close the next epoch over the heads as they stand now. None: nothing moved, and `only_if_moved` was asked for.

    Raises UnitRefusedError `lease_held` while another process seals, `epoch_moved` when one was faster; StoreCorruptError when a tenant's
    log is shorter than it was sealed, or a slot is not the one that stands.
    """
    state, identity = yield from anchor_key(context)
    head = yield from authentic_head(context)
    epoch = head.size
    before, last = yield from _before(context, epoch)
    slots = yield from _slots(context, book, head)
    stored: Sequence[tuple[Any, Head]] = yield ReadHeads()
    heads = {scope.key: one for scope, one in stored}
    filler = padding(context.mac.derive(b"padding"), epoch, slots.width)
    picture = book.picture(epoch, heads, before=before, width=slots.width, padding=filler)
    if only_if_moved and not picture.moved and last is not None:
        return None
    key = keys.current(None if last is None else last.following)
    chained = key is not None
    if key is None:
        key = yield GenerateKey("Ed25519")
    following: GeneratedKey = yield GenerateKey("Ed25519")
    public = _ed25519(key)
    certificate: bytes | None = None
    if not chained:
        message = certificate_message(origin=head.origin, epoch=epoch, key=public)
        certificate = yield Sign(context.scope, state.ring.active("log"), message)
    witnessed = yield from read_row(context, WITNESSED)
    now_us: int = yield Now()
    time_us = max(now_us, head.time_us)
    entry = EpochEntry(
        origin=head.origin, epoch=epoch, root=root_of(picture.leaves), width=slots.width, time_us=time_us,
        before=None if witnessed is None else sha256(witnessed.body).digest(), key=public, following=_ed25519(following),
        certificate=certificate,
    )  # fmt: skip
    signature: bytes = yield SignOnce("Ed25519", key.private_der, epoch_message(entry))
    data = encode_epoch(replace(entry, signature=signature))
    named = None if witnessed is None else pack_before(epoch, witnessed.body)
    yield from _commit(context, keys.holder, head, data, picture.row, now_us=now_us, lease_us=lease_seconds * 1_000_000, named=named)
    keys.keep(following)
    note = yield from sign_epoch(context, identity, state)
    return Sealed(
        epoch=epoch, width=slots.width, tenants=len(book), moved=picture.moved, chained=chained, time_us=time_us, note=note
    )


def _before(context: Context, epoch: int) -> Flow[tuple[EpochRow | None, EpochEntry | None]]:
    """Leaves and entry of the epoch before; None for the first."""
    if epoch == 0:
        return None, None
    row = yield from read_row(context, epoch_key(epoch - 1))
    found: Sequence[RecordRow] = yield ReadRecords(context.scope, epoch - 1, epoch)
    if row is None or not found:
        raise StoreCorruptError("the epoch before is gone from the store")
    return EpochRow.from_row(row), parse_epoch(found[0].entry)


def _slots(context: Context, book: SlotBook, head: LogHead) -> Flow[Slots]:
    """The places that are taken, which must be those of the rows and of the book."""
    row = yield from read_row(context, SLOTS)
    slots = Slots.from_row(row, version=head.entities)
    if book.compared == head.entities:
        return slots  # the rows never change, and the book holds what they said
    rows: Sequence[Row] = yield ScanRows(context.scope, "slot")
    taken = closed = 0
    stones: dict[int, Tombstone] = {}
    for each in rows:
        row = context.mac.check(context.scope, each).row
        slot, stone = slot_of(row), tombstone_of(row)
        taken |= 1 << slot
        if stone is not None:
            closed |= 1 << slot
            stones[slot] = stone
    if (taken, closed) != (slots.taken, slots.closed):
        raise StoreCorruptError("the slots are not those that stand: one was taken away or put back")
    book.closed = stones
    book.compared = head.entities
    return slots


def _commit(
    context: Context, holder: str, head: LogHead, entry: bytes, kept: EpochRow, *, now_us: int, lease_us: int,
    named: bytes | None,
) -> Flow[Committed]:
    epoch = head.size
    old = epoch - KEPT_WHOLE
    thin = epoch_key(old) if old >= 0 and old % KEPT_EVERY not in (0, KEPT_EVERY - 1) else None

    def decide_unit(view: UnitView) -> Changes:
        now = open_head(context, view, now_us=now_us)
        if (now.size, now.entities) != (head.size, head.entities):
            raise UnitRefusedError("epoch_moved", "another process sealed, or a slot was taken, meanwhile")
        writes = [_lease(context, view, holder, now_us=now_us, until_us=now_us + lease_us)]
        row = context.mac.seal_row(context.scope, "epoch", str(epoch), 1, "WHOLE", kept.to_body())
        writes.append(Write(row, 0))
        if named is not None:
            past = authentic(context, view, BEFORE, once=True)
            version = 0 if past is None else past.version
            writes.append(Write(context.mac.seal_row(context.scope, BEFORE.kind, BEFORE.key, version + 1, "NAMED", named), version))
        if thin is not None and (whole := view.rows.get(thin)) is not None and whole.version == 1:
            writes.append(Write(context.mac.seal_row(context.scope, "epoch", thin.key, 2, "THINNED", b""), 1))
        leaf = leaf_hash(entry)
        moved = replace(now, frontier=now.frontier.append(leaf), last_leaf=leaf, time_us=max(now_us, now.time_us))
        record = RecordRow(epoch, entry, b"", leaf, "")
        return Changes(head=next_head(context, view.head, moved), writes=tuple(writes), records=(record,))

    reads = (LEASE, BEFORE) if thin is None else (LEASE, BEFORE, thin)
    committed: Committed = yield Commit(Unit(context.scope, decide_unit, reads=reads))
    return committed


def _lease(context: Context, view: UnitView, holder: str, *, now_us: int, until_us: int) -> Write:
    """The lease in this holder's name; raises UnitRefusedError `lease_held` while it is somebody else's."""
    row = authentic(context, view, LEASE, once=True)
    if row is not None:
        try:
            body: Any = parse_canonical(row.body, max_bytes=256)
            held, until = str(body["holder"]), int(body["until"])
        except (IntentError, KeyError, TypeError, ValueError):
            raise StoreCorruptError("the lease of the sealer is damaged") from None
        if held != holder and now_us <= until + context.settings.leeway_seconds * 1_000_000:
            raise UnitRefusedError("lease_held", "another process seals the epochs")
    version = 0 if row is None else row.version
    text = canonical_json({"holder": holder, "until": until_us})
    return Write(context.mac.seal_row(context.scope, LEASE.kind, LEASE.key, version + 1, "HELD", text), version)


def release(context: Context, keys: EpochKeys) -> Flow[None]:
    """Give the lease back, so that another process need not wait for it to expire. Raises UnitRefusedError `lease_held`."""
    now_us: int = yield Now()

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        write = _lease(context, view, keys.holder, now_us=now_us, until_us=0)
        return Changes(head=next_head(context, view.head, head), writes=(write,), records=())

    yield Commit(Unit(context.scope, decide_unit, reads=(LEASE,)))
    keys.keep(None)


def sign_epoch(context: Context, identity: VerifierKey, state: ScopeState) -> Flow[bytes]:
    """The signed checkpoint over the anchor log as it stands, kept as the newest; answers the one that is newest then."""
    head = yield from authentic_head(context)
    text = checkpoint_text(origin=head.origin, size=head.size, root=head.frontier.root())
    signature: bytes = yield Sign(context.scope, state.ring.active("log"), text)
    note = sign_checkpoint(text, key=identity, sign=lambda _: signature) + (yield from second_line(context, text))
    now_us: int = yield Now()

    def decide_unit(view: UnitView) -> Changes:
        now = open_head(context, view, now_us=now_us)
        row = authentic(context, view, PUBLISHED, once=True)
        if row is not None and note_size(row.body) >= head.size:
            raise UnitRefusedError("epoch_moved", "a newer checkpoint is signed already")
        version = 0 if row is None else row.version
        made = context.mac.seal_row(context.scope, PUBLISHED.kind, PUBLISHED.key, version + 1, "SIGNED", note)
        return Changes(head=next_head(context, view.head, now), writes=(Write(made, version),), records=())

    yield Commit(Unit(context.scope, decide_unit, reads=(PUBLISHED,)))
    return note


def pack_before(epoch: int, note: bytes) -> bytes:
    """The body of the row `BEFORE`: 8 bytes of the epoch, then the checkpoint whose hash the epoch's entry holds."""
    return epoch.to_bytes(8, "big") + note


def note_size(note: bytes) -> int:
    """The size in a checkpoint that this process or its like has signed and kept."""
    return int(split_note(note)[0].split(b"\n")[1])
