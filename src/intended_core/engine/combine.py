"""From rule results to an outcome: the only maker of Allow.

One total order: error > forbid > escalate > permit > default deny. Permits are alternatives; gates (`escalate`) never
grant and hold for all of them. The order of rules, files and duplicates does not matter: everything is sorted by rule id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from intended_core.ids import EntityRef
from intended_core.lang.compiler import Matched
from intended_core.outcome import (
    Allow,
    ApprovalRequirement,
    Deny,
    Escalate,
    MeterComparison,
    MeterUse,
    Obligation,
    Reason,
)

__all__ = ["MAX_ALTERNATIVES", "Failed", "HopRules", "Matched", "combine", "combine_hops"]

MAX_ALONE: Final = 16_384
MAX_ALTERNATIVES: Final = 64  # ways of approving that an answer lists; hops multiply them
_ALONE: dict[int, tuple[Matched, Allow]] = {}


@dataclass(frozen=True, slots=True)
class Failed:
    """A rule whose scope matched and that could not be evaluated."""

    rule: str
    place: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HopRules:
    """What the rules said for one hop of an intent's chain."""

    principal: EntityRef
    failed: list[Failed] = field(default_factory=list)
    forbids: list[Matched] = field(default_factory=list)
    gates: list[Matched] = field(default_factory=list)
    permits: list[Matched] = field(default_factory=list)


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
        return _erred(failed)
    if forbids:
        return _forbidden(forbids)
    if not permits:
        return Deny(kind="default", reasons=(Reason(text="no permit matches this intent"),))
    if not gates and not approved:
        if len(permits) == 1 and not permits[0].approvals and not permits[0].obligations:
            return _granted(permits[0])
        bare = [item for item in permits if not item.approvals]
        if bare:
            return _obliged(Allow(rules=_ids(bare), reasons=_reasons(bare)), permits)
    gate_needs = _unique(need for gate in gates for need in gate.approvals)
    alternatives: dict[tuple[ApprovalRequirement, ...], list[Matched]] = {}
    for permit in permits:
        needs = _unique((*permit.approvals, *gate_needs))
        alternatives.setdefault(needs, []).append(permit)
    for needs in sorted(alternatives, key=lambda item: (len(item), [need.key for need in item])):
        if all(need.key in approved for need in needs):
            granted = alternatives[needs]
            allowed = Allow(rules=_ids(granted), reasons=_reasons(granted), approvals=tuple(need.key for need in needs))
            return _obliged(allowed, (*permits, *gates))
    waiting = gates or permits
    ordered_needs = tuple(sorted(alternatives, key=lambda item: (len(item), [need.key for need in item])))
    return _obliged(
        Escalate(alternatives=ordered_needs, rules=_ids(waiting), reasons=_reasons(waiting)), (*permits, *gates)
    )


