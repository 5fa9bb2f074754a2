"""One tenant's heads from epoch to epoch, as its customer or a monitor collects them: what a fork in time would have to get past.

Each slot's leaf names the leaf before it, so that a chain of proofs has no room for an epoch left out or exchanged; and a head may only
grow. That a longer head extends the shorter one is shown by a consistency proof of the tenant's own tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intended_core.audit.anchored import AttestedHead, SlotProof, verify_slot_proof
from intended_core.audit.proof import ConsistencyProof, verify_consistency
from intended_core.audit.tlogpolicy import TlogPolicy
from intended_core.errors import AuditError

__all__ = ["SlotWalk", "walk_slots"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotWalk:
    """What a walk found: the heads, one an epoch, without a gap. `unproved`: epochs whose growth no consistency proof showed."""

    heads: tuple[AttestedHead, ...]
    unproved: tuple[int, ...]


def walk_slots(
    proofs: Sequence[SlotProof], policy: TlogPolicy, *, growth: Mapping[int, ConsistencyProof] | None = None
) -> SlotWalk:
    """Check the slot proofs of successive epochs. `growth`: by epoch, that its head extends the head of the epoch before.

    Raises AuditError: `slot.gap` when an epoch is missing, `slot.moved` for another slot or log or a generation that goes back,
    `slot.shrunk` when a head is shorter than the one before, `slot.link` when a leaf does not name the leaf before, `audit.fork` when a
    longer head does not extend the shorter or two heads of one size differ, and whatever a proof of its own is refused for.
    """
    heads: list[AttestedHead] = []
    unproved: list[int] = []
    for proof in proofs:
        head = verify_slot_proof(proof, policy)
        if heads and _follows(heads[-1], head, (growth or {}).get(head.epoch)) is None:
            unproved.append(head.epoch)
        heads.append(head)
    return SlotWalk(heads=tuple(heads), unproved=tuple(unproved))


def _follows(before: AttestedHead, head: AttestedHead, growth: ConsistencyProof | None) -> AttestedHead | None:
    """The head, when it surely follows; None when its growth is not shown. Raises AuditError."""
    old, new = before.opening, head.opening
    if head.epoch != before.epoch + 1:
        raise AuditError(f"epoch {before.epoch + 1} is missing", code="slot.gap")
    if (old.slot, old.origin) != (new.slot, new.origin) or new.generation < old.generation:
        raise AuditError(f"epoch {head.epoch} is of another slot or log", code="slot.moved")
    if new.previous != before.leaf:
        raise AuditError(f"the leaf of epoch {head.epoch} does not name the leaf before it", code="slot.link")
    if new.generation > old.generation:
        return head  # a recovery: its record names the head that was lost
    if new.size < old.size:
        raise AuditError(f"the head of epoch {head.epoch} is shorter than the one before it", code="slot.shrunk")
    if new.size == old.size:
        if new.root != old.root:
            raise AuditError(f"the head of epoch {head.epoch} has another root at the same size", code="audit.fork")
        return head
    if growth is None:
        return None
    if (growth.first, growth.second) != (old.size, new.size):
        raise AuditError("the consistency proof is of other sizes", code="audit.proof")
    verify_consistency(growth, first_root=old.root, second_root=new.root)
    return head
