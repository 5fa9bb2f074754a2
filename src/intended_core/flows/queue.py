"""queue: the requests that wait for people, as they are listed and shown. Reads only."""

from __future__ import annotations

from dataclasses import dataclass

from intended_core.approvals.shown import shown_intent
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, LoadEntities, LoadState, Now
from intended_core.flows.requests import OPEN, asked_by, load_request, scan_requests
from intended_core.flows.rows import ApprovalRow
from intended_core.flows.withdraw import rejection_digest
from intended_core.ids import EntityRef
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.outcome import ApprovalRequirement
from intended_core.unit import Row

__all__ = ["ApprovalView", "list_approvals", "show_approval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalView:
    """What an approver is shown. `intent`: canonical JSON text; `shown`: the same as lines that are safe to print anywhere.

    `digest`: what they sign to approve, `rejection`: to reject (32 bytes each). `state`: PENDING, APPROVED, USED, REJECTED, CANCELLED or
    EXPIRED. `principal`: the submitter. Times in microseconds.
    """

    approval_id: str
    state: str
    principal: EntityRef
    audience: str
    intent: str
    shown: str
    digest: bytes
    rejection: bytes
    alternatives: tuple[tuple[ApprovalRequirement, ...], ...]
    approved_by: tuple[EntityRef, ...]
    created_us: int
    expires_us: int


def show_approval(context: Context, approval_id: str) -> Flow[ApprovalView]:
    """The request as it stands; raises UnitRefusedError when there is none."""
    row = yield from load_request(context, approval_id)
    return _view(row)


def list_approvals(
    context: Context, *, state: str | None = None, principal: EntityRef | None = None, approver: EntityRef | None = None
) -> Flow[tuple[ApprovalView, ...]]:
    """The requests in `state`, of `principal`, and that `approver` may look at as one of a group that is asked; oldest first.

    A request whose time is over is listed as EXPIRED, swept or not. The list grants nothing: `approve` judges each person again.
    """
    now_us: int = yield Now()
    found: list[ApprovalView] = []
    for row in (yield from scan_requests(context)):
        view = _view(row, now_us)
        if state in (None, view.state) and principal in (None, view.principal):
            found.append(view)
    if approver is not None:
        groups = yield from _groups_of(context, approver)
        found = [view for view in found if view.principal != approver and _asks(view, groups, approver)]
    return tuple(sorted(found, key=lambda view: (view.created_us, view.approval_id)))


def _groups_of(context: Context, person: EntityRef) -> Flow[frozenset[EntityRef]]:
    state: ScopeState = yield LoadState(context.scope, True)
    if state.policy is None:
        return frozenset()
    loaded = yield LoadEntities(context.scope, frozenset({person}), True)
    snapshot: TypedSnapshot = loaded.snapshot
    return frozenset(snapshot.ancestors.get(person, ()))


def _asks(view: ApprovalView, groups: frozenset[EntityRef], person: EntityRef) -> bool:
    needs = [item for alternative in view.alternatives for item in alternative]
    return any(item.group in groups and person not in item.exclude for item in needs)


def _view(row: Row, now_us: int | None = None) -> ApprovalView:
    request = ApprovalRow.from_row(row)
    over = now_us is not None and row.state in OPEN and now_us >= request.expires_us
    return ApprovalView(
        approval_id=row.key, state="EXPIRED" if over else row.state, principal=asked_by(request), audience=request.audience,
        intent=request.intent.decode("utf-8"), shown=shown_intent(request.intent), digest=request.digest,
        rejection=rejection_digest(request.digest), alternatives=request.alternatives,
        approved_by=tuple(given.person for given in request.given), created_us=request.created_us,
        expires_us=request.expires_us,
    )  # fmt: skip
