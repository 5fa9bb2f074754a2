"""An approval that is spent: what `authorize` checks before it lets people's signatures lift an escalation.

An approval is bound to exactly what was shown (intent, policy set, entity snapshot, audience), is counted per distinct person, expires, and
moves APPROVED → USED in the unit that issues the nonce. It never lifts a forbid: the whole set is evaluated again.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from intended_core.access.persons import authenticate
from intended_core.canonical import digest, pack
from intended_core.engine.evaluator import approver_may
from intended_core.errors import IntendedError, UnitRefusedError
from intended_core.flows.cache import ActivePolicy, LoadedEntities, ScopeState
from intended_core.flows.effects import Context, Flow, ReadRows
from intended_core.flows.rows import ApprovalRow
from intended_core.flows.steps import authentic, surroundings_of
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.outcome import ApprovalRequirement, Escalate
from intended_core.unit import Row, RowKey, UnitView, Write

__all__ = ["ApprovedUse", "bound_digest", "load_approval", "satisfied", "use_approval"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedUse:
    """An approval as `authorize` will spend it: the requirement keys it satisfies, and the exact row that it read."""

    approval_id: str
    keys: frozenset[str]
    row: Row

    def spend(self, context: Context, view: UnitView) -> Write:
        """APPROVED → USED, only if the row still is the one that was read."""
        row = authentic(context, view, RowKey("approval", self.approval_id))
        if row is None or row.version != self.row.version or row.state != "APPROVED":
            raise UnitRefusedError("approval_state", "the approval was used, changed or withdrawn meanwhile")
        used = context.mac.seal_row(context.scope, "approval", self.approval_id, row.version + 1, "USED", row.body)
        return Write(used, row.version)


def load_approval(context: Context, approval_id: str) -> Flow[tuple[Row, frozenset[EntityRef]]]:
    """The request's row, authenticated, and the persons who approved it."""
    rows = yield ReadRows(context.scope, (RowKey("approval", approval_id),))
    if not rows:
        raise UnitRefusedError("approval_unknown", "no approval request has this id")
    row = context.mac.check(context.scope, rows[0]).row
    return row, frozenset(given.person for given in ApprovalRow.from_row(row).given)


def satisfied(
    alternatives: tuple[tuple[ApprovalRequirement, ...], ...], counted: dict[str, set[EntityRef]]
) -> frozenset[str] | None:
    """The keys of the first alternative whose every requirement has its quorum of distinct persons, or None."""
    for alternative in alternatives:
        if alternative and all(len(counted.get(item.key, ())) >= item.quorum for item in alternative):
            return frozenset(item.key for item in alternative)
    return None


def bound_digest(intent: ValidIntent, snapshot: TypedSnapshot) -> bytes:
    """What the entities that the intent names looked like: an approval is for them as they were shown (32 bytes)."""
    named = {(ref.type, ref.id) for ref in intent.references}
    shown = [item for item in orjson.loads(snapshot.wire) if tuple(item["ref"]) in named]
    return digest("intended.bound/v0", pack(shown))


def use_approval(
    context: Context,
    state: ScopeState,
    policy: ActivePolicy,
    intent: ValidIntent,
    entities: LoadedEntities,
    row: Row,
    *,
    waiting: Escalate,
    now_us: int,
    audience: str,
) -> ApprovedUse:
    """What this approval is worth for this intent, now; raises UnitRefusedError with the reason in plain words.

    `waiting`: what the whole set, evaluated again without it, asks for. Each approver's signature and standing are checked again, and the
    quorum that counts is today's: who left the group since, or a quorum that grew, is not carried over.
    """
    request = ApprovalRow.from_row(row)
    if row.state != "APPROVED":
        raise UnitRefusedError("approval_state", f"the approval is {row.state.lower()}, not approved")
    if now_us >= request.expires_us:
        raise UnitRefusedError("approval_expired", "the approval has expired; ask again")
    if request.ith != intent.ith or request.audience != audience:
        raise UnitRefusedError("approval_binding", "the approval is for another intent or another adapter")
    if request.policy != policy.digest:
        raise UnitRefusedError("approval_policy", "the policy set changed after the request; ask again")
    if request.bound != bound_digest(intent, entities.snapshot):
        raise UnitRefusedError(
            "approval_binding", "an entity that the intent names changed after the request; ask again"
        )
    counted: dict[str, set[EntityRef]] = {}
    for given in request.given:
        person = state.persons.get(given.person)
        if person is None:
            continue
        try:
            authenticate(person, digest=request.digest, signature=given.signature)
            approver_may(
                policy.compiled, given.key, intent, entities.snapshot, given.person, now_ms=now_us // 1000,
                surroundings=surroundings_of(context.scope),
            )  # fmt: skip
        except IntendedError:
            continue
        counted.setdefault(given.key, set()).add(given.person)
    keys = satisfied(waiting.alternatives, counted)
    if keys is None:
        raise UnitRefusedError("approval_quorum", "not enough of the approvers still have the standing to approve")
    return ApprovedUse(approval_id=row.key, keys=keys, row=row)
