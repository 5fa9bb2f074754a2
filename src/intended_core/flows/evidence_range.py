"""evidence_range: what a stretch of the log needs beside its records, so that nobody can leave one out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intended_core.audit.anchored import SlotProof
from intended_core.audit.checkpoint import VerifierKey
from intended_core.audit.levels import Levels
from intended_core.audit.proof import ConsistencyProof, InclusionProof, prove_consistency, prove_inclusion
from intended_core.audit.tree import Frontier
from intended_core.errors import AuditError
from intended_core.flows.effects import Context, Flow, LoadTree, ReadRecords
from intended_core.flows.evidence import checkpoint, key_changes, tied
from intended_core.unit import RecordRow

__all__ = ["CollectedRange", "collect_range"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedRange:
    """What ties the records of [first, stop) to a signed head: `tail` is None when the stretch ends the log.

    `founding`: the log's first two records, and the changes of its token keys before the stretch.
    """

    origin: str
    generation: int
    first: int
    stop: int
    size: int
    founding: tuple[RecordRow, ...]
    proofs: tuple[InclusionProof, ...]
    before: Frontier
    tail: ConsistencyProof | None
    consistency: ConsistencyProof | None
    checkpoint: bytes
    log_key: VerifierKey
    anchor: tuple[bytes, ConsistencyProof | None] | None


def collect_range(
    context: Context, first: int, stop: int | None, *, since: int | None = None, proof: SlotProof | None = None
) -> Flow[CollectedRange]:
    """The proofs of the stretch [first, stop) under the log as it stands; `stop` None: to its end. `since`: the size of an older head.
    `proof`: as `collect`.

    Raises AuditError `audit.index` when the log does not hold it.
    """
    note, head, vkey = yield from checkpoint(context)
    end = head.size if stop is None else stop
    if not 0 <= first < end <= head.size:
        raise AuditError(f"the log has records 0 to {head.size - 1}: give a stretch within", code="audit.index")
    found: Sequence[RecordRow] = yield ReadRecords(context.scope, 0, 2)
    founding = (*found, *(yield from key_changes(context, first)))
    tree: Levels = yield LoadTree(context.scope, head.size, head.frontier.root())
    return CollectedRange(
        origin=head.origin, generation=head.generation, first=first, stop=end, size=head.size, founding=founding,
        proofs=tuple(prove_inclusion(tree, index=row.seq, size=head.size) for row in founding), before=tree.frontier(first),
        tail=None if end == head.size else prove_consistency(tree, first=end, second=head.size),
        consistency=None if not since else prove_consistency(tree, first=since, second=head.size),
        checkpoint=note, log_key=vkey, anchor=tied(proof, tree, head, last=end - 1),
    )  # fmt: skip
