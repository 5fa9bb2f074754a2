"""enact: a draft is put in force, by the warrant that its scope demands.

In the founder's hand a checked draft is enough. In a scope with an admin the drafter's signature and a second, distinct person's are
counted again under the lock, with the keys and roles that stand there; one person is enough for a change that can only narrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from intended_core.audit.log import LogHead
from intended_core.canonical import Json, b64url
from intended_core.errors import IntendedError, KeyRingError, UnitRefusedError
from intended_core.flows.activate import Activated, Warrant, checked_and_tested, hold_to_locks, put_in_force
from intended_core.flows.again import again
from intended_core.flows.cache import ScopeState, compile_policy
from intended_core.flows.data import DataWritten, put_content
from intended_core.flows.datarows import DATA_POINTER
from intended_core.flows.draftrows import OPEN_STATES, DraftRow, Signed, draft_key, signing_digest
from intended_core.flows.drafts import DRAFTS, draft_content, draft_sources, read_draft, standing_draft
from intended_core.flows.effects import Context, Flow, LoadState
from intended_core.flows.governance import governed_under_lock, read_persons
from intended_core.flows.halt import person_keys, signed_under_lock, signers_json
from intended_core.flows.pointer import POLICY_POINTER, PolicyPointer
from intended_core.flows.roster import GUARD_ROSTER, guard_row
from intended_core.lang.diff import compare
from intended_core.lang.source import Source
from intended_core.unit import Row, RowKey, UnitView, Write

__all__ = ["enact_data", "enact_policy", "may_widen"]


@dataclass(frozen=True, slots=True)
class _Narrower:
    """That a change can only narrow, against what was in force at this guard version."""

    guards: int


def enact_policy(context: Context, draft_id: str) -> Flow[Activated]:
    """Put a policy draft in force. Raises PolicyError when check or tests fail now, UnitRefusedError, KeyRingError, AccessDeniedError."""

    def once(fresh: bool) -> Flow[Activated]:
        row = yield from read_draft(context, draft_id)
        draft = _ready(row, "policy")
        sources = yield from draft_sources(context, draft)
        held = yield from hold_to_locks(context, sources, draft.locks)
        tried = checked_and_tested(context, sources)
        narrower = yield from _narrower_set(context, sources)
        warrant = yield from _warrant(context, row, draft, narrower, POLICY_POINTER)
        return (yield from put_in_force(context, tried, warrant, held))

    return (yield from again(context, once, what="policy or persons"))


def enact_data(context: Context, draft_id: str) -> Flow[DataWritten]:
    """Put a data draft in force. Raises IntentError when a value does not fit the active set now, and as `enact_policy`."""

    def once(fresh: bool) -> Flow[DataWritten]:
        row = yield from read_draft(context, draft_id)
        draft = _ready(row, "data")
        content = yield from draft_content(context, draft)
        state: ScopeState = yield LoadState(context.scope, True)
        narrows = not any(_widens(each) for each in _changes(draft))
        warrant = yield from _warrant(context, row, draft, _Narrower(state.guards) if narrows else None, DATA_POINTER)
        return (yield from put_content(context, state, content, warrant))

    return (yield from again(context, once, what="policy or persons"))


def _changes(draft: DraftRow) -> list[Any]:
    found = draft.findings.get("changes")
    return found if isinstance(found, list) and found else [[None, None, None, "both"]]


def _widens(change: Any) -> bool:
    return not isinstance(change, list) or change[-1] not in ("narrows", "none")


def _ready(row: Row, subject: str) -> DraftRow:
    draft = DraftRow.from_row(row)
    if draft.subject != subject:
        raise UnitRefusedError("draft_subject", f"this is a draft of {'params and tables' if draft.subject == 'data' else 'a policy set'}")
    if row.state not in OPEN_STATES or row.state == "DRAFT":
        raise UnitRefusedError("draft_state", f"the draft is {row.state.lower()}; it is checked before it is put in force")
    return draft


def may_widen(state: ScopeState, sources: Sequence[Source], context: Context) -> bool:
    """Whether this set may let more through than the active one, as far as its form shows."""
    if state.policy is None:
        return True
    return compare(state.policy.checked, compile_policy(context.scope, sources).checked).may_widen


def _narrower_set(context: Context, sources: Sequence[Source]) -> Flow[_Narrower | None]:
    try:
        state: ScopeState = yield LoadState(context.scope, True)
        return None if may_widen(state, sources, context) else _Narrower(state.guards)
    except IntendedError:
        return None  # what cannot be compared counts as wider: the active set may be one that no longer loads


def _warrant(
    context: Context, row: Row, draft: DraftRow, narrower: _Narrower | None, pointer: RowKey
) -> Flow[Warrant]:
    persons = yield from read_persons(context)
    signers = (*(() if draft.drafted is None else (draft.drafted,)), *draft.approved)
    pairs = [(each.person, each.signature) for each in signers]

    def demand(view: UnitView, head: LogHead) -> tuple[tuple[Write, ...], Mapping[str, Json]]:
        standing_draft(context, view, row)
        guard_row(context, view, head, draft_key(row.key))
        current = guard_row(context, view, head, pointer)
        if (0 if current is None else current.version) != draft.base:
            raise UnitRefusedError("draft_base", "something else was put in force since this was drafted: draft it again")
        said: dict[str, Json] = {"draft": row.key}
        if draft.tested is not None:
            said["tested"] = [draft.tested.environment, b64url(draft.tested.digest), draft.tested.seq]
        if governed_under_lock(context, view, head, persons):
            narrows = narrower is not None and narrower.guards == head.guards and not _moves_a_lock(draft, current)
            said |= _signatures(context, view, head, row, draft, narrows=narrows)
        after = context.mac.seal_row(context.scope, row.kind, row.key, row.version + 1, "ACTIVE", row.body)
        return (Write(after, row.version),), said

    return Warrant(reads=(draft_key(row.key), GUARD_ROSTER, pointer, *person_keys(pairs)), demand=demand)


def _moves_a_lock(draft: DraftRow, current: Row | None) -> bool:
    """Whether a pack that is held to a digest would be held to another, or to none: then nobody does it alone."""
    return not draft.locks.silent and draft.locks.moves({} if current is None else PolicyPointer.from_row(current).packs)


def _signatures(
    context: Context, view: UnitView, head: LogHead, row: Row, draft: DraftRow, *, narrows: bool
) -> dict[str, Json]:
    """What the record says of who signed. Raises KeyRingError, AccessDeniedError, UnitRefusedError."""
    if draft.drafted is None:
        raise UnitRefusedError("draft_unsigned", "its drafter has not signed it")
    asked = signing_digest(context.scope, "draft", row.key, draft)
    (drafter,) = signed_under_lock(
        context, view, head, [_pair(draft.drafted)], digest=asked, quorum=1, permission=DRAFTS[draft.subject]
    )
    if narrows:
        return {"drafted_by": signers_json(view, [drafter]), "narrows": True}
    if row.state != "APPROVED" or not draft.approved:
        raise UnitRefusedError("draft_unapproved", "it may widen what is allowed: a second person approves it first")
    consent = signing_digest(context.scope, "approve", row.key, draft)
    seconds = signed_under_lock(
        context, view, head, [_pair(each) for each in draft.approved], digest=consent, quorum=1, permission="policy.activate"
    )
    first = signers_json(view, [drafter])
    said = signers_json(view, seconds)
    if not any(second[:2] != first[0][:2] and second[2] != first[0][2] for second in said):  # type: ignore[index]
        raise KeyRingError("who drafted it never approves it: a second person with a key of their own does")
    return {"drafted_by": first, "approved_by": said}


def _pair(signed: Signed) -> tuple[Any, bytes]:
    return signed.person, signed.signature
