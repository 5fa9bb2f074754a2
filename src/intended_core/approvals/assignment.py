"""Who counts for which requirement: an exact assignment, so that neither the order of approvals nor of requirements decides.

A person counts once, over all requirements of all rules (language.md § 1). Somebody who may serve two requirements is therefore moved to
the one that needs them when a later person can only serve the other: maximum bipartite matching by augmenting paths, which finds a full
assignment whenever there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from intended_core.ids import EntityRef
from intended_core.outcome import ApprovalRequirement

__all__ = ["Assigned", "Eligible", "assign", "choose", "counts_for", "is_full"]

Eligible: TypeAlias = Mapping[EntityRef, frozenset[str]]  # person -> keys of the requirements that they may serve
Assigned: TypeAlias = dict[str, tuple[EntityRef, ...]]  # key -> who counts for it, in the order of their names


def assign(requirements: Sequence[ApprovalRequirement], eligible: Eligible) -> Assigned:
    """As many persons as can count for `requirements`, each for one at most, and no requirement above its quorum."""
    quorum = {item.key: item.quorum for item in requirements}
    serving: dict[EntityRef, str] = {}
    count = dict.fromkeys(quorum, 0)
    for person in sorted(eligible):
        _place(person, eligible, quorum, serving, count, set())
    return {key: tuple(sorted(each for each, served in serving.items() if served == key)) for key in quorum}


def _place(
    person: EntityRef, eligible: Eligible, quorum: Mapping[str, int], serving: dict[EntityRef, str], count: dict[str, int],
    seen: set[str],
) -> bool:  # fmt: skip
    """One augmenting path from `person`; `seen` bounds it to one visit per requirement."""
    for key in sorted(eligible[person]):
        if key in seen or key not in quorum:
            continue
        seen.add(key)
        if count[key] < quorum[key]:
            serving[person] = key
            count[key] += 1
            return True
        for other in sorted(each for each, served in serving.items() if served == key):
            if _place(other, eligible, quorum, serving, count, seen):
                serving[person] = key  # `other` serves elsewhere now: this requirement keeps its number
                return True
    return False


def counts_for(
    alternatives: Sequence[Sequence[ApprovalRequirement]], before: Eligible, person: EntityRef, may: frozenset[str]
) -> str:
    """A requirement that `person`, who may serve `may`, brings nearer to its quorum; "" when everybody they could stand for is there."""
    after = {**before, person: may}
    for requirements in alternatives:
        assigned = assign(requirements, after)
        if _placed(assigned) > _placed(assign(requirements, before)):
            return next((key for key, people in assigned.items() if person in people), requirements[0].key)
    return ""


def _placed(assigned: Assigned) -> int:
    return sum(len(people) for people in assigned.values())


def is_full(requirements: Sequence[ApprovalRequirement], assigned: Assigned) -> bool:
    """Whether every requirement has its quorum; none at all is never full."""
    return bool(requirements) and all(len(assigned.get(item.key, ())) >= item.quorum for item in requirements)


def choose(alternatives: Sequence[Sequence[ApprovalRequirement]], eligible: Eligible) -> Assigned | None:
    """The assignment of the first alternative that these persons meet in full, or None."""
    for requirements in alternatives:
        assigned = assign(requirements, eligible)
        if is_full(requirements, assigned):
            return assigned
    return None
