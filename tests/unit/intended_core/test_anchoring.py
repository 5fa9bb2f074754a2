"""What customers, auditors and witnesses do: proofs under a policy, freshness, files, and a witness that remembers first."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_core import Grade
from intended_core.anchoring import (
    AttestedHead,
    AttestedRecord,
    CosigningWitness,
    check_equivocation,
    check_proof,
    check_slots,
    export_anchor,
    export_record_proof,
    export_slot_proof,
    show_equivocation,
    tlog_proof_of,
    witness_key,
)
from intended_core.audit.checkpoint import open_checkpoint
from intended_core.audit.cosignature import cosigned_by
from intended_core.audit.tiles import read_log
from intended_core.errors import AssemblyError, AuditError
from tests.reference.anchor_world import honest_anchor
from tests.reference.sealed_world import SealedWorld


def anchored(epochs: int = 2) -> tuple[SealedWorld, bytes]:
    world = SealedWorld()
    for _ in range(epochs):
        world.grow()
        world.authority.anchor.seal()
        world.authority.anchor.cosign(world.witness, world.witness.key)
    return world, f"log {world.authority.anchor.key()}\nwitness w {world.witness.key}\nquorum w\n".encode()


def code(call: object, *given: object, **named: object) -> str:
    with pytest.raises(AuditError) as caught:
        call(*given, **named)  # type: ignore[operator]
    return caught.value.code


def test_proofs_of_heads_and_records() -> None:
    world, policy = anchored()
    tenant = world.tenant()
    head = check_proof(export_slot_proof(world.authority, tenant), policy=policy)
    assert isinstance(head, AttestedHead)
    assert head.grade is Grade.WITNESSED
    record = export_record_proof(world.authority, tenant, 1)
    entries = [row.entry for row in tenant.records()]
    assert isinstance(check_proof(record, policy=policy, entry=entries[1]), AttestedRecord)
    assert code(check_proof, record, policy=policy, entry=entries[0]) == "audit.root"
    assert code(check_proof, record, policy=policy) == "audit.proof"
    assert code(check_proof, export_slot_proof(world.authority, tenant), policy=policy, entry=entries[1]) == "audit.proof"
    assert tlog_proof_of(record).startswith(b"c2sp.org/tlog-proof@v1\n")
    assert code(check_proof, record, policy=policy.replace(b"log ", b"# "), entry=entries[1]) == "audit.untrusted"


def test_a_stale_proof_is_refused() -> None:
    world, policy = anchored()
    tenant, now_s = world.tenant(), world.clock.now_us() // 1_000_000
    data = export_slot_proof(world.authority, tenant)
    assert check_proof(data, policy=policy, min_epoch=1, not_before_s=now_s)
    assert code(check_proof, data, policy=policy, min_epoch=2) == "audit.stale"
    assert code(check_proof, data, policy=policy, not_before_s=now_s + 1) == "audit.stale"
    nobody = f"log {world.authority.anchor.key()}\nquorum none\n".encode()
    assert code(check_proof, data, policy=nobody, not_before_s=0) == "audit.stale"


def test_a_customer_walks_its_slots() -> None:
    world, policy = anchored(3)
    proofs = [export_slot_proof(world.authority, world.tenant(), epoch=epoch) for epoch in range(3)]
    assert [head.opening.size for head in check_slots(proofs, policy=policy).heads] == [3, 4, 5]
    assert code(check_slots, proofs[::2], policy=policy) == "slot.gap"


def test_the_files_are_whole(tmp_path: Path) -> None:
    world, _ = anchored()
    assert export_anchor(world.authority, tmp_path) == 2
    world.authority.anchor.seal()
    world.authority.anchor.cosign(world.witness, world.witness.key)
    assert export_anchor(world.authority, tmp_path, since=2) == 3
    files = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    head = open_checkpoint(files["checkpoint"], [world.authority.anchor.key()])
    assert len(read_log(files, size=3, root=head.root)) == 3
    assert not [name for name in files if name.endswith(".unfinished")]


def test_a_fork_shown_to_two_auditors_is_proved_to_anybody() -> None:
    """The store is copied, and each auditor is shown another history of the tenant, signed by the same keys."""
    world, _ = anchored(1)
    key = str(world.authority.anchor.key())
    world.authority.anchor.release()
    world.save()
    shown: list[tuple[bytes, bytes]] = []
    for records in (1, 2):
        world.restore()
        for _ in range(records):
            world.grow()
        world.authority.anchor.seal()
        shown.append((world.authority.anchor.checkpoint(), export_slot_proof(world.authority, world.tenant(), epoch=1)))
        # each auditor is content with what it was shown
        assert check_slots([export_slot_proof(world.authority, world.tenant(), epoch=0), shown[-1][1]], policy=f"log {key}\nquorum none\n".encode())
    (_, mine), (_, theirs) = shown
    data = show_equivocation(mine, theirs, key=key)
    found = check_equivocation(data, key=key)
    assert (found.kind, found.at, found.origin) == ("epoch", 1, "faults/anchor")
    assert code(show_equivocation, mine, mine, key=key) == "audit.no-equivocation"
    assert code(check_equivocation, data[:-1], key=key) == "audit.equivocation"
    assert code(check_equivocation, data, key=str(honest_anchor(1).key)) in {"audit.untrusted", "audit.signature"}


class Memory:
    def __init__(self, *, broken: bool = False) -> None:
        self.kept: dict[str, tuple[int, bytes]] = {}
        self.broken = broken

    def newest(self, origin: str) -> tuple[int, bytes] | None:
        return self.kept.get(origin)

    def remember(self, origin: str, size: int, root: bytes) -> None:
        if self.broken:
            raise OSError("no room")
        self.kept[origin] = (size, root)


def test_a_witness_remembers_before_it_answers() -> None:
    log = honest_anchor(3)
    memory = Memory()
    witness = CosigningWitness(name="w", secret=b"1" * 32, logs=[str(log.key)], memory=memory, clock_s=lambda: 7)
    note = log.note(2, witnesses=())
    reply = witness.answer(b"old 0\n\n" + note)
    assert reply.status == 200
    assert [one.time_s for one in cosigned_by(note + reply.body, [witness.key])] == [7]
    assert memory.kept[log.name][0] == 2
    assert witness.key == witness_key("w", b"1" * 32)
    conflict = witness.answer(b"old 0\n\n" + log.note(3, witnesses=()))
    assert (conflict.status, conflict.body, conflict.media_type) == (409, b"2\n", "text/x.tlog.size")
    memory.kept.clear()
    memory.broken = True
    with pytest.raises(OSError, match="no room"):
        witness.answer(b"old 0\n\n" + note)
    assert "1111" not in repr(witness)
    with pytest.raises(AssemblyError):
        CosigningWitness(name="w", secret=b"1", logs=[], memory=memory, clock_s=lambda: 7)
