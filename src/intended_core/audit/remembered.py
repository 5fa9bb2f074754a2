"""Whether signed evidence continues the head that its verifier remembers: neither shorter than it, nor another log from it on."""

from __future__ import annotations

from collections.abc import Callable

from intended_core.audit.checkpoint import Checkpoint
from intended_core.audit.grades import Finding, Grade
from intended_core.audit.proof import ConsistencyProof, verify_consistency
from intended_core.audit.verify import KnownHead
from intended_core.errors import AuditError

__all__ = ["check_known_head"]


def _unknown(size: int) -> bytes | None:
    return None


def check_known_head(
    known: KnownHead, head: Checkpoint, *, shown: ConsistencyProof | None, root_at: Callable[[int], bytes | None] = _unknown
) -> Finding | None:
    """What is wrong between the two; None where the log of `head` surely continues `known`. `shown`: the proof that came along.

    `root_at`: the root that the evidence itself had at a size, None where it does not reach back so far.
    """
    if known.size > head.size:
        text = f"the bundle speaks of {head.size} records, but you know a head of {known.size}"
        return Finding(code="log.truncated", grade=Grade.TRUNCATED, text=text, seq=head.size)
    if known.size == head.size:
        return None if known.root == head.root else _fork(f"two signed heads of {head.size} records differ")
    if known.size == 0:
        return None
    root = root_at(known.size)
    if root is not None:
        return None if root == known.root else _fork("the log does not continue the head that you know")
    if shown is None or (shown.first, shown.second) != (known.size, head.size):
        text = f"the bundle does not show that its log continues the head of {known.size} that you know"
        return Finding(code="head.unlinked", grade=Grade.INCOMPLETE, text=text)
    try:
        verify_consistency(shown, first_root=known.root, second_root=head.root)
    except AuditError as error:
        return _fork(f"the log does not continue the head that you know: {error}")
    return None


def _fork(text: str) -> Finding:
    return Finding(code="head.fork", grade=Grade.FORKED, text=text)
