"""decide: one intent against one compiled set and one snapshot. Pure: no clock, no I/O, no state.

Every rule whose scope matches is evaluated; any error in one makes the whole answer Deny(error). Whatever escapes is an error too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from intended_core.engine.combine import Failed, Matched, combine
from intended_core.errors import AccessDeniedError
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.compiler import CompiledApproval, CompiledPolicySet, CompiledRule
from intended_core.lang.fuse import NotPreparedError
from intended_core.lang.operations import EvaluationError
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from intended_core.outcome import Allow, ApprovalRequirement, Deny, Escalate, Reason

__all__ = ["ApproverAccepted", "approver_may", "decide"]

MAX_QUORUM: Final = 16  # language.md § 1
MAX_EXPIRES_MS: Final = 30 * 24 * 3600 * 1000  # an approval that waits a month is asked again
_NO_FAILED: Final[tuple[Failed, ...]] = ()
_NONE: Final[tuple[Matched, ...]] = ()
_DEFAULT: Final = Deny(kind="default", reasons=(Reason(text="no permit matches this intent"),))


class ApproverAccepted:
    """A person who may count for a requirement. Made only by `approver_may`."""

    __slots__ = ("key", "ref")

    def __init__(self, *, key: str, ref: EntityRef) -> None:
        self.key = key
        self.ref = ref


def decide(
    compiled: CompiledPolicySet,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    *,
    now_ms: int,
    approved: frozenset[str] = frozenset(),
    surroundings: Surroundings = NO_SURROUNDINGS,
) -> Allow | Escalate | Deny:
    """The outcome of `intent`. `now_ms`: UTC milliseconds. `approved`: keys of approval blocks that have their quorum.

    `surroundings`: the tenant, and the values of params and tables; the chain comes from the intent.
    """
    if not approved:
        plan = compiled.plans.get(intent.action)
        if plan is not None:
            try:
                found: Allow | Deny | _Waiting = plan(intent, snapshot, now_ms, surroundings)
            except NotPreparedError as missing:
                found = _prepare(missing)
            except Exception:  # noqa: BLE001 - a plan knows no errors: the general loop finds it again and names it
                return _walk(compiled, intent, snapshot, now_ms, approved, surroundings, None)
            if isinstance(found, _Waiting):
                return _walk(compiled, intent, snapshot, now_ms, approved, surroundings, found.rules)
            return found
    return _walk(compiled, intent, snapshot, now_ms, approved, surroundings, None)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The rules that matched, where the outcome depends on values of theirs (an approval): they are asked again for those."""

    rules: tuple[CompiledRule, ...]


def _prepare(missing: NotPreparedError) -> Allow | Deny | _Waiting:
    """The outcome of a set of matching rules, kept for the next time."""
    rules = tuple(rule for bit, rule in enumerate(missing.answers.rules) if missing.matching >> bit & 1)
    found: Allow | Escalate | Deny | _Waiting = _Waiting(rules)
    if not any(rule.approvals for rule in rules):
        found = combine(
            failed=_NO_FAILED, forbids=[rule.match for rule in rules if rule.effect == "forbid"], gates=_NONE,
            permits=[rule.match for rule in rules if rule.effect == "permit"], approved=frozenset(),
        )  # fmt: skip
    if isinstance(found, Escalate) or any(rule.effect == "escalate" and not rule.approvals for rule in rules):
        found = _Waiting(rules)
    missing.answers.keep(missing.matching, found)
    return found


