"""Who may approve what: one person against one requirement of one intent, judged as the rules stand now."""

from __future__ import annotations

from dataclasses import replace

from intended_core.engine.delegation import hops_of
from intended_core.engine.matching import arguments, cause_of, in_scope, requirement
from intended_core.errors import AccessDeniedError
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.compiler import CompiledPolicySet
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from intended_core.outcome import Deny, Reason

__all__ = ["ApproverAccepted", "approver_may"]


class ApproverAccepted:
    """A person who may count for a requirement. Made only by `approver_may`."""

    __slots__ = ("key", "ref")

    def __init__(self, *, key: str, ref: EntityRef) -> None:
        self.key = key
        self.ref = ref


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
    """That `approver` may count for the requirement `key` of this intent; raises AccessDeniedError with the reason.

    Where an intent comes through a chain, the block is judged for every hop that it speaks of.
    """
    base, _, group = key.partition("@")
    found = compiled.approvals.get((intent.action, base))
    if found is None:
        raise _refused("the policy set asks for no such approval")
    rule, block = found
    if approver == intent.principal:
        raise _refused("nobody approves their own intent")
    above = snapshot.ancestors.get(approver)
    if above is None:
        raise _refused(f"{approver} is not a known entity")
    hops = hops_of(compiled, intent)
    if isinstance(hops, Deny):
        raise _refused(hops.reasons[0].text)
    if intent.chain:
        surroundings = replace(surroundings, chain=intent.chain)
    asked = False
    try:
        for hop in hops:
            if hop not in snapshot.ancestors:
                raise _refused(f"{hop} is not a known entity")
            values = arguments(hop, intent, snapshot, now_ms, surroundings)
            if len(hops) > 1:
                if in_scope(rule, hop, intent.resource, snapshot) is None:
                    continue
                if rule.condition is not None and rule.condition(*values) is not True:
                    continue
            need = requirement(rule, block, values)
            if group and str(need.group) != group:
                continue
            asked = True
            if approver in need.exclude:
                raise _refused(f"{approver} is excluded from approving this")
            if need.group not in above:
                raise _refused(f"{approver} is not in {need.group}")
            judged = arguments(hop, intent, snapshot, now_ms, surroundings, approver)
            if any(condition(*judged) is not True for condition in block.conditions):
                raise _refused(f"{approver} does not meet the approval's conditions")
    except AccessDeniedError:
        raise
    except Exception as error:  # noqa: BLE001 - who cannot be judged may not approve
        raise _refused(cause_of(error)) from None
    if not asked:
        raise _refused("the policy set asks for no such approval")
    return ApproverAccepted(key=key, ref=approver)


def _refused(text: str) -> AccessDeniedError:
    return AccessDeniedError(text, outcome=Deny(kind="forbid", reasons=(Reason(text=text),)))
