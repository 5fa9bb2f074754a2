"""approve: one authenticated person says yes to exactly one request; the quorum makes it APPROVED."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from intended_core.access.persons import authenticate
from intended_core.access.roles import Permission, check_permitted
from intended_core.approvals.assignment import Eligible, choose, counts_for
from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind, Thread
from intended_core.canonical import Json, b64url
from intended_core.errors import AccessDeniedError, IntentError, KeyRingError, UnitRefusedError
from intended_core.flows.again import EITHER_MOVED, again
from intended_core.flows.approvals import count_given, serves
from intended_core.flows.cache import ActivePolicy, LoadedEntities, ScopeState
from intended_core.flows.effects import Commit, Context, Flow, LoadEntities, LoadState, Now, Random
from intended_core.flows.outcomes import denied
from intended_core.flows.requests import OPEN, load_request, move_request, request_reads, standing_request
from intended_core.flows.rows import ApprovalRow, GivenApproval
from intended_core.flows.steps import close_unit, open_head, thread_commitment
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.intents import parse_wire
from intended_core.persons import Person
from intended_core.unit import Changes, Row, Unit, UnitView

__all__ = ["ApprovalStatus", "Asked", "approve", "ask", "known_person", "may_not", "request_draft"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalStatus:
    """Where a request stands after a person spoke: `state`, and the requirement they counted for ("" where it has ended)."""

    approval_id: str
    state: str
    counted_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that is open, with everything that a person's word on it is judged by. `eligible`: who counts so far, and for what."""

    row: Row
    request: ApprovalRow
    state: ScopeState
    policy: ActivePolicy
    intent: ValidIntent
    entities: LoadedEntities
    eligible: Eligible
    now_us: int
    salt: bytes


def approve(context: Context, approval_id: str, *, person: EntityRef, signature: bytes) -> Flow[ApprovalStatus]:
    """Count `person`'s signature over the request's digest, wherever it is needed.

    Raises AccessDeniedError when they may not approve this (not in the group, excluded, the submitter, without the role, approved already),
    KeyRingError when the signature is not theirs, UnitRefusedError when the request is not pending any more.
    """

    def once(fresh: bool) -> Flow[ApprovalStatus]:
        return _attempt(context, approval_id, person, signature, fresh=fresh)

    return (yield from again(context, once, what="policy or entities", moved=EITHER_MOVED))


def ask(context: Context, approval_id: str, person: EntityRef, *, fresh: bool) -> Flow[Asked]:
    """The open request as `person` meets it. Raises UnitRefusedError when it has ended, AccessDeniedError when entities are missing."""
    state: ScopeState = yield LoadState(context.scope, fresh)
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    row = yield from load_request(context, approval_id)
    request = ApprovalRow.from_row(row)
    if row.state not in OPEN:
        raise UnitRefusedError("approval_state", f"the request is {row.state.lower()}, not pending")
    if now_us >= request.expires_us:
        raise UnitRefusedError("approval_expired", "the request has expired; ask again")
    if request.generation != state.generation:
        raise UnitRefusedError("approval_generation", "the request is of an older generation of the store; ask again")
    if state.policy is None or request.policy != state.policy.digest:
        raise UnitRefusedError("approval_policy", "the policy set changed after the request; ask again")
    policy = state.policy
    intent = parse_wire(policy.schema, context.scope, request.intent)
    refs = intent.references | policy.compiled.constants | state.data.references | {given.person for given in request.given} | {person}
    try:
        entities: LoadedEntities = yield LoadEntities(context.scope, refs, fresh)
    except IntentError as error:
        raise may_not(str(error)) from None
    eligible = count_given(
        context, state, policy, intent, entities.snapshot, request.alternatives, digest=request.digest, given=request.given,
        now_us=now_us,
    )  # fmt: skip
    return Asked(
        row=row, request=request, state=state, policy=policy, intent=intent, entities=entities, eligible=eligible,
        now_us=now_us, salt=salt,
    )  # fmt: skip


def known_person(state: ScopeState, person: EntityRef, permission: Permission) -> Person:
    """The registered person, with the right; raises KeyRingError or AccessDeniedError."""
    known = state.persons.get(person)
    if known is None:
        raise KeyRingError(f"{person} is not a registered person of this tenant")
    check_permitted(known, permission)
    return known


def _attempt(
    context: Context, approval_id: str, person: EntityRef, signature: bytes, *, fresh: bool
) -> Flow[ApprovalStatus]:
    asked = yield from ask(context, approval_id, person, fresh=fresh)
    request, row, state, now_us = asked.request, asked.row, asked.state, asked.now_us
    if row.state != "PENDING":
        raise UnitRefusedError("approval_state", f"the request is {row.state.lower()}, not pending")
    known = known_person(state, person, "intent.approve")
    authenticate(known, digest=request.digest, signature=signature)
    if any(state.persons[each].public_key == known.public_key for each in asked.eligible):
        raise may_not(f"{person} has approved this already; a quorum counts distinct persons")
    may, problem = serves(
        context, state, asked.policy, asked.intent, asked.entities.snapshot, request.alternatives, person, now_us=now_us
    )
    eligible = {**asked.eligible, person: may}
    key = counts_for(request.alternatives, asked.eligible, person, may)
    if not key:
        raise may_not(str(problem) if problem is not None and not may else "every requirement has its approvers already")
    chosen = choose(request.alternatives, eligible)
    if chosen is not None:
        key = next((name for name, people in chosen.items() if person in people), key)
    after = replace(
        request,
        given=(
            *(each for each in request.given if each.person != person),  # one that no longer counts: their key was replaced
            GivenApproval(key=key, person=person, signature=signature),
        ),
        steps=request.steps + 1,
    )
    name = "PENDING" if chosen is None else "APPROVED"
    body: dict[str, Json] = {
        "approval": approval_id,
        "approval_digest": b64url(request.digest),
        "person": [person.type, person.id],
        "person_key": b64url(known.public_key),
        "signature": b64url(signature),
        "requirement": key,
        "state": name,
    }

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards, entities=asked.entities.version)
        current = standing_request(context, view, head, row)
        draft = request_draft(EventKind.APPROVAL_GRANTED, approval_id, request, body, asked.salt)
        moved, writes = move_request(context, view, head, current, name, replace(after, seq=head.size).to_body())
        return close_unit(context, view, moved, (draft,), now_us=now_us, writes=writes)

    yield Commit(Unit(context.scope, decide_unit, reads=request_reads(approval_id)))
    return ApprovalStatus(approval_id=approval_id, state=name, counted_for=key)


def request_draft(
    kind: EventKind, approval_id: str, request: ApprovalRow, body: Mapping[str, Json], salt: bytes
) -> Draft:
    """The next record in the life of a request."""
    return Draft(
        kind=kind, body=body, salt=salt, policy_digest=request.policy,
        thread=Thread(commitment=thread_commitment("approval", approval_id), n=request.steps, previous=request.seq),
    )  # fmt: skip


def may_not(text: str) -> AccessDeniedError:
    """That somebody may not do this, and why."""
    return AccessDeniedError(text, outcome=denied("forbid", text))
