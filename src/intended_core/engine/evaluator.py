"""decide: one intent against one compiled set and one snapshot. Pure: no clock, no I/O, no state.

Every rule whose scope matches is evaluated; any error in one makes the whole answer Deny(error). Whatever escapes is an error too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from intended_core.engine.approvers import ApproverAccepted, approver_may
from intended_core.engine.combine import Failed, Matched, combine
from intended_core.engine.delegation import no_chain
from intended_core.engine.hops import decide_hops
from intended_core.engine.matching import arguments, cause_of, matched
from intended_core.errors import StoreCorruptError
from intended_core.intent import ValidIntent
from intended_core.lang.compiler import CompiledPolicySet, CompiledRule
from intended_core.lang.fuse import NotPreparedError
from intended_core.lang.operations import EvaluationError
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from intended_core.outcome import Allow, Deny, Escalate, Reason

__all__ = ["ApproverAccepted", "approver_may", "decide"]

_NO_FAILED: Final[tuple[Failed, ...]] = ()
_NONE: Final[tuple[Matched, ...]] = ()
_DEFAULT: Final = Deny(kind="default", reasons=(Reason(text="no permit matches this intent"),))


def decide(
    compiled: CompiledPolicySet,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    *,
    now_ms: int,
    approved: frozenset[str] = frozenset(),
    surroundings: Surroundings = NO_SURROUNDINGS,
    readings: Mapping[str, int] | None = None,
) -> Allow | Escalate | Deny:
    """The outcome of `intent`. `now_ms`: UTC milliseconds. `approved`: keys of approval blocks that have their quorum.

    `surroundings`: the tenant, and the values of params and tables; the chain comes from the intent. `readings`: used + reserved of
    each meter that counts the intent (`metering.meter_uses` says which), in the meter's unit; a level that is not given denies.
    """
    if intent.chain or (compiled.meters and intent.action in compiled.meters):
        return _hops(compiled, intent, snapshot, now_ms, approved, surroundings, readings)
    if not approved:
        try:
            found: Allow | Escalate | Deny | _Waiting = compiled.plans[intent.action](intent, snapshot, now_ms, surroundings)
        except NotPreparedError as missing:
            found = _prepare(missing)
        except Exception:  # noqa: BLE001 - there is no plan, or it met an error, of which it knows none: the general loop names it
            return _walk(compiled, intent, snapshot, now_ms, approved, surroundings, None)
        if found.__class__ is not _Waiting:
            return found  # type: ignore[return-value]
        return _walk(compiled, intent, snapshot, now_ms, approved, surroundings, found.rules)
    return _walk(compiled, intent, snapshot, now_ms, approved, surroundings, None)


def _hops(
    compiled: CompiledPolicySet,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    now_ms: int,
    approved: frozenset[str],
    surroundings: Surroundings,
    readings: Mapping[str, int] | None,
) -> Allow | Escalate | Deny:
    try:
        return decide_hops(
            compiled, intent, snapshot, now_ms=now_ms, approved=approved, surroundings=surroundings, readings=readings
        )
    except StoreCorruptError as error:
        return _unreadable(error)


def _unreadable(error: StoreCorruptError) -> Deny:
    """The answer of a set that cannot be made ready, to everything."""
    return Deny(kind="error", reasons=(Reason(text=str(error)),))


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The rules that matched, where the outcome depends on values of theirs (approvals, obligations): they are asked again for those."""

    rules: tuple[CompiledRule, ...]


def _prepare(missing: NotPreparedError) -> Allow | Escalate | Deny | _Waiting:
    """The outcome of a set of matching rules, kept for the next time."""
    rules = tuple(rule for bit, rule in enumerate(missing.answers.rules) if missing.matching >> bit & 1)
    found: Allow | Escalate | Deny | _Waiting = _Waiting(rules)
    if not any(rule.asks for rule in rules):  # every gate asks: one without an approval does not check
        found = combine(
            failed=_NO_FAILED, forbids=[rule.match for rule in rules if rule.effect == "forbid"], gates=_NONE,
            permits=[rule.match for rule in rules if rule.effect == "permit"], approved=frozenset(),
        )  # fmt: skip
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
        return no_chain(principal)
    if rules is None:
        try:
            bucket = compiled.index.get((intent.action, principal.type, resource.type))
        except StoreCorruptError as error:
            return _unreadable(error)
        if bucket is None:
            return _DEFAULT
        rules = bucket.general
        if bucket.by_resource:
            rules += bucket.by_resource.get(resource, ())
        if bucket.by_principal:
            rules += bucket.by_principal.get(principal, ())
    args, context, origins = intent.args, intent.context, intent.origins
    above_principal, above_resource = ancestors[principal], ancestors[resource]
    failed: list[Failed] = []
    forbids: list[Matched] = []
    gates: list[Matched] = []
    permits: list[Matched] = []
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
            found = matched(rule, arguments(principal, intent, snapshot, now_ms, surroundings)) if rule.asks else rule.match
        except Exception as error:  # noqa: BLE001 - an error in any rule in scope denies, whatever it is
            failed.append(Failed(rule.id, rule.place, cause_of(error)))
        else:
            (permits if rule.effect == "permit" else forbids if rule.effect == "forbid" else gates).append(found)
    return combine(failed=failed, forbids=forbids, gates=gates, permits=permits, approved=approved)
