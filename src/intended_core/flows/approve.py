"""approve: one authenticated person says yes to exactly one request; the quorum makes it APPROVED."""

from __future__ import annotations

from dataclasses import dataclass, replace

from intended_core.access.persons import authenticate
from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind, Thread
from intended_core.canonical import b64url
from intended_core.engine.evaluator import approver_may
from intended_core.errors import AccessDeniedError, IntendedError, IntentError, KeyRingError, UnitRefusedError
from intended_core.flows.approvals import load_approval, satisfied
from intended_core.flows.cache import LoadedEntities, ScopeState
from intended_core.flows.effects import Commit, Context, Flow, LoadEntities, LoadState, Now, Random
from intended_core.flows.outcomes import denied
from intended_core.flows.rows import ApprovalRow, GivenApproval
from intended_core.flows.steps import authentic, close_unit, open_head, surroundings_of, thread_commitment
from intended_core.ids import EntityRef
from intended_core.lang.intents import parse_wire
from intended_core.outcome import ApprovalRequirement
from intended_core.unit import Changes, RowKey, Unit, UnitView, Write

__all__ = ["ApprovalStatus", "ApprovalView", "approve", "show_approval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalStatus:
    """Where a request stands after a person approved: `state` PENDING or APPROVED, and the requirement they counted for."""

    approval_id: str
    state: str
    counted_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """What an approver is shown. `intent`: canonical JSON text. `digest`: what they sign (32 bytes). Times in microseconds."""

    approval_id: str
    state: str
    intent: str
    digest: bytes
    alternatives: tuple[tuple[ApprovalRequirement, ...], ...]
    approved_by: tuple[EntityRef, ...]
    expires_us: int


def show_approval(context: Context, approval_id: str) -> Flow[ApprovalView]:
    """The request as it stands; raises UnitRefusedError when there is none."""
    row, _ = yield from load_approval(context, approval_id)
    request = ApprovalRow.from_row(row)
    return ApprovalView(
        approval_id=approval_id, state=row.state, intent=request.intent.decode("utf-8"), digest=request.digest,
        alternatives=request.alternatives, approved_by=tuple(given.person for given in request.given),
        expires_us=request.expires_us,
    )  # fmt: skip


def approve(context: Context, approval_id: str, *, person: EntityRef, signature: bytes) -> Flow[ApprovalStatus]:
    """Count `person`'s signature over the request's digest for the first requirement that they may meet.

    Raises AccessDeniedError when they may not approve this (not in the group, excluded, the submitter, approved already), KeyRingError when
    the signature is not theirs, UnitRefusedError when the request is not pending any more.
    """
    for attempt in range(context.settings.state_retries + 1):
        try:
            return (yield from _attempt(context, approval_id, person, signature, fresh=attempt > 0))
        except UnitRefusedError as refused:
            if refused.code not in ("guards_moved", "entities_moved") or attempt == context.settings.state_retries:
                raise
    raise UnitRefusedError("conflict", "policy or entities kept changing; try again")


def _attempt(
    context: Context, approval_id: str, person: EntityRef, signature: bytes, *, fresh: bool
) -> Flow[ApprovalStatus]:
    state: ScopeState = yield LoadState(context.scope, fresh)
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    row, approvers = yield from load_approval(context, approval_id)
    request = ApprovalRow.from_row(row)
    if row.state != "PENDING":
        raise UnitRefusedError("approval_state", f"the request is {row.state.lower()}, not pending")
    if now_us >= request.expires_us:
        raise UnitRefusedError("approval_expired", "the request has expired; ask again")
    known = state.persons.get(person)
    if known is None:
        raise KeyRingError(f"{person} is not a registered person of this tenant")
    evidence = authenticate(known, digest=request.digest, signature=signature)
    if state.policy is None or request.policy != state.policy.digest:
        raise UnitRefusedError("approval_policy", "the policy set changed after the request; ask again")
    policy = state.policy
    intent = parse_wire(policy.checked.schema, context.scope, request.intent)
    if evidence.ref in approvers:
        raise _may_not(f"{person} has approved this already; a quorum counts distinct persons")
    refs = intent.references | policy.compiled.constants | approvers | {person}
    try:
        entities: LoadedEntities = yield LoadEntities(context.scope, refs, fresh)
    except IntentError as error:
        raise _may_not(str(error)) from None
    key = ""
    problem: IntendedError | None = None
    taken = {given.key: 0 for given in request.given}
    for given in request.given:
        taken[given.key] += 1
    for requirement in (item for alternative in request.alternatives for item in alternative):
        if taken.get(requirement.key, 0) >= requirement.quorum:
            continue
        try:
            approver_may(
                policy.compiled, requirement.key, intent, entities.snapshot, person, now_ms=now_us // 1000,
                surroundings=surroundings_of(context.scope),
            )  # fmt: skip
        except IntendedError as error:
            problem = error
            continue
        key = requirement.key
        break
    if not key:
        raise _may_not(str(problem) if problem is not None else "every requirement has its approvers already")
    counted: dict[str, set[EntityRef]] = {key: {person}}
    for given in request.given:
        counted.setdefault(given.key, set()).add(given.person)
    ready = satisfied(request.alternatives, counted) is not None
    after = replace(
        request,
        given=(*request.given, GivenApproval(key=key, person=person, signature=signature)),
        steps=request.steps + 1,
    )
    name = "APPROVED" if ready else "PENDING"

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards, entities=entities.version)
        current = authentic(context, view, RowKey("approval", approval_id))
        if current is None or current.version != row.version:
            raise UnitRefusedError("approval_state", "somebody else acted on this request; look at it again")
        body = replace(after, seq=head.size).to_body()
        write = Write(
            context.mac.seal_row(context.scope, "approval", approval_id, row.version + 1, name, body), row.version
        )
        draft = Draft(
            kind=EventKind.APPROVAL_GRANTED,
            body={
                "approval": approval_id,
                "approval_digest": b64url(request.digest),
                "person": [person.type, person.id],
                "person_key": b64url(known.public_key),
                "signature": b64url(signature),
                "requirement": key,
                "state": name,
            },
            salt=salt,
            thread=Thread(commitment=thread_commitment("approval", approval_id), n=request.steps, previous=request.seq),
            policy_digest=request.policy,
        )
        return close_unit(context, view, head, (draft,), now_us=now_us, writes=(write,))

    yield Commit(Unit(context.scope, decide_unit, reads=(RowKey("approval", approval_id),)))
    return ApprovalStatus(approval_id=approval_id, state=name, counted_for=key)


def _may_not(text: str) -> AccessDeniedError:
    return AccessDeniedError(text, outcome=denied("forbid", text))
