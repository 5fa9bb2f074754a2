"""All subtrees at hand: judged by the recursive reading of RFC 6962, and by the proofs that are made from leaves alone."""

from __future__ import annotations

import pytest

from intended_core.audit.levels import Growing, Levels
from intended_core.audit.proof import prove_consistency, prove_inclusion
from intended_core.audit.tree import EMPTY_ROOT, Frontier, leaf_hashes
from intended_core.errors import AuditError
from tests.reference.merkle import mth

ENTRIES = [bytes([number]) * 3 for number in range(37)]
LEAVES = leaf_hashes(ENTRIES)


@pytest.mark.parametrize("size", range(len(ENTRIES) + 1))
def test_roots_and_right_edges_of_every_size(size: int) -> None:
    whole = Levels(LEAVES)
    assert whole.root(0, size) == Levels(LEAVES[:size]).root(0, size) == mth(ENTRIES[:size])
    frontier = Frontier.empty()
    for leaf in LEAVES[:size]:
        frontier = frontier.append(leaf)
    assert whole.frontier(size) == frontier


@pytest.mark.parametrize("start", range(len(ENTRIES)))
def test_any_range_has_the_root_of_its_own_leaves(start: int) -> None:
    whole = Levels(LEAVES)
    for stop in range(start, len(ENTRIES) + 1):
        assert whole.root(start, stop) == mth(ENTRIES[start:stop])


def test_proofs_are_those_made_from_leaves() -> None:
    for size in range(1, len(ENTRIES) + 1):
        tree = Levels(LEAVES)
        for index in range(size):
            one = prove_inclusion(tree, index=index, size=size)
            assert one == prove_inclusion(lambda a, b: LEAVES[a:b], index=index, size=size)
            other = prove_consistency(tree, first=index + 1, second=size)
            assert other == prove_consistency(lambda a, b: LEAVES[a:b], first=index + 1, second=size)


def test_what_is_not_there_is_refused() -> None:
    whole = Levels(LEAVES[:5])
    assert Levels([]).root(0, 0) == EMPTY_ROOT
    for start, stop in ((0, 6), (-1, 2), (3, 2)):
        with pytest.raises(AuditError) as caught:
            whole.root(start, stop)
        assert caught.value.code == "audit.gap"
    with pytest.raises(AuditError):
        whole.frontier(6)
    with pytest.raises(AuditError):
        prove_inclusion(whole, index=2, size=6)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64])
def test_a_growing_tree_is_the_whole_one_at_every_size(step: int) -> None:
    tree = Growing()
    for start in range(0, len(LEAVES), step):
        tree.extend(LEAVES[start : start + step])
        assert tree.size == min(start + step, len(LEAVES))
        for size in {1, tree.size // 2 + 1, tree.size}:
            assert tree.root(0, size) == Levels(LEAVES[:size]).root(0, size)
            assert tree.frontier(size) == Levels(LEAVES[:size]).frontier(size)
    tree.extend([])
    assert tree.size == len(LEAVES)
