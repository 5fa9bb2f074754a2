"""A tenant's slots from epoch to epoch: a fork in time has nowhere to stand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from intended_core.audit.anchored import SlotProof
from intended_core.audit.levels import Levels
from intended_core.audit.proof import ConsistencyProof, prove_consistency
from intended_core.audit.slotwalk import walk_slots
from intended_core.audit.tree import root_of
from intended_core.errors import AuditError
from tests.reference.anchor_world import AnchorLog, honest_anchor

LOG = honest_anchor(5)
POLICY = LOG.policy()


def proofs(log: AnchorLog = LOG, slot: int = 3) -> list[SlotProof]:
    return [log.proof(slot, epoch) for epoch in range(len(log.entries))]


def growth(log: AnchorLog = LOG, slot: int = 3) -> dict[int, ConsistencyProof]:
    leaves = Levels([row.leaf for row in log.tenants[slot - 3].rows])
    sizes = [opened[slot].size for opened in log.openings]
    return {
        epoch: prove_consistency(leaves, first=old, second=new)
        for epoch, (old, new) in enumerate(pairwise(sizes), start=1)
        if new > old
    }


def refused(log: AnchorLog, **more: object) -> str:
    with pytest.raises(AuditError) as caught:
        walk_slots(proofs(log), log.policy(), **more)  # type: ignore[arg-type]
    return caught.value.code


def test_an_honest_tenant_is_walked() -> None:
    found = walk_slots(proofs(), POLICY, growth=growth())
    assert [head.epoch for head in found.heads] == list(range(5))
    assert found.unproved == ()
    assert walk_slots(proofs(), POLICY).unproved == tuple(growth())
    assert walk_slots([], POLICY).heads == ()


def test_an_epoch_left_out_is_missed() -> None:
    with pytest.raises(AuditError) as caught:
        walk_slots([proofs()[0], *proofs()[2:]], POLICY)
    assert caught.value.code == "slot.gap"


def test_another_slot_is_not_this_one() -> None:
    with pytest.raises(AuditError) as caught:
        walk_slots([LOG.proof(3, 0), LOG.proof(4, 1)], POLICY)
    assert caught.value.code == "slot.moved"


def sealed(size: int, root: bytes) -> AnchorLog:
    log = honest_anchor(2)
    log.seal(heads={3: (size, root)})
    return log


def test_a_head_that_shrinks_or_changes_is_found() -> None:
    rows = LOG.tenants[0].rows
    old = honest_anchor(2).openings[-1][3]
    assert refused(sealed(old.size - 1, root_of([row.leaf for row in rows[: old.size - 1]]))) == "slot.shrunk"
    assert refused(sealed(old.size, b"x" * 32)) == "audit.fork"


def test_a_longer_head_that_does_not_extend_is_found() -> None:
    old = honest_anchor(2).openings[-1][3]
    leaves = [bytes([number]) * 32 for number in range(old.size + 2)]
    log = sealed(len(leaves), root_of(leaves))
    proof = prove_consistency(Levels(leaves), first=old.size, second=len(leaves))
    assert refused(log, growth={**growth(honest_anchor(2)), 2: proof}) == "audit.fork"
    assert refused(log, growth={2: replace(proof, first=1)}) == "audit.proof"
    assert walk_slots(proofs(log), log.policy()).unproved[-1] == 2, "without a consistency proof it is at least told"


def test_the_leaves_are_one_chain() -> None:
    log = honest_anchor(2)
    log.epochs[-1] = list(log.epochs[-1])
    log.epochs[-1][3] = b"q" * 32  # the next epoch names a leaf that was never sealed
    log.seal()
    log.epochs[-2][3] = honest_anchor(2).epochs[-1][3]
    assert refused(log) == "slot.link"
