"""The tree: judged by the recursive reading of RFC 6962 § 2.1."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.audit.tree import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_of, subtree_root
from intended_core.errors import AuditError
from tests.reference.merkle import mth

entry_lists = st.lists(st.binary(max_size=8), max_size=70)


def test_empty_tree() -> None:
    assert Frontier.empty().root() == EMPTY_ROOT == sha256(b"").digest()


def test_leaf_and_node_have_their_own_prefixes() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert left == sha256(b"\x00a").digest()
    assert node_hash(left, right) == sha256(b"\x01" + left + right).digest()
    assert leaf_hash(left + right) != node_hash(left, right)


@given(entry_lists)
def test_root_equals_the_reference(entries: list[bytes]) -> None:
    assert root_of([leaf_hash(entry) for entry in entries]) == mth(entries)


@given(entry_lists)
def test_frontier_survives_its_bytes_at_every_size(entries: list[bytes]) -> None:
    frontier = Frontier.empty()
    for entry in entries:
        frontier = Frontier.from_bytes(frontier.to_bytes()).append(leaf_hash(entry))
        assert len(frontier.hashes) == frontier.size.bit_count()
    assert frontier.size == len(entries)
    assert frontier.root() == mth(entries)


def test_append_leaves_the_old_frontier_alone() -> None:
    one = Frontier.empty().append(leaf_hash(b"a"))
    before = one.to_bytes()
    one.append(leaf_hash(b"b"))
    assert one.to_bytes() == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 9,
        (1).to_bytes(8, "big"),
        (1).to_bytes(8, "big") + b"\x00" * 31,
        (1).to_bytes(8, "big") + b"\x00" * 33,
        (3).to_bytes(8, "big") + b"\x00" * 32,
        (2).to_bytes(8, "big") + b"\x00" * 64,
        (2**53).to_bytes(8, "big") + b"\x00" * 32,
    ],
)
def test_a_frontier_of_the_wrong_form_is_refused(data: bytes) -> None:
    with pytest.raises(AuditError) as caught:
        Frontier.from_bytes(data)
    assert caught.value.code == "audit.frontier"


def test_subtree_root_refuses_missing_leaves() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(4)]
    assert subtree_root(lambda start, stop: leaves[start:stop], 0, 4) == root_of(leaves)
    with pytest.raises(AuditError) as caught:
        subtree_root(lambda start, stop: leaves[start:stop], 0, 5)
    assert caught.value.code == "audit.gap"
