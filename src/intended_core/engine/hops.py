"""The whole way of a decision, for intents that meters count or that come through a chain. The short way is in `evaluator`.

Every hop is evaluated on its own under one `now`, one snapshot and one set of levels; what the rules contribute is combined once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from intended_core.engine.combine import Failed, HopRules, combine_hops
from intended_core.engine.delegation import hops_of, unsound_link
from intended_core.engine.matching import arguments, cause_of, in_scope, matched
from intended_core.engine.metering import Levels, compare, levels_of, meter_uses
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.compiler import CompiledPolicySet, CompiledRule
from intended_core.lang.operations import EvaluationError
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.surroundings import Surroundings
from intended_core.outcome import Allow, Deny, Escalate, MeterComparison, Reason

__all__ = ["decide_hops", "rules_for"]


def decide_hops(
    compiled: CompiledPolicySet,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    *,
    now_ms: int,
    approved: frozenset[str],
    surroundings: Surroundings,
    readings: Mapping[str, int] | None,
) -> Allow | Escalate | Deny:
    """The outcome, as `evaluator.decide` promises it."""
    for ref in (intent.principal, intent.resource):
        if ref not in snapshot.ancestors:
            return Deny(kind="error", reasons=(Reason(text=f"{ref} is not a known entity"),))
    hops = hops_of(compiled, intent)
    if isinstance(hops, Deny):
        return hops
    for hop in hops:
        if hop not in snapshot.ancestors:
            return Deny(kind="error", reasons=(Reason(text=f"{hop} is not a known entity"),))
    if intent.chain:
        surroundings = replace(surroundings, chain=intent.chain)
    uses = meter_uses(compiled, intent, snapshot, now_ms=now_ms, surroundings=surroundings)
    if isinstance(uses, Deny):
        return uses
    levels = levels_of(compiled, intent.action, uses, readings)
    if isinstance(levels, Deny):
        return levels
    comparisons: set[MeterComparison] = set()
    found = [_hop(compiled, intent, hop, snapshot, now_ms, surroundings, levels, comparisons) for hop in hops]
    asked = tuple(sorted(comparisons, key=lambda item: (item.rule, item.ceiling)))
    outcome = combine_hops(found, approved=approved, reservations=uses, comparisons=asked)
    if isinstance(outcome, Deny):
        return outcome
    refused = unsound_link(intent, now_ms)
    return outcome if refused is None else refused


def rules_for(compiled: CompiledPolicySet, action: str, principal: EntityRef, resource: EntityRef) -> tuple[CompiledRule, ...]:
    """The rules of the index that could speak of these."""
    bucket = compiled.index.get((action, principal.type, resource.type))
    if bucket is None:
        return ()
    return bucket.general + bucket.by_resource.get(resource, ()) + bucket.by_principal.get(principal, ())


def _hop(
    compiled: CompiledPolicySet, intent: ValidIntent, principal: EntityRef, snapshot: TypedSnapshot, now_ms: int,
    surroundings: Surroundings, levels: Levels, comparisons: set[MeterComparison],
) -> HopRules:  # fmt: skip
    found = HopRules(principal=principal)
    values = arguments(principal, intent, snapshot, now_ms, surroundings)
    for rule in rules_for(compiled, intent.action, principal, intent.resource):
        if in_scope(rule, principal, intent.resource, snapshot) is None:
            continue
        try:
            if rule.condition is not None:
                answer = rule.condition(*values)
                if answer is False:
                    continue
                if answer is not True:
                    raise EvaluationError("a condition did not answer true or false")
            if rule.meter is not None:
                asked = compare(rule.id, rule.meter, levels, values)
                comparisons.add(asked)
                if not asked.over:
                    continue
            made = matched(rule, values) if rule.asks else rule.match
        except Exception as error:  # noqa: BLE001 - an error in any rule in scope denies, whatever it is
            found.failed.append(Failed(rule.id, rule.place, cause_of(error)))
            continue
        {"permit": found.permits, "forbid": found.forbids}.get(rule.effect, found.gates).append(made)
    return found
