"""Sealing: one epoch at a time, by one process, with a chain of keys that live in memory; a store that shrank is not sealed."""

from __future__ import annotations

import pytest

from intended_core.audit.epochs import parse_epoch
from intended_core.audit.slots import MIN_WIDTH
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows import seal as sealing
from intended_core.flows.anchor import ANCHOR_SCOPE
from intended_core.flows.attest import prove_slot
from intended_core.flows.effects import SignOnce
from intended_core.flows.runtime import drive
from intended_core.flows.seal import LEASE, EpochKeys
from tests.reference.sealed_world import SealedWorld


def test_epochs_follow_each_other() -> None:
    world = SealedWorld()
    first = world.authority.anchor.seal()
    world.grow()
    second = world.authority.anchor.seal()
    assert first is not None
    assert second is not None
    assert (first.epoch, first.tenants, first.moved, first.chained, first.width) == (0, 2, 2, False, MIN_WIDTH)
    assert (second.epoch, second.moved, second.chained) == (1, 1, True)
    assert world.check() == 2


def test_silence_is_sealed_too_and_looks_like_anything_else() -> None:
    world = SealedWorld()
    anchor = world.authority.anchor
    anchor.seal()
    anchor.seal()
    assert anchor.seal(only_if_moved=True) is None
    proofs = [anchor.prove_slot(world.tenant().scope, epoch=epoch) for epoch in (0, 1)]
    heads = [(one.opening.size, one.opening.root) for one in proofs]
    assert heads[0] == heads[1]
    assert proofs[0].opening.salt != proofs[1].opening.salt
    world.grow("beta")
    sealed = anchor.seal(only_if_moved=True)
    assert sealed is not None
    assert sealed.epoch == 2


def test_a_restarted_process_says_so() -> None:
    world = SealedWorld()
    world.authority.anchor.seal()
    world.authority.anchor.release()
    world.reopen()
    sealed = world.authority.anchor.seal()
    assert sealed is not None
    assert (sealed.chained, sealed.moved) == (False, 0)
    assert world.authority.anchor.walk().restarts == (0, 1)


def test_an_epoch_that_failed_leaves_nothing_unsealed() -> None:
    world = SealedWorld()
    anchor = world.authority.anchor
    anchor.seal()
    world.grow()

    def full(step: str) -> None:
        if step == "written":
            raise StoreCorruptError("no room")

    world.store.on_step = full
    with pytest.raises(StoreCorruptError, match="no room"):
        anchor.seal()
    world.store.on_step = None
    sealed = anchor.seal(only_if_moved=True)
    assert sealed is not None
    assert (sealed.epoch, sealed.moved) == (1, 1)


def test_two_processes_one_seals() -> None:
    world = SealedWorld()
    mine = world.authority.anchor
    mine.seal(lease_seconds=30)
    theirs = world.reopen().anchor
    for _ in range(2):
        with pytest.raises(UnitRefusedError, match="lease_held"):
            theirs.seal()
    world.clock.advance(seconds=31)
    with pytest.raises(UnitRefusedError, match="lease_held"):
        theirs.seal()  # within the leeway between two clocks
    world.clock.advance(seconds=2)
    assert theirs.seal() is not None
    with pytest.raises(UnitRefusedError, match="lease_held"):
        mine.seal()
    with pytest.raises(UnitRefusedError, match="lease_held"):
        mine.release()
    theirs.release()
    assert mine.seal() is not None
    assert world.check() == 3


def test_a_clock_that_ran_back_seals_nothing() -> None:
    world = SealedWorld()
    world.authority.anchor.seal()
    world.clock.advance(seconds=-10)
    with pytest.raises(UnitRefusedError, match="clock_back"):
        world.authority.anchor.seal()
    assert world.check() == 1


def test_a_tenant_that_shrank_is_not_sealed() -> None:
    world = SealedWorld()
    before = world.store.snapshot()
    world.grow()
    world.authority.anchor.seal()
    world.authority.anchor.release()
    now = world.store.snapshot()
    key = world.tenant().scope.key
    world.store.restore({**now, key: before[key]})
    with pytest.raises(StoreCorruptError, match="rolled back"):
        world.reopen().anchor.seal()
    world.store.restore({name: data for name, data in now.items() if name != key})
    with pytest.raises(StoreCorruptError, match="gone"):
        world.reopen().anchor.seal()


def test_a_tenant_that_vanished_is_missed() -> None:
    world = SealedWorld()
    anchor = world.authority.anchor
    anchor.seal()
    now = world.store.snapshot()
    world.store.restore({name: data for name, data in now.items() if name != world.tenant().scope.key})
    with pytest.raises(StoreCorruptError, match="gone"):
        anchor.seal()
    assert world.check() == 1


def test_the_key_of_an_epoch_is_stored_nowhere() -> None:
    world = SealedWorld()
    keys: list[bytes] = []
    perform = type(world.runtime)._perform

    def watch(self: object, effect: object, context: object) -> object:
        if isinstance(effect, SignOnce):
            keys.append(effect.private_der)
            assert effect.private_der.hex() not in repr(effect)
        return perform(self, effect, context)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(world.runtime), "_perform", watch)
        world.authority.anchor.seal()
        world.authority.anchor.seal()
    assert len(set(keys)) == 2
    stored = b"".join(row.body for data in world.store.snapshot().values() for row in data.rows.values()) + b"".join(
        row.entry + row.body for data in world.store.snapshot().values() for row in data.records
    )
    assert not any(key[-32:] in stored for key in keys)
    with pytest.raises(TypeError):
        EpochKeys(holder="x").__reduce__()


def test_old_epochs_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "KEPT_WHOLE", 3)
    monkeypatch.setattr(sealing, "KEPT_EVERY", 4)
    world = SealedWorld()
    for _ in range(9):
        world.authority.anchor.seal()
    states = [world.data().rows[sealing.epoch_key(epoch)].state for epoch in range(9)]
    assert [at for at, state in enumerate(states) if state == "WHOLE"] == [0, 3, 4, 6, 7, 8]
    seat = world.authority.anchor._seat(world.tenant().scope)
    assert parse_epoch(drive(world.runtime, world.context, prove_slot(world.context, seat, epoch=4)).entry).epoch == 4
    with pytest.raises(Exception, match="no longer kept"):
        drive(world.runtime, world.context, prove_slot(world.context, seat, epoch=2))


def test_a_damaged_lease_or_epoch_is_told() -> None:
    world = SealedWorld()
    world.authority.anchor.seal()
    context = world.context
    rows = world.data().rows
    for key, body in ((LEASE, b"{}"), (LEASE, b'{"holder":"x","until":"soon"}'), (sealing.epoch_key(0), b"")):
        snapshot = world.store.snapshot()
        row = rows[key]
        snapshot[ANCHOR_SCOPE.key].rows[key] = context.mac.seal_row(
            context.scope, key.kind, key.key, row.version, row.state, body
        )
        saved = world.store.snapshot()
        world.store.restore(snapshot)
        with pytest.raises(StoreCorruptError):
            world.authority.anchor.seal()
        world.store.restore(saved)
    snapshot = world.store.snapshot()
    del snapshot[ANCHOR_SCOPE.key].rows[sealing.epoch_key(0)]
    world.store.restore(snapshot)
    with pytest.raises(StoreCorruptError, match="gone"):
        world.authority.anchor.seal()
