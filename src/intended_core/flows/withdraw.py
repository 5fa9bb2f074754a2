"""withdraw: a request ends without a use. A person who might have approved it rejects it, the host cancels it, or its time is over."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from intended_core.access.persons import authenticate
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url, digest
from intended_core.errors import IntentError, UnitRefusedError
from intended_core.flows.again import EITHER_MOVED, again
from intended_core.flows.approvals import serves
from intended_core.flows.approve import ApprovalStatus, ask, known_person, may_not, request_draft
from intended_core.flows.effects import Commit, Context, Flow, Now, Random
from intended_core.flows.requests import (
    OPEN,
    asked_by,
    load_request,
    move_request,
    request_reads,
    scan_requests,
    standing_request,
)
from intended_core.flows.rows import ApprovalRow
from intended_core.flows.steps import close_unit, open_head
from intended_core.ids import EntityRef
from intended_core.unit import Changes, Row, Unit, UnitView

__all__ = ["cancel", "expire_requests", "reject", "rejection_digest"]

MAX_REASON_CHARS: Final = 500  # one sentence; a record is no place for an essay


def rejection_digest(request_digest: bytes) -> bytes:
    """What a person signs to say no to the request of this digest (32 bytes): never what they would sign to say yes."""
    return digest("intended.rejection/v1", request_digest)


def reject(
    context: Context, approval_id: str, *, person: EntityRef, signature: bytes, reason: str = ""
) -> Flow[ApprovalStatus]:
    """End the request by the no of one person who may approve it, also where others or they themselves have approved before.

    `signature`: theirs over `rejection_digest`. Raises AccessDeniedError, KeyRingError, UnitRefusedError as `approve` does.
    """
    why = _reason(reason)

    def once(fresh: bool) -> Flow[ApprovalStatus]:
        return _reject(context, approval_id, person, signature, why, fresh=fresh)

    return (yield from again(context, once, what="policy or entities", moved=EITHER_MOVED))


def _reject(
    context: Context, approval_id: str, person: EntityRef, signature: bytes, reason: str, *, fresh: bool
) -> Flow[ApprovalStatus]:
    asked = yield from ask(context, approval_id, person, fresh=fresh)
    request, row, state, now_us = asked.request, asked.row, asked.state, asked.now_us
    known = known_person(state, person, "intent.reject")
    authenticate(known, digest=rejection_digest(request.digest), signature=signature)
    may, problem = serves(
        context, state, asked.policy, asked.intent, asked.entities.snapshot, request.alternatives, person, now_us=now_us
    )
    if not may:
        raise may_not(str(problem))
    body: dict[str, Json] = {
        "approval": approval_id, "approval_digest": b64url(request.digest), "person": [person.type, person.id],
        "person_key": b64url(known.public_key), "signature": b64url(signature), "reason": reason, "state": "REJECTED",
    }  # fmt: skip

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards, entities=asked.entities.version)
        current = standing_request(context, view, head, row)
        draft = request_draft(EventKind.APPROVAL_REJECTED, approval_id, request, body, asked.salt)
        ended = replace(request, seq=head.size, steps=request.steps + 1)
        moved, writes = move_request(context, view, head, current, "REJECTED", ended.to_body())
        return close_unit(context, view, moved, (draft,), now_us=now_us, writes=writes)

    yield Commit(Unit(context.scope, decide_unit, reads=request_reads(approval_id)))
    return ApprovalStatus(approval_id=approval_id, state="REJECTED", counted_for="")


def cancel(context: Context, approval_id: str, *, reason: str = "", by: EntityRef | None = None) -> Flow[ApprovalStatus]:
    """Take the request back: by the host, or, where `by` is named, for that principal and only if it asked for it.

    Raises UnitRefusedError when the request has ended already, AccessDeniedError when it is another's.
    """
    why = _reason(reason)
    row = yield from load_request(context, approval_id)
    if by is not None and asked_by(ApprovalRow.from_row(row)) != by:
        raise may_not(f"the request is not one of {by}")
    body: dict[str, Json] = {
        "approval": approval_id, "reason": why, "by": "host" if by is None else [by.type, by.id], "state": "CANCELLED",
    }  # fmt: skip
    return (yield from _end(context, row, EventKind.APPROVAL_CANCELLED, "CANCELLED", body))


def expire_requests(context: Context) -> Flow[int]:
    """End every request whose time is over; how many. Each is a unit of its own, so this may stop anywhere and go on later."""
    now_us: int = yield Now()
    ended = 0
    for state in sorted(OPEN):
        for row in (yield from scan_requests(context, state=state)):
            if now_us < ApprovalRow.from_row(row).expires_us:
                continue
            body: dict[str, Json] = {"approval": row.key, "was": row.state, "state": "EXPIRED"}
            try:
                yield from _end(context, row, EventKind.APPROVAL_EXPIRED, "EXPIRED", body)
            except UnitRefusedError:
                continue  # somebody acted on it meanwhile
            ended += 1
    return ended


def _end(context: Context, row: Row, kind: EventKind, state: str, body: dict[str, Json]) -> Flow[ApprovalStatus]:
    if row.state not in OPEN:
        raise UnitRefusedError("approval_state", f"the request is {row.state.lower()} already")
    request = ApprovalRow.from_row(row)
    now_us: int = yield Now()
    salt: bytes = yield Random(16)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        current = standing_request(context, view, head, row)
        draft = request_draft(kind, row.key, request, body, salt)
        ended = replace(request, seq=head.size, steps=request.steps + 1)
        moved, writes = move_request(context, view, head, current, state, ended.to_body())
        return close_unit(context, view, moved, (draft,), now_us=now_us, writes=writes)

    yield Commit(Unit(context.scope, decide_unit, reads=request_reads(row.key)))
    return ApprovalStatus(approval_id=row.key, state=state, counted_for="")


def _reason(text: str) -> str:
    if len(text) > MAX_REASON_CHARS or not text.isprintable():
        raise IntentError(f"a reason is one line of at most {MAX_REASON_CHARS} characters", place="reason")
    return text
