"""From rule results to an outcome: the only maker of Allow.

One total order: error > forbid > escalate > permit > default deny. Permits are alternatives; gates (`escalate`) never
grant and hold for all of them. The order of rules, files and duplicates does not matter: everything is sorted by rule id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.lang.compiler import Matched
from intended_core.outcome import Allow, ApprovalRequirement, Deny, Escalate, Reason

__all__ = ["Failed", "Matched", "combine"]

MAX_ALONE: Final = 16_384
_ALONE: dict[int, tuple[Matched, Allow]] = {}


@dataclass(frozen=True, slots=True)
class Failed:
    """A rule whose scope matched and that could not be evaluated."""

    rule: str
    place: str
    cause: str


def combine(
    *,
    failed: Sequence[Failed],
    forbids: Sequence[Matched],
    gates: Sequence[Matched],
    permits: Sequence[Matched],
    approved: frozenset[str],
) -> Allow | Escalate | Deny:
    """The outcome. `approved`: keys of approval blocks that have their quorum; they never lift a forbid or an error."""
    if failed:
        ordered = sorted(failed, key=lambda item: (item.rule, item.cause))
        reasons = tuple(Reason(rule=item.rule, text=item.cause, place=item.place) for item in ordered)
        return Deny(kind="error", reasons=reasons, rules=_ids(ordered))
    if forbids:
        return Deny(kind="forbid", reasons=_reasons(forbids), rules=_ids(forbids))
    if not permits:
        return Deny(kind="default", reasons=(Reason(text="no permit matches this intent"),))
    if not gates and not approved:
        if len(permits) == 1 and not permits[0].approvals:
            return _granted(permits[0])
        bare = [item for item in permits if not item.approvals]
        if bare:
            return Allow(rules=_ids(bare), reasons=_reasons(bare))
    gate_needs = _unique(need for gate in gates for need in gate.approvals)
    alternatives: dict[tuple[ApprovalRequirement, ...], list[Matched]] = {}
    for permit in permits:
        needs = _unique((*permit.approvals, *gate_needs))
        alternatives.setdefault(needs, []).append(permit)
    for needs in sorted(alternatives, key=lambda item: (len(item), [need.key for need in item])):
        if all(need.key in approved for need in needs):
            granted = alternatives[needs]
            return Allow(rules=_ids(granted), reasons=_reasons(granted), approvals=tuple(need.key for need in needs))
    waiting = gates or permits
    ordered_needs = tuple(sorted(alternatives, key=lambda item: (len(item), [need.key for need in item])))
    return Escalate(alternatives=ordered_needs, rules=_ids(waiting), reasons=_reasons(waiting))


def _granted(permit: Matched) -> Allow:
    """The Allow of one permit alone: the same value for the same rule, made once."""
    known = _ALONE.get(id(permit))
    if known is not None and known[0] is permit:
        return known[1]
    made = Allow(rules=(permit.rule,), reasons=_reasons((permit,)))
    if len(_ALONE) >= MAX_ALONE:
        _ALONE.clear()
    _ALONE[id(permit)] = (permit, made)
    return made


def _unique(needs: Iterable[ApprovalRequirement]) -> tuple[ApprovalRequirement, ...]:
    found: dict[str, ApprovalRequirement] = {}
    for need in needs:
        found[need.key] = need
    return tuple(found[key] for key in sorted(found))


def _ids(items: Sequence[Matched] | Sequence[Failed]) -> tuple[str, ...]:
    return tuple(sorted({item.rule for item in items}))


def _reasons(items: Sequence[Matched]) -> tuple[Reason, ...]:
    if len(items) == 1:
        only = items[0]
        return (Reason(rule=only.rule, text=only.because, place=only.place),)
    unique = {item.rule: item for item in items}
    return tuple(Reason(rule=name, text=unique[name].because, place=unique[name].place) for name in sorted(unique))
