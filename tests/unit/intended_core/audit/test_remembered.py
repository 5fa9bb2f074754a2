"""A remembered head against the head of evidence: shorter, forked, unlinked, continued."""

from __future__ import annotations

import pytest

from intended_core.audit.checkpoint import Checkpoint, VerifierKey
from intended_core.audit.grades import Grade
from intended_core.audit.levels import Levels
from intended_core.audit.proof import prove_consistency
from intended_core.audit.remembered import check_known_head
from intended_core.audit.tree import leaf_hash
from intended_core.audit.verify import KnownHead

LEAVES = [leaf_hash(b"%d" % number) for number in range(9)]
TREE, OTHER = Levels(LEAVES), Levels([*LEAVES[:3], leaf_hash(b"another"), *LEAVES[4:]])
HEAD = Checkpoint(origin="a/log", size=9, root=TREE.root(0, 9), key=VerifierKey.of("a/log", bytes(32)))


def known(size: int, tree: Levels = TREE) -> KnownHead:
    return KnownHead(size=size, root=tree.root(0, size))


def codes(head: KnownHead, **given: object) -> tuple[str, Grade] | None:
    found = check_known_head(head, HEAD, **{"shown": None, **given})  # type: ignore[arg-type]
    return None if found is None else (found.code, found.grade)


def test_a_longer_head_says_that_the_log_was_cut() -> None:
    assert codes(KnownHead(size=10, root=bytes(32))) == ("log.truncated", Grade.TRUNCATED)


def test_heads_of_one_size_are_one() -> None:
    assert codes(known(9)) is None
    assert codes(known(9, OTHER)) == ("head.fork", Grade.FORKED)


def test_an_earlier_head_is_continued_by_a_proof() -> None:
    shown = prove_consistency(TREE, first=5, second=9)
    assert codes(known(5), shown=shown) is None
    assert codes(known(5, OTHER), shown=shown) == ("head.fork", Grade.FORKED)
    assert codes(known(4), shown=shown) == codes(known(4)) == ("head.unlinked", Grade.INCOMPLETE)


def test_the_evidence_may_reach_back_by_itself() -> None:
    assert codes(known(5), root_at=lambda size: TREE.root(0, size)) is None
    assert codes(known(5, OTHER), root_at=lambda size: TREE.root(0, size)) == ("head.fork", Grade.FORKED)


@pytest.mark.parametrize("root", [bytes(32), TREE.root(0, 9)])
def test_every_log_continues_the_empty_one(root: bytes) -> None:
    assert codes(KnownHead(size=0, root=root)) is None
