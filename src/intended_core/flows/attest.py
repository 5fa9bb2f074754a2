"""attest: the proof of one tenant's head in one epoch, and of one record below that head, for somebody who trusts nobody here."""

from __future__ import annotations

from collections.abc import Sequence

from intended_core.audit.anchored import RecordProof, SlotProof
from intended_core.audit.checkpoint import read_head, split_note
from intended_core.audit.epochs import parse_epoch
from intended_core.audit.levels import Levels
from intended_core.audit.proof import prove_inclusion
from intended_core.audit.slots import FIRST_LEAF, padding, slot_leaf
from intended_core.audit.tree import root_of
from intended_core.errors import AuditError, StoreCorruptError
from intended_core.flows.effects import Context, Flow, LoadTree, ReadRecords, ReadRows
from intended_core.flows.evidence import authentic_head
from intended_core.flows.seal import PUBLISHED, WITNESSED, epoch_key, note_size, read_row
from intended_core.flows.seats import EpochRow, Seat
from intended_core.unit import RecordRow, Row

__all__ = ["newest_checkpoint", "prove_record", "prove_slot"]


def newest_checkpoint(context: Context, *, covering: int | None = None) -> Flow[bytes]:
    """The newest cosigned checkpoint, or where there is none (or it does not reach epoch `covering`) the newest signed one.

    Raises AuditError `audit.index` when no epoch is sealed, or none so late.
    """
    for name in (WITNESSED, PUBLISHED):
        row = yield from read_row(context, name)
        if row is not None and (covering is None or note_size(row.body) > covering):
            return row.body
    raise AuditError("no checkpoint reaches so far: seal an epoch first", code="audit.index")


def prove_slot(context: Context, seat: Seat, *, epoch: int | None = None, note: bytes | None = None) -> Flow[SlotProof]:
    """Which head the seat's log had in `epoch` (default: the newest that a checkpoint covers). `context` is the anchor's.

    `note`: a signed checkpoint of this anchor log below which it is proved, default the newest.

    Raises AuditError `audit.index` when there is no such epoch or the log was not there yet, `audit.thinned` when its leaves are not kept.
    """
    if note is None:
        note = yield from newest_checkpoint(context, covering=epoch)
    size, root = read_head(split_note(note)[0])[1:3]
    at = size - 1 if epoch is None else epoch
    row, previous = yield from _epoch_rows(context, at)
    if seat.slot not in row.cells:
        raise AuditError(f"this tenant had no log yet in epoch {at}", code="audit.index")
    found: Sequence[RecordRow] = yield ReadRecords(context.scope, at, at + 1)
    anchors: Levels = yield LoadTree(context.scope, size, root)
    if not found:
        raise StoreCorruptError("the anchor log is not the one that its checkpoint names")
    entry = parse_epoch(found[0].entry)
    head = yield from authentic_head(seat.context)
    leaf, hidden = row.cells[seat.slot]
    generation, sealed = seat.key.find(at, hidden)
    if generation > head.generation or not 0 <= sealed <= head.size:
        raise AuditError(f"epoch {at} holds another history of this log", code="audit.index")
    tree: Levels = yield LoadTree(seat.context.scope, head.size, head.frontier.root())
    opening = seat.opening(
        epoch=at, origin=head.origin, generation=generation, size=sealed, root=tree.root(0, sealed),
        previous=previous.cells[seat.slot][0] if previous is not None and seat.slot in previous.cells else FIRST_LEAF,
    )  # fmt: skip
    leaves = _leaves(context, at, row)
    if slot_leaf(opening) != leaf or root_of(leaves) != entry.root:
        raise StoreCorruptError(f"what is kept of epoch {at} is not what was sealed")
    return SlotProof(
        opening=opening, path=prove_inclusion(Levels(leaves), index=seat.slot, size=entry.width).path, entry=found[0].entry,
        anchor_path=prove_inclusion(anchors, index=at, size=size).path, checkpoint=note,
    )  # fmt: skip


def prove_record(
    context: Context, seat: Seat, seq: int, *, epoch: int | None = None, note: bytes | None = None
) -> Flow[RecordProof]:
    """That record `seq` of the seat's log stands below its head in `epoch`. Raises as `prove_slot`; `audit.index` for a later record."""
    slot = yield from prove_slot(context, seat, epoch=epoch, note=note)
    size = slot.opening.size
    if not 0 <= seq < size:
        raise AuditError(f"epoch {parse_epoch(slot.entry).epoch} holds {size} records of this log", code="audit.index")
    head = yield from authentic_head(seat.context)
    tree: Levels = yield LoadTree(seat.context.scope, head.size, head.frontier.root())
    return RecordProof(seq=seq, path=prove_inclusion(tree, index=seq, size=size).path, slot=slot)


def _epoch_rows(context: Context, epoch: int) -> Flow[tuple[EpochRow, EpochRow | None]]:
    """What is kept of an epoch and of the one before it."""
    keys = (epoch_key(epoch),) if epoch == 0 else (epoch_key(epoch), epoch_key(epoch - 1))
    stored: Sequence[Row] = yield ReadRows(context.scope, keys)
    rows = {row.key: context.mac.check_once(context.scope, row).row for row in stored}
    found = [rows.get(key.key) for key in keys]
    if any(row is None for row in found):
        raise AuditError(f"there is no epoch {epoch}", code="audit.index")
    if any(row is not None and row.state != "WHOLE" for row in found):
        raise AuditError(f"the leaves of epoch {epoch} are no longer kept: ask for another epoch", code="audit.thinned")
    whole = [EpochRow.from_row(row) for row in found if row is not None]
    return whole[0], whole[1] if epoch else None


def _leaves(context: Context, epoch: int, row: EpochRow) -> list[bytes]:
    filler = padding(context.mac.derive(b"padding"), epoch, row.width)
    return [
        row.cells[slot][0] if slot in row.cells else filler[32 * slot : 32 * slot + 32] for slot in range(row.width)
    ]
