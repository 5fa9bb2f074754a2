"""A whole log's verdict with heads that somebody outside cosigned: raised where the log holds them, lowered where it does not."""

from __future__ import annotations

import pytest

from intended_core import Grade, verify_tenant_log
from intended_core.audit.anchored import encode_proof
from intended_core.errors import AuditError
from tests.reference.anchor_world import witness_key
from tests.reference.sealed_world import SealedWorld


def anchored() -> tuple[SealedWorld, bytes, bytes]:
    world = SealedWorld()
    world.grow()
    world.authority.anchor.seal()
    world.authority.anchor.cosign(world.witness, world.witness.key)
    proof = encode_proof(world.authority.anchor.prove_slot(world.tenant().scope))
    policy = f"log {world.authority.anchor.key()}\nwitness w {world.witness.key}\nquorum w\n".encode()
    return world, proof, policy


def test_a_witnessed_head_raises_the_verdict() -> None:
    world, proof, policy = anchored()
    world.grow()
    verdict = verify_tenant_log(world.tenant(), proofs=[proof], policy=policy)
    assert (verdict.grade, verdict.attested, verdict.organisations) == (Grade.WITNESSED, 3, ("w",))
    assert verify_tenant_log(world.tenant()).grade is Grade.CONSISTENT_UNPINNED


def test_a_log_that_was_cut_behind_a_witnessed_head_is_truncated() -> None:
    world, proof, policy = anchored()
    world.restore()
    verdict = verify_tenant_log(world.tenant(), proofs=[proof], policy=policy)
    assert (verdict.grade, verdict.findings[0].code) == (Grade.TRUNCATED, "log.truncated")


def test_a_log_that_was_written_anew_is_found() -> None:
    world, proof, policy = anchored()
    world.restore()
    world.grow()
    world.grow()
    verdict = verify_tenant_log(world.tenant(), proofs=[proof], policy=policy)
    assert (verdict.grade, verdict.findings[0].code) == (Grade.TAMPERED, "head.root")


def test_fewer_than_the_quorum_is_anchored() -> None:
    world, proof, policy = anchored()
    absent = f"witness x {witness_key('absent.example/1')}\ngroup g 2 w x\nquorum g\n".encode()
    wider = policy.replace(b"quorum w\n", absent)
    verdict = verify_tenant_log(world.tenant(), proofs=[proof], policy=wider)
    assert (verdict.grade, verdict.organisations) == (Grade.ANCHORED, ("w",))


def test_a_proof_of_another_log_or_without_a_policy_is_no_help() -> None:
    world, proof, policy = anchored()
    other = encode_proof(world.authority.anchor.prove_slot(world.tenant("beta").scope))
    with pytest.raises(AuditError) as caught:
        verify_tenant_log(world.tenant(), proofs=[other], policy=policy)
    assert caught.value.code == "audit.foreign"
    with pytest.raises(AuditError) as caught:
        verify_tenant_log(world.tenant(), proofs=[proof])
    assert caught.value.code == "audit.untrusted"
