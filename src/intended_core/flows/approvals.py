"""Approvals as decisions spend them: who of those who signed counts today, and the step APPROVED → USED inside the decision's unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from intended_core.access.persons import authenticate
from intended_core.access.roles import check_permitted
from intended_core.approvals.assignment import Assigned, choose
from intended_core.audit.log import LogHead
from intended_core.canonical import digest, pack
from intended_core.engine.evaluator import approver_may
from intended_core.errors import IntendedError, UnitRefusedError
from intended_core.flows.cache import ActivePolicy, LoadedEntities, ScopeState
from intended_core.flows.effects import Context, Flow
from intended_core.flows.requests import load_request, move_request, standing_request
from intended_core.flows.rows import ApprovalRow, GivenApproval
from intended_core.flows.steps import surroundings_of
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.outcome import ApprovalRequirement, Escalate
from intended_core.unit import Row, UnitView, Write

__all__ = ["ApprovedUse", "bound_digest", "count_given", "load_approval", "serves", "use_approval"]

Alternatives = tuple[tuple[ApprovalRequirement, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedUse:
    """An approval as `authorize` will spend it: who counts for which requirement, and the exact row that it read."""

    approval_id: str
    assigned: Mapping[str, tuple[EntityRef, ...]]
    row: Row

    @property
    def keys(self) -> frozenset[str]:
        """The requirements that are met."""
        return frozenset(self.assigned)

    def spend(self, context: Context, view: UnitView, head: LogHead) -> tuple[LogHead, tuple[Write, ...]]:
        """APPROVED → USED, only if the row still is the one that was read; the unit reads `request_reads`."""
        row = standing_request(context, view, head, self.row)
        if row.state != "APPROVED":
            raise UnitRefusedError("approval_state", "the approval was used, changed or withdrawn meanwhile")
        return move_request(context, view, head, row, "USED", row.body)


def load_approval(context: Context, approval_id: str) -> Flow[tuple[Row, frozenset[EntityRef]]]:
    """The request's row, authenticated, and the persons who approved it."""
    row = yield from load_request(context, approval_id)
    return row, frozenset(given.person for given in ApprovalRow.from_row(row).given)


def bound_digest(intent: ValidIntent, snapshot: TypedSnapshot) -> bytes:
    """What the entities that the intent names looked like: an approval is for them as they were shown (32 bytes)."""
    named = {(ref.type, ref.id) for ref in intent.references}
    shown = [item for item in orjson.loads(snapshot.wire) if tuple(item["ref"]) in named]
    return digest("intended.bound/v1", pack(shown))


def serves(
    context: Context,
    state: ScopeState,
    policy: ActivePolicy,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    alternatives: Alternatives,
    person: EntityRef,
    *,
    now_us: int,
) -> tuple[frozenset[str], IntendedError | None]:
    """The keys of all requirements that this person may serve now, and the last reason why they may not serve another."""
    found: set[str] = set()
    problem: IntendedError | None = None
    for key in sorted({item.key for alternative in alternatives for item in alternative}):
        try:
            approver_may(
                policy.compiled, key, intent, snapshot, person, now_ms=now_us // 1000,
                surroundings=surroundings_of(context.scope, state.data),
            )  # fmt: skip
        except IntendedError as error:
            problem = error
        else:
            found.add(key)
    return frozenset(found), problem


def count_given(
    context: Context,
    state: ScopeState,
    policy: ActivePolicy,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    alternatives: Alternatives,
    *,
    digest: bytes,
    given: Iterable[GivenApproval],
    now_us: int,
) -> dict[EntityRef, frozenset[str]]:
    """Who of those who signed still counts, and for what: registered, with the right, the signature under today's key, the standing that
    the rules ask for now. One key under two names counts once.
    """
    counted: dict[EntityRef, frozenset[str]] = {}
    keys: set[bytes] = set()
    for each in given:
        person = state.persons.get(each.person)
        if person is None or person.public_key in keys:
            continue
        try:
            check_permitted(person, "intent.approve")
            authenticate(person, digest=digest, signature=each.signature)
        except IntendedError:
            continue
        may, _ = serves(context, state, policy, intent, snapshot, alternatives, each.person, now_us=now_us)
        if may:
            counted[each.person] = may
            keys.add(person.public_key)
    return counted


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
    if request.generation != state.generation:
        raise UnitRefusedError("approval_generation", "the approval is of an older generation of the store; ask again")
    if request.ith != intent.ith or request.audience != audience:
        raise UnitRefusedError("approval_binding", "the approval is for another intent or another adapter")
    if request.policy != policy.digest:
        raise UnitRefusedError("approval_policy", "the policy set changed after the request; ask again")
    if request.bound != bound_digest(intent, entities.snapshot):
        raise UnitRefusedError(
            "approval_binding", "an entity that the intent names changed after the request; ask again"
        )
    eligible = count_given(
        context, state, policy, intent, entities.snapshot, waiting.alternatives, digest=request.digest, given=request.given,
        now_us=now_us,
    )  # fmt: skip
    assigned: Assigned | None = choose(waiting.alternatives, eligible)
    if assigned is None:
        raise UnitRefusedError("approval_quorum", "not enough of the approvers still have the standing to approve")
    return ApprovedUse(approval_id=row.key, assigned=assigned, row=row)
