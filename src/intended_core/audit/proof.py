"""Inclusion and consistency proofs (RFC 6962 § 2.1.1, § 2.1.2; verification as RFC 9162 § 2.1.3.2 and § 2.1.4.2).

Verification returns a typed value or raises AuditError; it never returns a bool. A consistency proof from size 0 proves nothing and is
refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from intended_core.audit.levels import Levels
from intended_core.audit.tree import HASH_BYTES, MAX_SIZE, node_hash, subtree_root
from intended_core.errors import AuditError
from intended_core.quick import maker

__all__ = [
    "ConsistencyProof",
    "Included",
    "InclusionProof",
    "Leaves",
    "Prefix",
    "prove_consistency",
    "prove_inclusion",
    "verify_consistency",
    "verify_inclusion",
]

# The leaf hashes of [start, stop), or the whole tree with its subtrees: many proofs of one tree are quick from `Levels`.
Leaves = Callable[[int, int], Sequence[bytes]] | Levels


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """The path from leaf `index` to the root of a tree of `size` leaves."""

    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """That the tree of `first` leaves is a prefix of the tree of `second` leaves."""

    first: int
    second: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """Proved: this leaf stands at `index` below `root`. Made only by `verify_inclusion`."""

    index: int
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """Proved: the tree with `first_root` is a prefix of the one with `second_root`. Made only by `verify_consistency`."""

    first_root: bytes
    second_root: bytes


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


_proof: Final = maker(InclusionProof)
_included: Final = maker(Included)


def _subtree(leaves: Leaves, start: int, stop: int) -> bytes:
    return leaves.root(start, stop) if isinstance(leaves, Levels) else subtree_root(leaves, start, stop)


def prove_inclusion(leaves: Leaves, *, index: int, size: int) -> InclusionProof:
    """The proof for leaf `index` of a tree of `size`; raises AuditError when there is no such leaf."""
    if not 0 <= index < size <= MAX_SIZE:
        raise AuditError(f"there is no leaf {index} in a tree of {size}", code="audit.index")
    path: list[bytes] = []
    start, stop, at = 0, size, index
    while stop - start > 1:
        middle = start + _split(stop - start)
        if at < middle:
            path.append(_subtree(leaves, middle, stop))
            stop = middle
        else:
            path.append(_subtree(leaves, start, middle))
            start = middle
    return _proof(index=index, size=size, path=tuple(path[::-1]))


def prove_consistency(leaves: Leaves, *, first: int, second: int) -> ConsistencyProof:
    """The proof that the tree of `first` is a prefix of the tree of `second`; raises AuditError outside 1 <= first <= second."""
    if not 0 < first <= second <= MAX_SIZE:
        raise AuditError(f"a tree of {first} cannot be shown to be a prefix of one of {second}", code="audit.index")
    path: list[bytes] = []
    start, stop, size, whole = 0, second, first, True
    while size != stop - start:
        middle = _split(stop - start)
        if size <= middle:
            path.append(_subtree(leaves, start + middle, stop))
            stop = start + middle
        else:
            path.append(_subtree(leaves, start, start + middle))
            start, size, whole = start + middle, size - middle, False
    if not whole:
        path.append(_subtree(leaves, start, stop))
    return ConsistencyProof(first=first, second=second, path=tuple(reversed(path)))


def _hash(value: bytes) -> None:
    if type(value) is not bytes or len(value) != HASH_BYTES:
        raise AuditError("a hash has 32 bytes", code="audit.proof")


def verify_inclusion(proof: InclusionProof, *, leaf: bytes, root: bytes) -> Included:
    """Check that the leaf hash `leaf` stands where the proof says below `root`; raises AuditError."""
    at, size, path = proof.index, proof.size, proof.path
    if not 0 <= at < size <= MAX_SIZE:
        raise AuditError(f"index {at} is outside a tree of {size}", code="audit.index")
    for value in (leaf, root, *path):
        if type(value) is not bytes or len(value) != HASH_BYTES:
            raise AuditError("a hash has 32 bytes", code="audit.proof")
    last, node = size - 1, leaf
    for sibling in path:
        if last == 0:
            raise AuditError("the inclusion proof is too long", code="audit.proof")
        if at & 1 or at == last:
            node = sha256(b"\x01" + sibling + node).digest()
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            node = sha256(b"\x01" + node + sibling).digest()
        at >>= 1
        last >>= 1
    if last != 0:
        raise AuditError("the inclusion proof is too short", code="audit.proof")
    if node != root:
        raise AuditError(f"record {proof.index} is not below this root", code="audit.root")
    return _included(index=proof.index, size=size, root=root)


def verify_consistency(proof: ConsistencyProof, *, first_root: bytes, second_root: bytes) -> Prefix:
    """Check that the first tree is a prefix of the second; raises AuditError."""
    first, second = proof.first, proof.second
    if not 0 < first <= second <= MAX_SIZE:
        raise AuditError(f"a tree of {first} is no prefix of one of {second}", code="audit.index")
    if first == second:
        # Nothing is hashed here: the roots are compared as they are, of whatever hash.
        if proof.path:
            raise AuditError("the consistency proof is too long", code="audit.proof")
        if type(first_root) is not bytes or not first_root or first_root != second_root:
            raise AuditError("two roots of one size differ", code="audit.fork")
        return Prefix(first_root=first_root, second_root=second_root)
    for value in (first_root, second_root, *proof.path):
        _hash(value)
    path = list(proof.path)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        raise AuditError("the consistency proof is too short", code="audit.proof")
    at, last = first - 1, second - 1
    while at & 1:
        at >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise AuditError("the consistency proof is too long", code="audit.proof")
        if at & 1 or at == last:
            old = node_hash(sibling, old)
            new = node_hash(sibling, new)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        at >>= 1
        last >>= 1
    if last != 0:
        raise AuditError("the consistency proof is too short", code="audit.proof")
    if old != first_root or new != second_root:
        raise AuditError("the later tree does not extend the earlier one", code="audit.fork")
    return Prefix(first_root=first_root, second_root=second_root)
