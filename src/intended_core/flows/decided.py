"""What every decision's unit does, whatever was decided: what it reads, the body of its record, the entities it rests on; and the units
of an Escalate, which opens a request, and of a Deny, which only records.

An Allow issues a nonce and is signed afterwards: that is `flows.authorize`. In a body's clear stand the outcome, its rules and reasons, the
policy set, and of the request its action and where each part came from. Who asked, for what, every argument and context member, and what is
computed from them are fields (`audit.fields`): each can be kept back or erased alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from intended_core.audit.fields import pack_fields, split_intent
from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind, PackedBody, Thread
from intended_core.canonical import Json, b64url, b64url_kept, digest
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
from intended_core.outcome import Allow, ApprovalRequirement, Deny, Escalate
from intended_core.quick import maker
from intended_core.tokens.holder import HolderKey
from intended_core.unit import Changes, RowKey, Unit, UnitView, Write

__all__ = ["Request", "decision_body", "deny", "escalate", "open_decided", "reads_of", "request_of", "snapshot_write", "told_requirements"]



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


def decision_body(request: Request, outcome: Allow | Escalate | Deny, *, excluded: Json = None, **more: Json) -> PackedBody:
    """The recorded inputs and answer of a decision, and beside them `more`: members in the clear.

    `excluded`: whom an escalation's requirements leave out, a field.
    """
    kind = "allow" if isinstance(outcome, Allow) else "escalate" if isinstance(outcome, Escalate) else "deny"
    asked, fields = split_intent(request.intent.wire)
    fields["ith"] = b64url(request.intent.ith)
    fields["entities_digest"] = b64url_kept(request.entities.snapshot.digest)
    body: dict[str, Json] = {
        "outcome": kind,
        "rules": list(outcome.rules),
        "reasons": [[reason.rule, reason.text, reason.place] for reason in outcome.reasons],
        "intent": asked,
        "policy_digest": b64url_kept(request.policy.digest),
        "now": request.now_us,
        "tenant": request.context.scope.tenant,
        "approved": [*sorted(request.approval.keys)] if request.approval else [],
        "approvals_used": [request.approval.approval_id] if request.approval else [],
        **more,
    }
    if request.approval:
        assigned = request.approval.assigned
        fields["approved_by"] = [[key, ref.type, ref.id] for key in sorted(assigned) for ref in assigned[key]]
    if excluded is not None:
        fields["excluded"] = excluded
    if isinstance(outcome, Deny):
        body["class"] = outcome.kind
    if request.levels is not None:
        fields["meters"] = [[name, str(level)] for name, level in sorted(request.levels.items())]
    if outcome.obligations:
        fields["obligations"] = list(written(outcome.obligations))
    if request.state.data.digest:
        body["data_version"] = request.state.data.version
        body["data_digest"] = b64url_kept(request.state.data.digest)
    return pack_fields(body, fields, secret=request.salt)


def told_requirements(alternatives: tuple[tuple[ApprovalRequirement, ...], ...]) -> tuple[Json, Json]:
    """An escalation's requirements as they stand in the clear, and whom each of them leaves out, in the same order."""
    told: Any = alternatives_json(alternatives)
    return told, [[item.pop("exclude") for item in alternative] for alternative in told]


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
    # Who knows everything but one argument must not find it by trying: a digest that stands in the log is salted.
    asked = digest(
        "intended.approval/v1", approval_id.encode("ascii"), request.intent.ith, request.policy.digest,
        request.entities.snapshot.digest, request.audience.encode("ascii"), request.spare,
    )  # fmt: skip
    wanted, excluded = told_requirements(outcome.alternatives)
    body = decision_body(
        request, outcome, alternatives=wanted, excluded=excluded, approval=approval_id, approval_digest=b64url(asked)
    )
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
            kind=EventKind.DECISION_ESCALATE, body=body, thread=thread, policy_digest=request.policy.digest,
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
            thread=thread,
            policy_digest=request.policy.digest,
        )
        writes = snapshot_write(request, view)
        return placed(close_unit(context, view, head, (draft,), now_us=request.now_us, writes=writes))

    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads_of(request)))
    seq, leaf = committed.answer
    return replace(outcome, seq=seq, leaf=leaf)
