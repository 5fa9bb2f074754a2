"""What one rule in scope contributes once its conditions hold: approvals that it asks for, obligations that it imposes."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.compiler import CompiledApproval, CompiledRule, Matched
from intended_core.lang.operations import EvaluationError
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.surroundings import Surroundings
from intended_core.outcome import ApprovalRequirement, Obligation

__all__ = ["MAX_EXPIRES_MS", "MAX_QUORUM", "Values", "arguments", "cause_of", "in_scope", "matched", "requirement"]

MAX_QUORUM: Final = 16  # language.md § 1
MAX_EXPIRES_MS: Final = 30 * 24 * 3600 * 1000  # an approval that waits a month is asked again
Values: TypeAlias = tuple[Any, ...]


def arguments(
    principal: EntityRef, intent: ValidIntent, snapshot: TypedSnapshot, now_ms: int, surroundings: Surroundings,
    approver: EntityRef | None = None,
) -> Values:  # fmt: skip
    """What compiled expressions take, in order (`lang.codegen`)."""
    return (
        principal, intent.resource, intent.args, intent.context, now_ms, snapshot.attributes, snapshot.ancestors, intent.origins,
        approver, surroundings,
    )  # fmt: skip


def in_scope(rule: CompiledRule, principal: EntityRef, resource: EntityRef, snapshot: TypedSnapshot) -> CompiledRule | None:
    """The rule, when its scope takes in both; scopes are constant and cannot err."""
    for ref, equal, groups in (
        (principal, rule.principal_equal, rule.principal_within),
        (resource, rule.resource_equal, rule.resource_within),
    ):
        if equal is not None and equal != ref:
            return None
        if groups and ref not in groups and snapshot.ancestors[ref].isdisjoint(groups):
            return None
    return rule


def matched(rule: CompiledRule, values: Values) -> Matched:
    """The rule's contribution; raises whatever its expressions raise."""
    needs = tuple([requirement(rule, block, values) for block in rule.approvals])
    due = tuple(
        [
            Obligation(
                name=item.name, phase=item.phase,
                values={name: wire(part(*values)) for name, part, wire in item.values},
            )
            for item in rule.obliges
        ]
    )  # fmt: skip
    return Matched(rule.id, rule.because, rule.place, needs, due)


def requirement(rule: CompiledRule, block: CompiledApproval, values: Values) -> ApprovalRequirement:
    """What the block asks for; raises EvaluationError for a quorum or a time out of range."""
    quorum = block.quorum(*values)
    expires = block.expires(*values)
    if not 1 <= quorum <= MAX_QUORUM:
        raise EvaluationError(f"a quorum of {quorum} is outside 1..{MAX_QUORUM}")
    if not 0 < expires <= MAX_EXPIRES_MS:
        raise EvaluationError("an approval expires after 1 ms to 30 days")
    exclude = frozenset() if block.exclude is None else frozenset(block.exclude(*values))
    return ApprovalRequirement(
        key=block.key, rule=rule.id, group=block.group(*values), quorum=quorum, exclude=exclude, expires_ms=expires
    )


def cause_of(error: Exception) -> str:
    """Why an expression has no value, in one sentence."""
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], EntityRef):
        return f"{error.args[0]} is not a known entity"
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
        return f"`{error.args[0]}` is not there"
    if isinstance(error, EvaluationError):
        return str(error)
    return f"the rule could not be evaluated ({type(error).__name__})"
