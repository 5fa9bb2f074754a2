"""Our anchor log, checked by code that is not ours: `metamorphic-log` (Rust) opens its checkpoints and proofs; `aics-tlog` reads it as tiles.

The second needs Python 3.12; where it is not installed its test is skipped, and says so.
"""

from __future__ import annotations

import base64
from importlib import import_module
from pathlib import Path

import metamorphic_log
import pytest

from intended_core import export_anchor, tlog_proof_of
from intended_core.audit.anchored import encode_proof, tlog_proof
from intended_core.audit.levels import Levels
from intended_core.audit.proof import prove_consistency, prove_inclusion
from intended_core.audit.tree import leaf_hash
from tests.reference.sealed_world import SealedWorld

EPOCHS = 9


@pytest.fixture(scope="module")
def world() -> SealedWorld:
    made = SealedWorld()
    for _ in range(EPOCHS):
        made.grow()
        made.authority.anchor.seal()
        made.authority.anchor.cosign(made.witness, made.witness.key)
    return made


def test_checkpoints_and_cosignatures_are_theirs_too(world: SealedWorld) -> None:
    note = world.authority.anchor.checkpoint().decode()
    key = str(world.authority.anchor.key())
    head = metamorphic_log.checkpoint_verify(note, [key])
    assert (head.origin, head.size) == ("faults/anchor", EPOCHS)
    assert metamorphic_log.verify_signed_note(note, [key]) == 1
    bent = note.replace(note.split("\n")[2], base64.b64encode(bytes(32)).decode())
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.checkpoint_verify(bent, [key])


def test_every_inclusion_and_consistency_proof_is_theirs_too(world: SealedWorld) -> None:
    note, key = world.authority.anchor.checkpoint().decode(), str(world.authority.anchor.key())
    leaves = [leaf_hash(row.entry) for row in world.data().records]
    tree = Levels(leaves)
    for index, leaf in enumerate(leaves):
        path = list(prove_inclusion(tree, index=index, size=EPOCHS).path)
        metamorphic_log.checkpoint_verify_inclusion(note, [key], index, leaf, path)
        with pytest.raises(metamorphic_log.VerifyError):
            metamorphic_log.checkpoint_verify_inclusion(note, [key], (index + 1) % EPOCHS, leaf, path)
    for first in range(1, EPOCHS + 1):
        proof = list(prove_consistency(tree, first=first, second=EPOCHS).path)
        metamorphic_log.verify_consistency(first, EPOCHS, proof, tree.root(0, first), tree.root(0, EPOCHS))


def test_the_exported_last_stage_is_theirs_too(world: SealedWorld) -> None:
    key = str(world.authority.anchor.key())
    for epoch in (0, 4, EPOCHS - 1):
        proof = world.authority.anchor.prove_record(world.tenant().scope, 1, epoch=epoch)
        text = tlog_proof_of(encode_proof(proof))
        assert text == tlog_proof(proof.slot)
        head, _, note = text.partition(b"\n\n")
        _, extra, index, *path = head.decode().split("\n")
        leaf = leaf_hash(base64.b64decode(extra.removeprefix("extra ")))
        hashes = [base64.b64decode(line) for line in path]
        at = int(index.removeprefix("index "))
        assert at == epoch
        metamorphic_log.checkpoint_verify_inclusion(note.decode(), [key], at, leaf, hashes)


def test_the_whole_log_is_read_as_tiles(world: SealedWorld, tmp_path: Path) -> None:
    pytest.importorskip("aics_tlog", reason="aics-tlog needs Python 3.12 or newer")
    tiles, verified, checkpoints, notes = (import_module(f"aics_tlog.{name}") for name in ("tiles", "verified", "checkpoint", "note"))
    anchor = world.authority.anchor
    export_anchor(world.authority, tmp_path)
    reader = tiles.FileSystemTileReader(tmp_path)
    head, note = checkpoints.checkpoint_from_note((tmp_path / "checkpoint").read_bytes())
    log, witness = notes.parse_vkey(str(anchor.key())), notes.parse_vkey(str(world.witness.key))
    found = checkpoints.verify_checkpoint(note, log, [witness], 1, expected_origin=anchor.key().name)
    assert found.ok, found
    assert verified.audit_tiles(reader, head.size, head.root).ok
    leaves = [leaf_hash(row.entry) for row in world.data().records]
    assert tiles.tree_root_from_tiles(reader, EPOCHS) == Levels(leaves).root(0, EPOCHS)
    assert [tiles.read_entry(reader, at, EPOCHS) for at in range(EPOCHS)] == [row.entry for row in world.data().records]
    for old in range(1, EPOCHS):
        ours = list(prove_consistency(Levels(leaves), first=old, second=EPOCHS).path)
        assert tiles.consistency_proof_from_tiles(reader, old, EPOCHS) == ours
