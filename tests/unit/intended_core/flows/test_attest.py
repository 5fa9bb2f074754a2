"""Proofs out of the store, verified as a stranger would; and what is not there, or was edited, is said."""

from __future__ import annotations

import pytest

from intended_core.audit.anchored import verify_record_proof, verify_slot_proof
from intended_core.audit.epochs import parse_epoch
from intended_core.audit.grades import Grade
from intended_core.errors import AuditError, StoreCorruptError
from intended_core.flows.anchor import ANCHOR_SCOPE
from intended_core.flows.seal import PUBLISHED, epoch_key
from tests.reference.sealed_world import SealedWorld


def anchored(epochs: int = 3) -> SealedWorld:
    world = SealedWorld()
    for _ in range(epochs):
        world.grow()
        world.authority.anchor.seal()
        world.authority.anchor.cosign(world.witness, world.witness.key)
    return world


def test_every_record_of_every_epoch_is_proved() -> None:
    world = anchored()
    anchor, tenant, policy = world.authority.anchor, world.tenant(), world.policy()
    records = list(tenant.records())
    for epoch in range(3):
        head = verify_slot_proof(anchor.prove_slot(tenant.scope, epoch=epoch), policy)
        assert (head.epoch, head.opening.size, head.grade) == (epoch, 3 + epoch, Grade.WITNESSED)
        for seq in range(head.opening.size):
            found = verify_record_proof(
                anchor.prove_record(tenant.scope, seq, epoch=epoch), policy, leaf=records[seq].leaf
            )
            assert found.included.index == seq
        with pytest.raises(AuditError):
            anchor.prove_record(tenant.scope, head.opening.size, epoch=epoch)
    with pytest.raises(AuditError):
        anchor.prove_slot(tenant.scope, epoch=3)


def test_the_newest_epoch_is_covered_by_the_signed_checkpoint_until_it_is_cosigned() -> None:
    world = anchored(1)
    world.authority.anchor.seal()
    scope = world.tenant().scope
    assert parse_epoch(world.authority.anchor.prove_slot(scope).entry).epoch == 0
    later = verify_slot_proof(world.authority.anchor.prove_slot(scope, epoch=1), world.policy())
    assert (later.epoch, later.grade) == (1, Grade.CONSISTENT_UNANCHORED)


def test_a_slots_leaves_are_linked() -> None:
    world = anchored()
    scope, policy = world.tenant().scope, world.policy()
    heads = [verify_slot_proof(world.authority.anchor.prove_slot(scope, epoch=epoch), policy) for epoch in range(3)]
    assert heads[0].opening.previous == bytes(32)
    assert [one.opening.previous for one in heads[1:]] == [one.leaf for one in heads[:-1]]
    assert len({one.opening.slot for one in heads}) == 1


def test_a_tenant_that_came_later_has_no_earlier_epoch() -> None:
    world = anchored(1)
    late = world.authority.create_tenant("late")
    world.authority.anchor.seal()
    with pytest.raises(AuditError, match="no log yet"):
        world.authority.anchor.prove_slot(late.scope, epoch=0)
    assert world.authority.anchor.prove_slot(late.scope, epoch=1).opening.previous == bytes(32)


def test_before_the_first_epoch_there_is_no_proof() -> None:
    world = SealedWorld()
    with pytest.raises(AuditError):
        world.authority.anchor.prove_slot(world.tenant().scope)
    with pytest.raises(AuditError):
        world.authority.anchor.checkpoint()


def test_an_edited_leaf_or_entry_is_never_proved() -> None:
    world = anchored()
    scope = world.tenant().scope
    saved = world.store.snapshot()
    for place in (ANCHOR_SCOPE.key, scope.key):
        snapshot = world.store.snapshot()
        records = list(snapshot[place].records)
        records[1] = type(records[1])(1, records[1].entry, records[1].body, bytes(32), records[1].thread)
        object.__setattr__(snapshot[place], "records", tuple(records))
        world.store.restore(snapshot)
        with pytest.raises(StoreCorruptError):
            world.reopen().anchor.prove_slot(scope, epoch=1)
        world.store.restore(saved)
    rows = world.data().rows
    snapshot = world.store.snapshot()
    context = world.context
    body = bytearray(rows[epoch_key(1)].body)
    body[-1] ^= 1
    for key, forged in ((epoch_key(1), bytes(body)), (PUBLISHED, rows[PUBLISHED].body[:-5])):
        row = rows[key]
        snapshot[ANCHOR_SCOPE.key].rows[key] = context.mac.seal_row(
            context.scope, key.kind, key.key, row.version, row.state, forged
        )
    world.store.restore(snapshot)
    with pytest.raises((StoreCorruptError, AuditError)):
        for name in ("acme", "beta"):
            world.reopen().anchor.prove_slot(world.tenant(name).scope, epoch=1)
