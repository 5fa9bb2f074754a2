"""The anchor's desk: epochs over all tenants are sealed, cosigned, proved and exported here. One of a store, not of a tenant."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, Protocol

from intended_core.audit.anchored import RecordProof, SlotProof
from intended_core.audit.checkpoint import VerifierKey, read_head, split_note
from intended_core.audit.cosignature import CosignerKey
from intended_core.audit.epochs import EpochWalk, walk_epochs
from intended_core.audit.levels import Levels
from intended_core.audit.record import parse_body, parse_entry
from intended_core.audit.tiles import TILE_WIDTH, bundle_bytes, tile_path, tiles_between
from intended_core.audit.timefile import TimeFile
from intended_core.canonical import Json
from intended_core.desks.desk import Desk, Drives
from intended_core.desks.tiles import TilesDesk
from intended_core.errors import AuditError, IntendedError, StoreCorruptError, StoreError
from intended_core.flows.anchor import Tombstone, slot_key, slot_of
from intended_core.flows.attest import newest_checkpoint, prove_record, prove_slot
from intended_core.flows.batch import receipts
from intended_core.flows.closing import bury, tombstone_for
from intended_core.flows.cosign import WitnessedBy, cosign_newest
from intended_core.flows.deliver_slots import SlotsTold, deliver_slots
from intended_core.flows.effects import Context, Flow, LoadTree, ReadRecords
from intended_core.flows.evidence import authentic_head
from intended_core.flows.rollback import Evidence, suspect
from intended_core.flows.seal import EpochKeys, Sealed, anchor_key, read_row, release, seal
from intended_core.flows.seats import Seat, SlotBook
from intended_core.flows.second import make_second, second_key
from intended_core.flows.stamp import Stamped, Stamping, prove_time, stamp_newest, stamping
from intended_core.flows.tiles import lay_tiles, whole_leaves
from intended_core.ids import Scope
from intended_core.ports import Notifier, TimeAuthority, TimeVerifier, Witness
from intended_core.unit import RecordRow

__all__ = ["AnchorDesk", "Handle", "House"]


ROLLED_BACK: Final = frozenset({"anchor.rolled_back", "audit.fork"})


class Handle(Drives, Protocol):
    """What the desk asks of a tenant: its context, and to drive its flows."""

    @property
    def context(self) -> Context:
        """What flows of this tenant run in."""
        ...


class House:
    """Who is there: every tenant and environment of the store."""

    __slots__ = ("_tenant", "scopes")

    def __init__(self, *, scopes: Callable[[], Sequence[Scope]], tenant: Callable[[Scope], Handle]) -> None:
        self.scopes: Final = scopes
        self._tenant: Final = tenant

    def context_of(self, scope: Scope) -> Context:
        """The context of one of them, opened with its own keys."""
        return self._tenant(scope).context

    def tombstone_of(self, scope: Scope) -> Tombstone | None:
        """The final head of one of them, where it is closed."""
        tenant = self._tenant(scope)
        return tenant.operate(tombstone_for(tenant.context))

    def lay(self, scope: Scope, since: int | None) -> int:
        """Lay the tiles of one of them; answers up to which leaf they stand."""
        tenant = self._tenant(scope)
        return tenant.operate(lay_tiles(tenant.context, since=since)).size

    def tell(self, anchor: Context, seat: Seat, name: str, notifier: Notifier, since: int | None) -> SlotsTold:
        """Tell a notifier of one of them what the epochs say of its log."""
        return self._tenant(seat.context.scope).operate(deliver_slots(anchor, seat, name, notifier, since=since))

    def refuse(self) -> None:
        """Nothing is granted any more, in any tenant, until two persons open its next generation."""
        for scope in self.scopes():
            tenant = self._tenant(scope)
            with suppress(StoreError):  # this process refuses all the same
                tenant.operate(suspect(tenant.context, Evidence(kind="witness")))


class AnchorDesk(Desk):
    """Seals epochs, has them cosigned, proves heads and records. Thread-safe: one thread of a process seals at a time."""

    __slots__ = ("_book", "_house", "_keys", "_laid", "_lock")

    def __init__(self, *, context: Context, driver: Drives, house: House, holder: str) -> None:
        super().__init__(context=context, driver=driver)
        self._house: Final = house
        self._lock: Final = threading.Lock()
        self._book: Final = SlotBook()
        self._keys: Final = EpochKeys(holder=holder)
        self._laid: Final[dict[str, int]] = {}  # by scope: up to which leaf its tiles stand

    def __repr__(self) -> str:
        return "AnchorDesk()"

    @property
    def tiles(self) -> TilesDesk:
        """The hashes of the anchor log in rows of 256: lay, mend."""
        return TilesDesk(context=self._context, driver=self._driver)

    # -- sealing -----------------------------------------------------------------------------------------------------

    def seal(self, *, lease_seconds: int = 90, only_if_moved: bool = False) -> Sealed | None:
        """Close the next epoch over every tenant's head as it stands now; None when `only_if_moved` and nothing moved.

        `lease_seconds`: how long other processes stay away from then on. Raises UnitRefusedError `lease_held` or `epoch_moved`, and
        StoreCorruptError when a tenant's log is gone or shorter than the epoch before says.
        """
        with self._lock:
            self._seat_all()
            sealed = self._driver.operate(
                seal(self._context, self._book, self._keys, lease_seconds=lease_seconds, only_if_moved=only_if_moved)
            )
            if sealed is not None:
                self._follow_up(sealed.epoch + 1)
            return sealed

    def _follow_up(self, epochs: int) -> None:
        """Lay the tiles that logs have filled, and tombstones for those that were closed; what fails is left to the next epoch."""
        own = self._context.scope.key
        with suppress(IntendedError):
            if whole_leaves(epochs) > self._laid.get(own, 0):
                self._laid[own] = self._driver.operate(lay_tiles(self._context, since=self._laid.get(own))).size
        for seat in self._book.seats():
            key = seat.context.scope.key
            if whole_leaves(seat.size) > self._laid.get(key, 0):
                with suppress(IntendedError):
                    self._laid[key] = self._house.lay(seat.context.scope, self._laid.get(key))
            if seat.closed and seat.slot not in self._book.closed:
                with suppress(IntendedError):  # closed, and whoever did it went no further
                    self.bury(seat.context.scope)

    def release(self) -> None:
        """Give the lease back and forget the next epoch's key. Raises UnitRefusedError `lease_held` when it is another's."""
        with self._lock:
            self._driver.operate(release(self._context, self._keys))

    def cosign(self, witness: Witness, key: CosignerKey) -> WitnessedBy:
        """Have the newest checkpoint cosigned by `witness`, under its pinned `key`. Raises as `cosign_newest`.

        Where the witness knows more than this store, or something else, every tenant refuses from then on until it is recovered
        (`tenant.recovery`). Ask once before the first request is served, and a store that was put back grants nothing.
        """
        with self._lock:
            try:
                return self._driver.operate(cosign_newest(self._context, witness, key))
            except AuditError as error:
                if error.code in ROLLED_BACK:
                    self._house.refuse()
                raise

    def bury(self, scope: Scope) -> None:
        """Make the slot of a closed tenant a tombstone: it shows the final head from then on. Nothing for one that goes on.

        Done by `Authority.close_tenant`, and before an epoch is sealed, should that have been broken off.
        """
        stone = self._house.tombstone_of(scope)
        if stone is not None:
            self._driver.operate(bury(self._context, scope, stone))

    def stamp(self, authority: TimeAuthority, verifier: TimeVerifier, *, due_seconds: int = 0) -> Stamped:
        """Have the newest checkpoint stamped by a time-stamping authority, under the certificates that `verifier` pins.

        `due_seconds`: how soon the next stamp is due, for `stamping` to tell; 0 for never. Raises as `stamp_newest`.
        """
        with self._lock:
            return self._driver.operate(stamp_newest(self._context, authority, verifier, due_seconds=due_seconds))

    def stamping(self) -> Stamping:
        """How many time stamps there are, and whether the last try failed or the next one is late."""
        return self._driver.operate(stamping(self._context))

    def _seat_all(self) -> None:
        for scope in self._house.scopes():
            if scope not in self._book:
                self._book.take(self._seat(scope))

    def _seat(self, scope: Scope) -> Seat:
        context = self._house.context_of(scope)
        slot, genesis = self._driver.operate(_place(self._context, context))
        if genesis != slot:
            raise StoreCorruptError(f"the genesis record of {scope.tenant}/{scope.environment} names another slot than it has")
        return Seat(slot=slot, context=context)

    # -- proofs ------------------------------------------------------------------------------------------------------

    def prove_slot(self, scope: Scope, *, epoch: int | None = None) -> SlotProof:
        """Which head the tenant's log had in `epoch` (default: the newest that is cosigned). Raises AuditError."""
        return self._driver.operate(prove_slot(self._context, self._seat(scope), epoch=epoch))

    def prove_record(self, scope: Scope, seq: int, *, epoch: int | None = None) -> RecordProof:
        """That record `seq` of the tenant's log stands below a cosigned checkpoint. Raises AuditError."""
        return self._driver.operate(prove_record(self._context, self._seat(scope), seq, epoch=epoch))

    def tell_slots(self, scope: Scope, name: str, notifier: Notifier, *, since: int | None = None) -> SlotsTold:
        """Tell `notifier` which head the tenant's log had in each epoch that it was not told, oldest first, at least once, with its proof.

        `name`: under which the store remembers how far it was told. The first time it begins at epoch `since`, or with the newest. One
        that fails is asked again by a later call, after a pause that grows. Raises IntentError, AuditError, UnitRefusedError.
        """
        return self._house.tell(self._context, self._seat(scope), name, notifier, since)
    def prove_time(self, scope: Scope, seq: int) -> TimeFile:
        """Between which outside times record `seq` of the tenant's log was recorded. Raises AuditError `time.none` before it is stamped."""
        return self._driver.operate(prove_time(self._context, self._seat(scope), seq))

    def receipts(self, records: Sequence[tuple[Scope, int]]) -> tuple[bytes, ...]:
        """A receipt for each (tenant, record), 1 to 256 under one signature: what to hold until an epoch seals it. Raises AuditError."""
        wanted = [(self._house.context_of(scope), seq) for scope, seq in records]
        return self._driver.operate(receipts(self._context, wanted))

    def key(self) -> VerifierKey:
        """The identity key of the anchor log, to be pinned in a policy file."""
        return self._driver.operate(anchor_key(self._context))[1]

    def add_second_key(self) -> CosignerKey:
        """From now on checkpoints carry an ML-DSA-44 signature too, under this key, for a `log` line of policy files; made once.

        Raises KeyRingError, or AuditError `audit.unsupported`, where the signer or the installed libraries do not know ML-DSA-44.
        """
        with self._lock:
            return self._driver.operate(make_second(self._context))

    def second_key(self) -> CosignerKey | None:
        """The anchor log's ML-DSA-44 key; None where none was made."""
        return self._driver.operate(second_key(self._context))

    def size(self) -> int:
        """How many epochs are sealed."""
        return self._driver.operate(authentic_head(self._context)).size

    def checkpoint(self) -> bytes:
        """The newest cosigned checkpoint, or the newest signed one. Raises AuditError `audit.index` before the first epoch."""
        return self._driver.operate(newest_checkpoint(self._context))

    # -- the log as files --------------------------------------------------------------------------------------------

    def walk(self) -> EpochWalk:
        """Check every epoch's entry, from the first, and the chain of their keys. Raises AuditError."""
        size, key = self.size(), self.key()
        return walk_epochs((row.entry for row in self._entries(0, size)), identity=key)

    def files(self, *, since: int = 0) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of the anchor log as C2SP tlog-tiles, the `checkpoint` last. `since`: a size that was exported before.

        Written in this order and the checkpoint last, a reader never sees a checkpoint whose tiles are not there. Raises AuditError.
        """
        note = self.checkpoint()
        size, root = read_head(split_note(note)[0])[1:3]
        if not 0 <= since <= size:
            raise AuditError(f"there are {size} epochs to export", code="audit.index")
        for begin in range(since // TILE_WIDTH * TILE_WIDTH, size, TILE_WIDTH):
            entries = [row.entry for row in self._entries(begin, min(begin + TILE_WIDTH, size))]
            if since < size:
                yield tile_path(None, begin // TILE_WIDTH, width=len(entries)), bundle_bytes(entries)
        tree = self._driver.operate(_tree(self._context, size, root))
        yield from tiles_between(tree, first=since, second=size)
        yield "checkpoint", note

    def _entries(self, start: int, stop: int) -> Iterator[RecordRow]:
        for begin in range(start, stop, TILE_WIDTH):
            yield from self._driver.operate(_records(self._context, begin, min(begin + TILE_WIDTH, stop)))


def _place(anchor: Context, tenant: Context) -> Flow[tuple[int, Json]]:
    """The slot that the anchor gave a log, and the one that its genesis record names."""
    row = yield from read_row(anchor, slot_key(tenant.scope))
    if row is None:
        raise StoreCorruptError("this tenant has no slot in the epochs")
    found: Sequence[RecordRow] = yield ReadRecords(tenant.scope, 0, 1)
    if not found:
        raise StoreCorruptError("this tenant's log has no genesis record")
    body = parse_body(found[0].body, expected=parse_entry(found[0].entry).body_hash)
    return slot_of(row), body.get("slot")


def _records(context: Context, start: int, stop: int) -> Flow[Sequence[RecordRow]]:
    found: Sequence[RecordRow] = yield ReadRecords(context.scope, start, stop)
    if len(found) != stop - start:
        raise StoreCorruptError("the anchor log does not hold every epoch that its head names")
    return found


def _tree(context: Context, size: int, root: bytes) -> Flow[Levels]:
    tree: Levels = yield LoadTree(context.scope, size, root)
    return tree