def combine_hops(
    hops: Sequence[HopRules],
    *,
    approved: frozenset[str],
    reservations: tuple[MeterUse, ...] = (),
    comparisons: tuple[MeterComparison, ...] = (),
) -> Allow | Escalate | Deny:
    """The most restrictive answer over all hops, as one outcome: every hop must be granted, and every gate of every hop holds.

    What different hops ask of one approval block becomes one requirement when they name the same group: the larger quorum, all
    exclusions, the shorter life. Otherwise each group is asked, under a key of its own (`rule-id#n@group`).
    """
    failed = [item for hop in hops for item in hop.failed]
    if failed:
        return _erred(failed)
    forbids = [item for hop in hops for item in hop.forbids]
    if forbids:
        return _forbidden(forbids)
    for hop in hops:
        if not hop.permits:
            text = "no permit matches this intent" if len(hops) == 1 else f"no permit matches this intent for {hop.principal}"
            return Deny(kind="default", reasons=(Reason(text=text),))
    merged = _merged([need for hop in hops for item in (*hop.gates, *hop.permits) for need in item.approvals])
    ways: set[frozenset[ApprovalRequirement]] = {frozenset()}
    granted: list[Matched] = []
    used: set[str] = set()
    waiting: list[Matched] = []
    for hop in hops:
        gates = {merged[need.key, need.group] for gate in hop.gates for need in gate.approvals}
        options: dict[frozenset[ApprovalRequirement], list[Matched]] = {}
        for permit in hop.permits:
            needs = gates | {merged[need.key, need.group] for need in permit.approvals}
            options.setdefault(frozenset(needs), []).append(permit)
        met = [needs for needs in sorted(options, key=_order) if all(need.key in approved for need in needs)]
        if met:
            granted += options[met[0]]
            used.update(need.key for need in met[0])
        else:
            waiting += hop.gates or hop.permits
        ways = {way | needs for way in ways for needs in options}
        if len(hops) > 1 and len(ways) > MAX_ALTERNATIVES:  # one hop has no more ways than rules
            return Deny(kind="error", reasons=(Reason(text=f"more than {MAX_ALTERNATIVES} ways of approving this"),))
    everything = [item for hop in hops for item in (*hop.permits, *hop.gates)]
    if waiting:
        alternatives = tuple(tuple(sorted(way, key=_key)) for way in sorted(ways, key=_order))
        return _obliged(
            Escalate(alternatives=alternatives, rules=_ids(waiting), reasons=_reasons(waiting)), everything
        )
    allowed = Allow(
        rules=_ids(granted), reasons=_reasons(granted), approvals=tuple(sorted(used)), reservations=reservations,
        comparisons=comparisons,
    )  # fmt: skip
    return _obliged(allowed, everything)


def _merged(needs: Sequence[ApprovalRequirement]) -> dict[tuple[str, EntityRef], ApprovalRequirement]:
    groups: dict[str, set[EntityRef]] = {}
    found: dict[tuple[str, EntityRef], ApprovalRequirement] = {}
    for need in needs:
        groups.setdefault(need.key, set()).add(need.group)
        known = found.get((need.key, need.group), need)
        found[need.key, need.group] = replace(
            known, quorum=max(known.quorum, need.quorum), exclude=known.exclude | need.exclude,
            expires_ms=min(known.expires_ms, need.expires_ms),
        )  # fmt: skip
    return {
        (key, group): need if len(groups[key]) == 1 else replace(need, key=f"{key}@{group}")
        for (key, group), need in found.items()
    }


def _key(need: ApprovalRequirement) -> str:
    return need.key


def _order(needs: frozenset[ApprovalRequirement]) -> tuple[int, list[str]]:
    return len(needs), sorted(need.key for need in needs)


def _erred(failed: Sequence[Failed]) -> Deny:
    ordered = sorted(set(failed), key=lambda item: (item.rule, item.cause))
    reasons = tuple(Reason(rule=item.rule, text=item.cause, place=item.place) for item in ordered)
    return Deny(kind="error", reasons=reasons, rules=_ids(ordered))


def _forbidden(forbids: Sequence[Matched]) -> Deny:
    denied = Deny(kind="forbid", reasons=_reasons(forbids), rules=_ids(forbids))
    if not any(item.obligations for item in forbids):
        return denied
    due = _joined(forbids)
    return due if isinstance(due, Deny) else replace(denied, obligations=due)


def _obliged(outcome: Allow | Escalate, items: Sequence[Matched]) -> Allow | Escalate | Deny:
    """The outcome with the obligations of all these rules; two of one name with different values are an error."""
    if not any(item.obligations for item in items):
        return outcome
    due = _joined(items)
    return due if isinstance(due, Deny) else replace(outcome, obligations=due)


def _joined(items: Sequence[Matched]) -> tuple[Obligation, ...] | Deny:
    found: dict[str, tuple[Obligation, str]] = {}
    for item in sorted(items, key=lambda entry: entry.rule):
        for due in item.obligations:
            known, rule = found.setdefault(due.name, (due, item.rule))
            if known != due:
                text = f"`{due.name}` is due with different values"
                return Deny(kind="error", reasons=(Reason(text=text),), rules=tuple(sorted({rule, item.rule})))
    return tuple(found[name][0] for name in sorted(found))


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
