"""The anchor's desk: the log as files, in an order that a reader may trust, and a genesis that must name its slot."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_core import Authority
from intended_core.audit.checkpoint import open_checkpoint
from intended_core.audit.tiles import read_log
from intended_core.errors import AuditError, StoreCorruptError
from intended_core.flows.anchor import ANCHOR_SCOPE, slot_key
from intended_core.ports import WitnessAnswer
from tests.reference.sealed_world import SealedWorld


def test_the_anchor_log_is_a_tiled_log() -> None:
    world = SealedWorld()
    anchor = world.authority.anchor
    for _ in range(3):
        anchor.seal()
    files = list(anchor.files())
    assert files[-1][0] == "checkpoint"
    found = open_checkpoint(files[-1][1], [anchor.key()])
    assert [row.entry for row in world.data().records] == list(read_log(dict(files), size=3, root=found.root))
    assert anchor.walk().epochs == anchor.size() == found.size == 3


def test_an_export_goes_on_where_it_stopped() -> None:
    world = SealedWorld()
    anchor = world.authority.anchor
    for _ in range(2):
        anchor.seal()
    kept = dict(anchor.files())
    anchor.seal()
    kept |= dict(anchor.files(since=2))
    assert len(read_log(kept, size=3, root=open_checkpoint(anchor.checkpoint(), [anchor.key()]).root)) == 3
    assert [name for name, _ in anchor.files(since=3)] == ["checkpoint"]
    with pytest.raises(AuditError):
        list(anchor.files(since=4))


def test_another_slot_than_the_genesis_names_is_found() -> None:
    world = SealedWorld()
    acme, beta = (slot_key(world.tenant(name).scope) for name in ("acme", "beta"))
    snapshot = world.store.snapshot()
    rows, context = snapshot[ANCHOR_SCOPE.key].rows, world.context
    bodies = {acme: rows[beta].body, beta: rows[acme].body}
    for key, body in bodies.items():
        rows[key] = context.mac.seal_row(context.scope, "slot", key.key, 1, "TAKEN", body)
    world.store.restore(snapshot)
    with pytest.raises(StoreCorruptError, match="genesis"):
        world.reopen().anchor.seal()


def test_a_fresh_key_encryption_key_leaves_the_anchor_log_whole(tmp_path: Path) -> None:
    """Its records are epochs and nothing else."""
    (tmp_path / "store").mkdir()
    (tmp_path / "keys").mkdir()
    place = {"store": tmp_path / "store" / "a.db", "key_file": tmp_path / "keys" / "kek"}
    with Authority.create(**place) as authority:
        authority.create_tenant("acme")
        authority.anchor.seal()
        authority.rewrap()
        authority.drop_older_keys()
        authority.anchor.seal()
        assert authority.anchor.walk().epochs == 2
        authority.anchor.release()
    with Authority.open(**place) as authority:
        assert authority.anchor.seal() is not None
        assert authority.anchor.walk().epochs == 3


def test_a_store_that_a_witness_knows_better_grants_nothing() -> None:
    """Rolled back with everything in it: only the witness remembers, and every tenant refuses."""
    sealed = SealedWorld()
    sealed.authority.anchor.seal()
    old = sealed.store.snapshot()
    sealed.authority.anchor.seal()
    sealed.authority.anchor.cosign(sealed.witness, sealed.witness.key)
    sealed.store.restore(old)
    sealed.reopen()
    assert not sealed.tenant().recovery.status().refusing
    with pytest.raises(AuditError) as caught:
        sealed.authority.anchor.cosign(sealed.witness, sealed.witness.key)
    assert caught.value.code == "anchor.rolled_back"
    for name in ("acme", "beta"):
        status = sealed.tenant(name).recovery.status()
        assert status.refusing
        assert "witness" in status.evidence
    sealed.reopen()
    assert sealed.tenant().recovery.status().refusing, "for other processes too"


def test_a_witness_that_is_merely_unwell_stops_nothing() -> None:
    sealed = SealedWorld()
    sealed.authority.anchor.seal()
    sealed.witness.answer = lambda _: WitnessAnswer(status=503, body=b"")
    with pytest.raises(AuditError):
        sealed.authority.anchor.cosign(sealed.witness, sealed.witness.key)
    assert not sealed.tenant().recovery.status().refusing


def test_the_desk_shows_nothing() -> None:
    assert repr(SealedWorld().authority.anchor) == "AnchorDesk()"
