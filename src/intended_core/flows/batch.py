"""batch: receipts for records that are committed, one signature for all of them, given when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from intended_core.audit.batch_receipts import MAX_BATCH, Promise, give_receipts, receipts_message
from intended_core.audit.levels import Levels
from intended_core.errors import AuditError
from intended_core.flows.effects import Context, Flow, LoadTree, Sign
from intended_core.flows.evidence import authentic_head
from intended_core.flows.seal import anchor_key

__all__ = ["receipts"]


def receipts(context: Context, wanted: Sequence[tuple[Context, int]]) -> Flow[tuple[bytes, ...]]:
    """One receipt for each (a tenant's context, a record's number), in that order. `context` is the anchor's.

    A record that is committed now is in the next epoch, or, where one is being closed at this moment, in the one after it. Raises
    AuditError `audit.index` for a record that is not there, `audit.receipt` for none or more than 256.
    """
    if not 1 <= len(wanted) <= MAX_BATCH:
        raise AuditError(f"a batch has 1 to {MAX_BATCH} receipts", code="audit.receipt")
    state, identity = yield from anchor_key(context)
    promises: list[Promise] = []
    for tenant, seq in wanted:
        head = yield from authentic_head(tenant)
        if not 0 <= seq < head.size:
            raise AuditError(f"the log has no record {seq}; it ends at {head.size - 1}", code="audit.index")
        tree: Levels = yield LoadTree(tenant.scope, head.size, head.frontier.root())
        promises.append(
            Promise(origin=head.origin, generation=head.generation, seq=seq, leaf=tree.root(seq, seq + 1), deadline=0)
        )
    # read after the heads: whatever epoch begins from now on sees all of these records
    anchor = yield from authentic_head(context)
    dated = [
        Promise(origin=one.origin, generation=one.generation, seq=one.seq, leaf=one.leaf, deadline=anchor.size + 1)
        for one in promises
    ]
    message = receipts_message(dated, key=identity)
    signature: bytes = yield Sign(context.scope, state.ring.active("log"), message)
    return give_receipts(dated, key=identity, signature=signature)
