"""Receipts out of the store: of records that are there, kept by the epoch they name, and missed where the store was put back."""

from __future__ import annotations

import pytest

from intended_core import check_receipt, export_slot_proof
from intended_core.errors import AuditError
from tests.reference.sealed_world import SealedWorld


def test_receipts_of_two_tenants_under_one_signature() -> None:
    world = SealedWorld()
    anchor = world.authority.anchor
    anchor.seal()
    records = [(world.tenant("acme").scope, 1), (world.tenant("beta").scope, 0)]
    made = anchor.receipts(records)
    key = str(anchor.key())
    found = [check_receipt(data, key=key) for data in made]
    assert [(one.seq, one.deadline) for one in found] == [(1, 2), (0, 2)]
    assert [one.leaf for one in found] == [list(world.tenant(name).records())[seq].leaf for name, seq in (("acme", 1), ("beta", 0))]
    for wanted in ([], [records[0]] * 257):
        with pytest.raises(AuditError):
            anchor.receipts(wanted)
    with pytest.raises(AuditError, match="no record 9"):
        anchor.receipts([(records[0][0], 9)])


def test_a_record_that_was_cut_away_before_its_epoch_is_missed() -> None:
    """Row 8 of the tampering table: nothing but the receipt left the machine."""
    world = SealedWorld()
    world.authority.anchor.seal()
    world.authority.anchor.release()
    world.save()
    world.grow()
    (receipt,) = world.authority.anchor.receipts([(world.tenant().scope, 2)])
    key = str(world.authority.anchor.key())
    world.restore()
    for _ in range(2):
        world.authority.anchor.seal()
    policy = f"log {key}\nquorum none\n".encode()
    early, late = (export_slot_proof(world.authority, world.tenant(), epoch=epoch) for epoch in (1, 2))
    assert check_receipt(receipt, key=key, proof=early, policy=policy).deadline == 2
    with pytest.raises(AuditError) as caught:
        check_receipt(receipt, key=key, proof=late, policy=policy)
    assert caught.value.code == "receipt.overdue"
    with pytest.raises(AuditError):
        check_receipt(receipt, key=key, proof=late)


def test_the_honest_store_keeps_its_promise() -> None:
    world = SealedWorld()
    world.authority.anchor.seal()
    world.grow()
    (receipt,) = world.authority.anchor.receipts([(world.tenant().scope, 2)])
    for _ in range(2):
        world.authority.anchor.seal()
    key = str(world.authority.anchor.key())
    for epoch in (1, 2):
        proof = export_slot_proof(world.authority, world.tenant(), epoch=epoch)
        assert check_receipt(receipt, key=key, proof=proof, policy=f"log {key}\nquorum none\n".encode()).seq == 2
