"""Attacks on the anchor by name: what slots tell, what names and sizes may do to a witness, and who may convict whom."""

from __future__ import annotations

import random

import pytest

from intended_core.audit.anchored import encode_proof, parse_proof, verify_slot_proof
from intended_core.audit.grades import Grade
from intended_core.audit.witnessing import Refused, judge
from intended_core.errors import AuditError
from tests.reference import tampered_anchors
from tests.reference.anchor_world import honest_anchor
from tests.reference.sealed_world import SealedWorld


def test_leaves_tell_neither_silence_nor_size() -> None:
    """Row 31: a slot's leaf is another one in each epoch, grown or not; siblings in a path are leaves and nodes, nothing else."""
    world = SealedWorld()
    anchor, scope = world.authority.anchor, world.tenant().scope
    anchor.seal()
    anchor.seal()
    world.grow()
    anchor.seal()
    leaves = [verify_slot_proof(anchor.prove_slot(scope, epoch=epoch), world.policy()).leaf for epoch in range(3)]
    assert len(set(leaves)) == 3
    neighbour = world.tenant("beta").scope
    shown = encode_proof(anchor.prove_slot(scope, epoch=1))
    assert neighbour.uuid.encode() not in shown
    assert b"beta" not in shown


def test_a_taken_and_an_empty_place_look_alike() -> None:
    world = SealedWorld()
    world.authority.anchor.seal()
    proof = world.authority.anchor.prove_slot(world.tenant().scope)
    assert len(proof.path) == 4, "two tenants stand among sixteen places"


def test_the_grade_of_a_proof_never_exceeds_its_witnesses() -> None:
    log = honest_anchor(2)
    proof = log.proof(3, 1, note=log.note(witnesses=()))
    for text in (b"quorum none\n", b""):
        policy = f"log {log.key}\n".encode() + (text or b"quorum none\n")
        from intended_core.audit.tlogpolicy import parse_policy

        assert verify_slot_proof(proof, parse_policy(policy)).grade is Grade.CONSISTENT_UNANCHORED


@pytest.mark.parametrize("attack", [f"{row}-{number}" for number, (row, *_) in enumerate(tampered_anchors.ON_ANCHORS)])
def test_every_row_is_found_at_other_places_than_the_tables(attack: str) -> None:
    run = tampered_anchors.ON_ANCHORS[int(attack.split("-")[1])][3]
    for trial in range(5):
        assert run(random.Random(f"elsewhere {attack} {trial}")), trial


def test_a_spoiled_proof_is_refused_or_says_the_same() -> None:
    """Any bit of a proof: refused, for its form or because it does not hold; or a cosigner's name is spoiled, who then counts for nothing."""
    log = honest_anchor(3)
    policy, data = log.policy(), encode_proof(log.proof(4, 1))
    honest, chance, passed = verify_slot_proof(log.proof(4, 1), policy), random.Random(7), 0
    for _ in range(400):
        bent = bytearray(data)
        bent[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            found = verify_slot_proof(parse_proof(bytes(bent)), policy)  # type: ignore[arg-type]
        except AuditError:
            continue
        passed += 1
        assert (found.opening, found.epoch) == (honest.opening, honest.epoch)
        assert len(found.cosigned) < len(honest.cosigned)
    assert passed < 40


def test_a_witness_is_not_talked_into_anything_by_noise() -> None:
    log = honest_anchor(3)
    chance = random.Random(11)
    good = b"old 0\n\n" + log.note(2, witnesses=())
    for _ in range(400):
        bent = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            bent[chance.randrange(len(bent))] = chance.randrange(256)
        if bytes(bent) == good:
            continue
        found = judge(bytes(bent), logs={log.name: [log.key]}, remembered=lambda _: None)
        assert isinstance(found, Refused), bytes(bent)
        assert found.status in {400, 403, 404, 409, 422}
