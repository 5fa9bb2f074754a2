"""The naive half that has no expressions: who is evaluated, and what the rules' answers come to. Shares no code with `combine`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.types import Schema

__all__ = ["Meaning", "Said", "answer", "denied", "hops", "link_carries"]

Due = tuple[str, Any]  # an obligation's name and its tagged values
Need = tuple[str, EntityRef]  # an approval block and the group that it asks


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """The answer: `outcome` allow, escalate or deny; `kind` of a deny; determining rules; approval keys of each alternative.

    `obligations`: (name, tagged values). `comparisons`: (rule, meter, over), of an Allow.
    """

    outcome: str
    kind: str
    rules: tuple[str, ...]
    alternatives: frozenset[frozenset[str]]
    obligations: frozenset[Due] = frozenset()
    comparisons: frozenset[tuple[str, str, bool]] = frozenset()


@dataclass(slots=True)
class Said:
    """What the rules said for one hop: by effect, the rules that hold with what each asks for and obliges."""

    erring: set[str] = field(default_factory=set)
    permit: dict[str, frozenset[Need]] = field(default_factory=dict)
    forbid: dict[str, frozenset[Need]] = field(default_factory=dict)
    escalate: dict[str, frozenset[Need]] = field(default_factory=dict)
    due: dict[str, tuple[Due, ...]] = field(default_factory=dict)


def denied(kind: str, rules: set[str] | None = None, due: frozenset[Due] = frozenset()) -> Meaning:
    """A deny of this kind."""
    return Meaning(
        outcome="deny", kind=kind, rules=tuple(sorted(rules or ())), alternatives=frozenset(), obligations=due
    )


def hops(schema: Schema, intent: ValidIntent) -> list[EntityRef]:
    """Each principal that is evaluated; empty when the intent has no chain from a root to its principal."""
    people: list[Any] = [intent.principal] if not intent.chain else [intent.chain[0]["issuer"]]
    for grant in intent.chain:
        if grant["issuer"] != people[-1] or grant["subject"] in people:
            return []
        people.append(grant["subject"])
    if people[-1] != intent.principal or not schema.entities[people[0].type].root:
        return []
    return people if schema.actions[intent.action].delegation else [intent.principal]


def link_carries(grant: Mapping[str, Any], action: str, now_ms: int) -> bool:
    """Whether authority for `action` may run through this grant now."""
    timely = grant["not_before"] <= now_ms < grant["not_after"]
    return bool(grant["verified"] and grant["narrower"] and timely and action in grant["actions"])


def answer(
    said: list[Said], intent: ValidIntent, *, now_ms: int, approved: frozenset[str],
    comparisons: frozenset[tuple[str, str, bool]],
) -> Meaning:  # fmt: skip
    """The most restrictive answer over all hops."""
    erring = {rule for one in said for rule in one.erring}
    if erring:
        return denied("error", erring)
    forbids = {rule for one in said for rule in one.forbid}
    if forbids:
        return _settled(denied("forbid", forbids), said, forbids)
    if not all(one.permit for one in said):
        return denied("default")
    names = _names(said)
    ways = [frozenset[str]()]
    granted: set[str] = set()
    waiting: set[str] = set()
    for one in said:
        gates = {names[need] for needs in one.escalate.values() for need in needs}
        wanted = {rule: frozenset({names[need] for need in needs} | gates) for rule, needs in one.permit.items()}
        ways = list({way | more for way in ways for more in wanted.values()})
        if len(said) > 1 and len(ways) > 64:
            return denied("error")
        met = sorted({(len(keys), tuple(sorted(keys))) for keys in wanted.values() if keys <= approved})
        if met:
            granted |= {rule for rule, keys in wanted.items() if tuple(sorted(keys)) == met[0][1]}
        else:
            waiting |= set(one.escalate or one.permit)
    everything = {rule for one in said for rule in (*one.permit, *one.escalate)}
    if waiting:
        made = Meaning(outcome="escalate", kind="", rules=tuple(sorted(waiting)), alternatives=frozenset(ways))
    else:
        made = Meaning(
            outcome="allow", kind="", rules=tuple(sorted(granted)), alternatives=frozenset(), comparisons=comparisons
        )
    made = _settled(made, said, everything)
    if made.outcome != "deny" and not all(link_carries(grant, intent.action, now_ms) for grant in intent.chain):
        return denied("chain_missing")
    return made


def _names(said: list[Said]) -> dict[Need, str]:
    """The key of each need: a block that asks several groups is told apart by them."""
    needs = {need for one in said for rules in (one.permit, one.escalate) for found in rules.values() for need in found}
    groups = {key: {group for other, group in needs if other == key} for key, _ in needs}
    return {(key, group): key if len(groups[key]) == 1 else f"{key}@{group}" for key, group in needs}


def _settled(made: Meaning, said: list[Said], rules: set[str]) -> Meaning:
    """The answer with the obligations of these rules; a name with two meanings is an error."""
    found: dict[str, set[Any]] = {}
    for one in said:
        for rule in rules & set(one.due):
            for name, values in one.due[rule]:
                found.setdefault(name, set()).add(values)
    if any(len(values) > 1 for values in found.values()):
        by_rule = sorted((rule, due) for one in said for rule in rules & set(one.due) for due in one.due[rule])
        return denied("error", _quarrel(by_rule))
    due = frozenset((name, values) for name, held in found.items() for values in held)
    return Meaning(
        outcome=made.outcome, kind=made.kind, rules=made.rules, alternatives=made.alternatives, obligations=due,
        comparisons=made.comparisons,
    )  # fmt: skip


def _quarrel(by_rule: list[tuple[str, Due]]) -> set[str]:
    """The first two rules, in order, that do not agree."""
    for at, (rule, (name, values)) in enumerate(by_rule):
        for other, (other_name, other_values) in by_rule[:at]:
            if other_name == name and other_values != values:
                return {other, rule}
    return set()
