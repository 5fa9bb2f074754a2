"""What every decision's unit does, whatever was decided: what it reads, the body of its record, the entities it rests on; and the units
of an Escalate, which opens a request, and of a Deny, which only records.

An Allow issues a nonce and is signed afterwards: that is `flows.authorize`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind, Thread
from intended_core.canonical import Json, Labelled, b64url, b64url_kept, digest
from intended_core.flows.approvals import ApprovedUse, bound_digest
from intended_core.flows.cache import ActivePolicy, LoadedEntities, ScopeState
from intended_core.flows.effects import Commit, Context, Flow
from intended_core.flows.obligations import written
from intended_core.flows.outcomes import Pending
from intended_core.flows.parent import Parent
from intended_core.flows.requests import new_request, request_reads
from intended_core.flows.rows import ApprovalRow, alternatives_json
from intended_core.flows.steps import authentic, close_unit, open_head, placed, thread_commitment
from intended_core.intent import ValidIntent
from intended_core.outcome import Allow, Deny, Escalate
from intended_core.quick import maker
from intended_core.tokens.holder import HolderKey
from intended_core.unit import Changes, RowKey, Unit, UnitView, Write

__all__ = ["Request", "decision_body", "deny", "escalate", "open_decided", "reads_of", "request_of", "snapshot_write"]

_INTENT: Final = Labelled("intended.intent/v0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One attempt at deciding: everything that the units need, fixed before any lock is taken."""

    context: Context
    state: ScopeState
    policy: ActivePolicy
    intent: ValidIntent
    entities: LoadedEntities
    audience: str
    now_us: int
    nonce: str
    salt: bytes
    spare: bytes
    approval: ApprovedUse | None
    levels: Mapping[str, int] | None
    holder: HolderKey | None
    parent: Parent | None


request_of: Final = maker(Request)


def decision_body(request: Request, outcome: Allow | Escalate | Deny) -> dict[str, Json]:
    """The recorded inputs and answer of a decision: what a verifier needs to run it again."""
    kind = "allow" if isinstance(outcome, Allow) else "escalate" if isinstance(outcome, Escalate) else "deny"
    body: dict[str, Json] = {
        "outcome": kind,
        "rules": list(outcome.rules),
        "reasons": [[reason.rule, reason.text, reason.place] for reason in outcome.reasons],
        "intent": request.intent.wire.decode("utf-8"),
        "intent_digest": b64url(_INTENT.digest(request.intent.wire)),
        "ith": b64url(request.intent.ith),
        "entities_digest": b64url_kept(request.entities.snapshot.digest),
        "policy_digest": b64url_kept(request.policy.digest),
        "now": request.now_us,
        "tenant": request.context.scope.tenant,
        "approved": [*sorted(request.approval.keys)] if request.approval else [],
        "approvals_used": [request.approval.approval_id] if request.approval else [],
    }
    if request.approval:
        assigned = request.approval.assigned
        body["approved_by"] = [[key, ref.type, ref.id] for key in sorted(assigned) for ref in assigned[key]]
    if isinstance(outcome, Deny):
        body["class"] = outcome.kind
    if request.levels is not None:
        body["meters"] = [[name, str(level)] for name, level in sorted(request.levels.items())]
    if outcome.obligations:
        body["obligations"] = list(written(outcome.obligations))
    if request.state.data.digest:
        body["data_version"] = request.state.data.version
        body["data_digest"] = b64url_kept(request.state.data.digest)
    return body


def snapshot_write(request: Request, view: UnitView) -> tuple[Write, ...]:
    """The content-addressed entity snapshot, written with the first decision that rests on it."""
    key = _snapshot_key(request.entities.snapshot.digest)
    stored = authentic(request.context, view, key)
    if stored is not None and stored.state == "STORED":
        return ()
    context, version = request.context, 0 if stored is None else stored.version  # an erased one is written anew
    row = context.mac.seal_row(context.scope, key.kind, key.key, version + 1, "STORED", request.entities.snapshot.wire)
    return (Write(row, version),)


def reads_of(request: Request) -> tuple[RowKey, ...]:
    snapshot = _snapshot_key(request.entities.snapshot.digest)
    if request.approval is None:
        return (snapshot,)
    return (snapshot, *request_reads(request.approval.approval_id))


@lru_cache(maxsize=4096)
def _snapshot_key(snapshot_digest: bytes) -> RowKey:
    return RowKey("snapshot", b64url(snapshot_digest))


def open_decided(request: Request, view: UnitView) -> LogHead:
    return open_head(
        request.context, view, now_us=request.now_us, guards=request.state.guards, entities=request.entities.version
    )


def escalate(request: Request, outcome: Escalate) -> Flow[Pending]:
    context = request.context
    approval_id = request.nonce
    body = decision_body(request, outcome)
    body["alternatives"] = alternatives_json(outcome.alternatives)
    body["approval"] = approval_id
    asked = digest(
        "intended.approval/v0", approval_id.encode("ascii"), request.intent.ith, request.policy.digest,
        request.entities.snapshot.digest, request.audience.encode("ascii"),
    )  # fmt: skip
    body["approval_digest"] = b64url(asked)
    life_ms = min(item.expires_ms for alternative in outcome.alternatives for item in alternative)
    thread = Thread(commitment=thread_commitment("approval", approval_id), n=0, previous=None)

    def decide_unit(view: UnitView) -> Changes:
        head = open_decided(request, view)
        row = ApprovalRow(
            digest=asked, intent=request.intent.wire, ith=request.intent.ith, policy=request.policy.digest,
            bound=bound_digest(request.intent, request.entities.snapshot),
            audience=request.audience, alternatives=outcome.alternatives, given=(), created_us=request.now_us,
            expires_us=request.now_us + life_ms * 1000, seq=head.size, steps=1, generation=head.generation,
        )  # fmt: skip
        head, asking = new_request(context, view, head, approval_id, row.to_body())
        writes = (*asking, *snapshot_write(request, view))
        draft = Draft(
            kind=EventKind.DECISION_ESCALATE, body=body, salt=request.salt, thread=thread,
            policy_digest=request.policy.digest,
        )  # fmt: skip
        return placed(close_unit(context, view, head, (draft,), now_us=request.now_us, writes=writes))

    reads = tuple(dict.fromkeys((*reads_of(request), *request_reads(approval_id))))
    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads))
    seq, leaf = committed.answer
    return Pending(
        alternatives=outcome.alternatives, rules=outcome.rules, reasons=outcome.reasons, obligations=outcome.obligations,
        approval_id=approval_id, digest=asked, seq=seq, intent=request.intent, leaf=leaf,
    )  # fmt: skip


def deny(request: Request, outcome: Deny) -> Flow[Deny]:
    context = request.context
    body = decision_body(request, outcome)
    thread = Thread(commitment=thread_commitment("token", request.nonce), n=0, previous=None)

    def decide_unit(view: UnitView) -> Changes:
        head = open_decided(request, view)
        draft = Draft(
            kind=EventKind.DECISION_DENY,
            body=body,
            salt=request.salt,
            thread=thread,
            policy_digest=request.policy.digest,
        )
        writes = snapshot_write(request, view)
        return placed(close_unit(context, view, head, (draft,), now_us=request.now_us, writes=writes))

    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads_of(request)))
    seq, leaf = committed.answer
    return replace(outcome, seq=seq, leaf=leaf)
