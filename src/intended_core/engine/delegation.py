"""Delegation: whose hops an intent has, and whether its chain of grants is one that authority may run through.

A chain leads from a root to the principal. On an action with `delegation: intersect` the same intent is evaluated for every hop and the
most restrictive answer counts. No link grants that is unverified, out of its time, wider than the one before it or for other actions.
"""

from __future__ import annotations

from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.compiler import CompiledPolicySet
from intended_core.outcome import Deny, Reason
from intended_core.values import Record

__all__ = ["hops_of", "no_chain", "unsound_link"]


def hops_of(compiled: CompiledPolicySet, intent: ValidIntent) -> tuple[EntityRef, ...] | Deny:
    """Each principal that the intent is evaluated for, the root first; Deny(chain_missing) when no chain leads from a root to it."""
    chain = intent.chain
    principal = intent.principal
    if not chain:
        if principal.type in compiled.roots:
            return (principal,)
        return no_chain(principal)
    start = _ref(chain[0], "issuer")
    if start.type not in compiled.roots:
        return _missing(f"the delegation chain ends at {start}, and a {start.type} is not a root")
    seen = [start]
    for grant in chain:
        if _ref(grant, "issuer") != seen[-1]:
            return _missing(f"the delegation chain is broken between {seen[-1]} and {_ref(grant, 'issuer')}")
        subject = _ref(grant, "subject")
        if subject in seen:
            return _missing(f"the delegation chain comes back to {subject}")
        seen.append(subject)
    if seen[-1] != principal:
        return _missing(f"the delegation chain leads to {seen[-1]}, not to {principal}")
    return tuple(seen) if compiled.schema.actions[intent.action].delegation else (principal,)


def no_chain(principal: EntityRef) -> Deny:
    """The answer to a principal that is no root and brings no chain."""
    return _missing(f"a {principal.type} may act only with a delegation chain that ends at a root")


def unsound_link(intent: ValidIntent, now_ms: int) -> Deny | None:
    """Deny(chain_missing) for the first link that may not carry this intent; None when every link may."""
    for grant in intent.chain:
        actions = grant["actions"]
        if grant["verified"] is not True:
            problem = "is not verified"
        elif grant["narrower"] is not True:
            problem = "is wider than the grant before it"
        elif not _int(grant, "not_before") <= now_ms < _int(grant, "not_after"):
            problem = "is not valid now"
        elif not isinstance(actions, frozenset) or intent.action not in actions:
            problem = f"is not for `{intent.action}`"
        else:
            continue
        return _missing(f"the grant from {_ref(grant, 'issuer')} to {_ref(grant, 'subject')} {problem}")
    return None


def _missing(text: str) -> Deny:
    return Deny(kind="chain_missing", reasons=(Reason(text=text),))


def _ref(grant: Record, name: str) -> EntityRef:
    found = grant[name]
    if not isinstance(found, EntityRef):
        raise TypeError("a grant names entities")
    return found


def _int(grant: Record, name: str) -> int:
    found = grant[name]
    if type(found) is not int:
        raise TypeError("a grant's times are moments")
    return found
