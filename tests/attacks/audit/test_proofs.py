"""Rows 4 and 6: a leaf shown as a node, a node as a leaf, an odd node doubled; proofs stretched, shortened or read for another place."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest

from intended_core.audit.proof import (
    InclusionProof,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)
from intended_core.audit.tree import leaf_hash, node_hash, root_of
from intended_core.errors import AuditError

TRIALS = range(60)
ENTRIES = [sha256(bytes([number])).digest() * 2 for number in range(33)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def leaves(start: int, stop: int) -> Sequence[bytes]:
    return LEAVES[start:stop]


@pytest.mark.parametrize("trial", TRIALS)
def test_a_node_shown_as_a_leaf(trial: int) -> None:
    chance = random.Random(trial)
    size = chance.randrange(2, 34)
    index = chance.randrange(size // 2) * 2
    root = root_of(LEAVES[:size])
    proof = prove_inclusion(leaves, index=index, size=size)
    inner = node_hash(LEAVES[index], proof.path[0])
    for shown in (index, index // 2):
        for tree in (size, (size + 1) // 2):
            with pytest.raises(AuditError):
                verify_inclusion(
                    InclusionProof(index=shown, size=tree, path=proof.path[1:]), leaf=leaf_hash(inner), root=root
                )
    # The 64 bytes under an inner node, offered as an entry, have another hash than the node.
    assert leaf_hash(LEAVES[index] + proof.path[0]) != inner


@pytest.mark.parametrize("trial", TRIALS)
def test_an_odd_node_is_never_doubled(trial: int) -> None:
    size = random.Random(trial).randrange(1, 16) * 2 + 1
    assert root_of([*LEAVES[:size], LEAVES[size - 1]]) != root_of(LEAVES[:size])
    doubled = list(LEAVES[:size])
    while len(doubled) > 1:
        if len(doubled) % 2:
            doubled.append(doubled[-1])
        doubled = [node_hash(left, right) for left, right in zip(doubled[::2], doubled[1::2], strict=True)]
    assert doubled[0] != root_of(LEAVES[:size])


@pytest.mark.parametrize("trial", TRIALS)
def test_a_stretched_or_cut_inclusion_proof(trial: int) -> None:
    chance = random.Random(trial)
    size = chance.randrange(2, 34)
    index = chance.randrange(size)
    root = root_of(LEAVES[:size])
    proof = prove_inclusion(leaves, index=index, size=size)
    place = chance.randrange(len(proof.path) + 1)
    extra = chance.choice([root, LEAVES[index], bytes(32), sha256(b"").digest(), *proof.path])
    for path in (
        (*proof.path[:place], extra, *proof.path[place:]),
        proof.path[:-1],
        proof.path[1:],
        proof.path[::-1] if len(set(proof.path)) > 1 else (),
        (*proof.path, root),
    ):
        with pytest.raises(AuditError):
            verify_inclusion(replace(proof, path=path), leaf=LEAVES[index], root=root)


@pytest.mark.parametrize("trial", TRIALS)
def test_a_proof_read_for_another_place_or_size(trial: int) -> None:
    chance = random.Random(trial)
    size = chance.randrange(2, 34)
    index = chance.randrange(size)
    root = root_of(LEAVES[:size])
    proof = prove_inclusion(leaves, index=index, size=size)
    for bit in range(7):
        with pytest.raises(AuditError):
            verify_inclusion(replace(proof, index=index ^ (1 << bit)), leaf=LEAVES[index], root=root)
    for other in (-1, index + (1 << 53), size, size * 2 + index):
        with pytest.raises(AuditError):
            verify_inclusion(replace(proof, index=other), leaf=LEAVES[index], root=root)
    for tree in (0, -size, 2**64):
        with pytest.raises(AuditError):
            verify_inclusion(replace(proof, size=tree), leaf=LEAVES[index], root=root)


@pytest.mark.parametrize("trial", TRIALS)
def test_consistency_with_a_rewritten_past(trial: int) -> None:
    chance = random.Random(trial)
    second = chance.randrange(2, 34)
    first = chance.randrange(1, second)
    changed = list(LEAVES[:second])
    changed[chance.randrange(first)] = leaf_hash(b"rewritten")
    proof = prove_consistency(lambda start, stop: changed[start:stop], first=first, second=second)
    with pytest.raises(AuditError) as caught:
        verify_consistency(proof, first_root=root_of(LEAVES[:first]), second_root=root_of(changed))
    assert caught.value.code == "audit.fork"


@pytest.mark.parametrize("trial", TRIALS)
def test_consistency_from_nothing_proves_nothing(trial: int) -> None:
    second = random.Random(trial).randrange(1, 34)
    good = prove_consistency(leaves, first=1, second=second)
    with pytest.raises(AuditError) as caught:
        verify_consistency(
            replace(good, first=0), first_root=sha256(b"").digest(), second_root=root_of(LEAVES[:second])
        )
    assert caught.value.code == "audit.index"