def _walk(
    compiled: CompiledPolicySet,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    now_ms: int,
    approved: frozenset[str],
    surroundings: Surroundings,
    rules: tuple[CompiledRule, ...] | None,
) -> Allow | Escalate | Deny:
    """The general loop: every rule of the bucket in turn, or only `rules` where it is known that all others answer false."""
    principal, resource = intent.principal, intent.resource
    attributes, ancestors = snapshot.attributes, snapshot.ancestors
    if principal not in ancestors or resource not in ancestors:
        missing = principal if principal not in ancestors else resource
        return Deny(kind="error", reasons=(Reason(text=f"{missing} is not a known entity"),))
    if principal.type not in compiled.roots:
        return Deny(
            kind="chain_missing",
            reasons=(Reason(text=f"a {principal.type} may act only with a delegation chain that ends at a root"),),
        )
    if rules is None:
        bucket = compiled.index.get((intent.action, principal.type, resource.type))
        if bucket is None:
            return _DEFAULT
        rules = bucket.general
        if bucket.by_resource:
            rules += bucket.by_resource.get(resource, ())
        if bucket.by_principal:
            rules += bucket.by_principal.get(principal, ())
    args, context, origins = intent.args, intent.context, intent.origins
    above_principal, above_resource = ancestors[principal], ancestors[resource]
    failed: list[Failed] | None = None
    forbids: list[Matched] | None = None
    gates: list[Matched] | None = None
    permits: list[Matched] | None = None
    for rule in rules:
        if rule.principal_equal is not None and rule.principal_equal != principal:
            continue
        if rule.resource_equal is not None and rule.resource_equal != resource:
            continue
        groups = rule.principal_within
        if groups and principal not in groups and above_principal.isdisjoint(groups):
            continue
        groups = rule.resource_within
        if groups and resource not in groups and above_resource.isdisjoint(groups):
            continue
        found = rule.match
        try:
            condition = rule.condition
            if condition is not None:
                answer = condition(
                    principal, resource, args, context, now_ms, attributes, ancestors, origins, None, surroundings
                )
                if answer is False:
                    continue
                if answer is not True:
                    raise EvaluationError("a condition did not answer true or false")
            if rule.approvals:
                needs = tuple(
                    [_requirement(rule, block, intent, snapshot, now_ms, surroundings) for block in rule.approvals]
                )
                found = Matched(rule.id, rule.because, rule.place, needs)
        except Exception as error:  # noqa: BLE001 - an error in any rule in scope denies, whatever it is
            failed = failed or []
            failed.append(Failed(rule.id, rule.place, _cause(error)))
            continue
        if rule.effect == "permit":
            if permits is None:
                permits = [found]
            else:
                permits.append(found)
        elif rule.effect == "forbid":
            forbids = forbids or []
            forbids.append(found)
        else:
            gates = gates or []
            gates.append(found)
    return combine(
        failed=failed or _NO_FAILED,
        forbids=forbids or _NONE,
        gates=gates or _NONE,
        permits=permits or _NONE,
        approved=approved,
    )


def _cause(error: Exception) -> str:
    if isinstance(error, KeyError) and error.args and isinstance(error.args[0], EntityRef):
        return f"{error.args[0]} is not a known entity"
    if isinstance(error, EvaluationError):
        return str(error)
    return f"the rule could not be evaluated ({type(error).__name__})"


def _requirement(
    rule: CompiledRule,
    block: CompiledApproval,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    now_ms: int,
    surroundings: Surroundings,
) -> ApprovalRequirement:
    values = (
        intent.principal, intent.resource, intent.args, intent.context, now_ms, snapshot.attributes, snapshot.ancestors,
        intent.origins, None, surroundings,
    )  # fmt: skip
    quorum = block.quorum(*values)
    expires = block.expires(*values)
    if not 1 <= quorum <= MAX_QUORUM:
        raise EvaluationError(f"a quorum of {quorum} is outside 1..{MAX_QUORUM}")
    if not 0 < expires <= MAX_EXPIRES_MS:
        raise EvaluationError("an approval expires after 1 ms to 30 days")
    exclude = frozenset() if block.exclude is None else block.exclude(*values)
    return ApprovalRequirement(
        key=block.key, rule=rule.id, group=block.group(*values), quorum=quorum, exclude=exclude, expires_ms=expires
    )


def approver_may(
    compiled: CompiledPolicySet,
    key: str,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    approver: EntityRef,
    *,
    now_ms: int,
    surroundings: Surroundings = NO_SURROUNDINGS,
) -> ApproverAccepted:
    """That `approver` may count for the approval block `key` of this intent; raises AccessDeniedError with the reason."""
    found = compiled.approvals.get((intent.action, key))
    if found is None:
        raise _refused("the policy set asks for no such approval")
    rule, block = found
    if approver == intent.principal:
        raise _refused("nobody approves their own intent")
    above = snapshot.ancestors.get(approver)
    if above is None:
        raise _refused(f"{approver} is not a known entity")
    try:
        need = _requirement(rule, block, intent, snapshot, now_ms, surroundings)
        if approver in need.exclude:
            raise _refused(f"{approver} is excluded from approving this")
        if need.group not in above:
            raise _refused(f"{approver} is not in {need.group}")
        for condition in block.conditions:
            answer = condition(
                intent.principal, intent.resource, intent.args, intent.context, now_ms, snapshot.attributes,
                snapshot.ancestors, intent.origins, approver, surroundings,
            )  # fmt: skip
            if answer is not True:
                raise _refused(f"{approver} does not meet the approval's conditions")
    except AccessDeniedError:
        raise
    except Exception as error:  # noqa: BLE001 - who cannot be judged may not approve
        raise _refused(_cause(error)) from None
    return ApproverAccepted(key=key, ref=approver)


def _refused(text: str) -> AccessDeniedError:
    return AccessDeniedError(text, outcome=Deny(kind="forbid", reasons=(Reason(text=text),)))
