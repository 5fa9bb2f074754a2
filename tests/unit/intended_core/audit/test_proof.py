"""Proofs: every one that the builder makes holds, and equals the reference; every changed one is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core.audit.proof import (
    ConsistencyProof,
    InclusionProof,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)
from intended_core.audit.tree import leaf_hash, root_of
from intended_core.errors import AuditError
from tests.reference import merkle

ENTRIES = [bytes([number]) * 3 for number in range(40)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def leaves(start: int, stop: int) -> list[bytes]:
    return LEAVES[start:stop]


@pytest.mark.parametrize("size", range(1, 41))
def test_every_inclusion_proof_of_small_trees(size: int) -> None:
    root = merkle.mth(ENTRIES[:size])
    for index in range(size):
        proof = prove_inclusion(leaves, index=index, size=size)
        assert list(proof.path) == merkle.path(index, ENTRIES[:size])
        included = verify_inclusion(proof, leaf=LEAVES[index], root=root)
        assert (included.index, included.size, included.root) == (index, size, root)


@pytest.mark.parametrize("second", range(1, 41))
def test_every_consistency_proof_of_small_trees(second: int) -> None:
    for first in range(1, second + 1):
        proof = prove_consistency(leaves, first=first, second=second)
        assert list(proof.path) == merkle.proof(first, ENTRIES[:second])
        first_root, second_root = merkle.mth(ENTRIES[:first]), merkle.mth(ENTRIES[:second])
        prefix = verify_consistency(proof, first_root=first_root, second_root=second_root)
        assert (prefix.first_root, prefix.second_root) == (first_root, second_root)


@settings(max_examples=60)
@given(st.data())
def test_one_changed_bit_anywhere_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    proof = prove_inclusion(leaves, index=index, size=size)
    place = data.draw(st.integers(0, len(proof.path) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = bytearray(proof.path[place])
    changed[bit // 8] ^= 1 << (bit % 8)
    path = (*proof.path[:place], bytes(changed), *proof.path[place + 1 :])
    with pytest.raises(AuditError):
        verify_inclusion(replace(proof, path=path), leaf=LEAVES[index], root=root_of(LEAVES[:size]))


@settings(max_examples=60)
@given(st.integers(1, 40), st.data())
def test_no_proof_holds_for_another_index_or_leaf(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, 45).filter(lambda value: value != index))
    proof = prove_inclusion(leaves, index=index, size=size)
    root = root_of(LEAVES[:size])
    with pytest.raises(AuditError):
        verify_inclusion(replace(proof, index=other), leaf=LEAVES[index], root=root)
    with pytest.raises(AuditError):
        verify_inclusion(proof, leaf=leaf_hash(b"other"), root=root)


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (1, 1), (5, 3), (0, 2**53)])
def test_there_is_no_inclusion_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(AuditError) as caught:
        prove_inclusion(leaves, index=index, size=size)
    assert caught.value.code == "audit.index"
    with pytest.raises(AuditError) as caught:
        verify_inclusion(InclusionProof(index=index, size=size, path=()), leaf=LEAVES[0], root=LEAVES[0])
    assert caught.value.code == "audit.index"


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 4), (5, 4), (-1, 4), (1, 2**53)])
def test_there_is_no_consistency_from_nothing_or_backwards(first: int, second: int) -> None:
    with pytest.raises(AuditError) as caught:
        prove_consistency(leaves, first=first, second=second)
    assert caught.value.code == "audit.index"
    with pytest.raises(AuditError) as caught:
        verify_consistency(
            ConsistencyProof(first=first, second=second, path=()), first_root=LEAVES[0], second_root=LEAVES[0]
        )
    assert caught.value.code == "audit.index"


def test_two_roots_of_one_size_are_a_fork() -> None:
    proof = ConsistencyProof(first=3, second=3, path=())
    with pytest.raises(AuditError) as caught:
        verify_consistency(proof, first_root=LEAVES[0], second_root=LEAVES[1])
    assert caught.value.code == "audit.fork"


def test_paths_that_are_too_long_or_too_short() -> None:
    proof = prove_inclusion(leaves, index=3, size=7)
    root = root_of(LEAVES[:7])
    for path in (proof.path[:-1], proof.path[1:], (*proof.path, LEAVES[0]), (LEAVES[0], *proof.path), ()):
        with pytest.raises(AuditError):
            verify_inclusion(replace(proof, path=path), leaf=LEAVES[3], root=root)
    shown = prove_consistency(leaves, first=3, second=7)
    for path in (shown.path[:-1], shown.path[1:], (*shown.path, LEAVES[0]), ()):
        with pytest.raises(AuditError):
            verify_consistency(replace(shown, path=path), first_root=root_of(LEAVES[:3]), second_root=root)


@pytest.mark.parametrize("value", [b"", b"\x00" * 31, b"\x00" * 33, "0" * 32, bytearray(32), None])
def test_a_hash_is_exactly_32_bytes(value: object) -> None:
    with pytest.raises(AuditError):
        verify_inclusion(InclusionProof(index=0, size=2, path=(value,)), leaf=LEAVES[0], root=LEAVES[0])  # type: ignore[arg-type]
    with pytest.raises(AuditError):
        verify_inclusion(InclusionProof(index=0, size=1, path=()), leaf=value, root=LEAVES[0])  # type: ignore[arg-type]
    with pytest.raises(AuditError):
        verify_consistency(
            ConsistencyProof(first=1, second=2, path=(LEAVES[0],)),
            first_root=value,
            second_root=LEAVES[0],  # type: ignore[arg-type]
        )
