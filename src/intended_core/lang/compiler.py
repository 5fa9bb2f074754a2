"""Checked rules to Python code objects, built through `ast` (never by pasting text), one per shape of condition.

The shape is the expression without its constants; equal shapes share a code object and bind their constants as arguments. A compiled set is
immutable and indexed by action, principal type and resource type, then by constant entities, so that cost does not grow with rules
that cannot match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from intended_core.ids import EntityRef, Scope
from intended_core.lang import typed as t
from intended_core.lang.codegen import Compiled, compile_condition
from intended_core.lang.compiled_limits import (
    CompiledMeter,
    CompiledOblige,
    CompiledTest,
    compile_meters,
    compile_oblige,
    compile_test,
)
from intended_core.lang.fuse import Fusible, Plan
from intended_core.lang.keptset import KeptSet
from intended_core.lang.loading import collector_paused
from intended_core.lang.mentions import constants_of
from intended_core.lang.ondemand import Actions, MadeAction, OnDemand
from intended_core.lang.plans import plan_set
from intended_core.lang.typed import Approval, CheckedPolicySet, Meter, Rule
from intended_core.lang.types import Schema
from intended_core.outcome import ApprovalRequirement, Obligation

__all__ = ["Bucket", "CompiledApproval", "CompiledPolicySet", "CompiledRule", "Matched", "compile_kept", "compile_set"]

Condition: TypeAlias = Callable[..., Any]
_EMPTY: Final[tuple[CompiledRule, ...]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledApproval:
    """An approval block; each part is a compiled expression over the same arguments as a condition."""

    key: str
    group: Condition
    quorum: Condition
    exclude: Condition | None
    expires: Condition
    conditions: tuple[Condition, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Matched:
    """A rule whose scope and conditions hold, with the approvals it asks for and what it obliges (already evaluated)."""

    rule: str
    because: str
    place: str
    approvals: tuple[ApprovalRequirement, ...] = ()
    obligations: tuple[Obligation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """A rule for one action. `within` tests hold constant entities; `condition` is None when there is nothing to ask.

    `match`: what it contributes when it holds and asks for nothing more; `asks`: whether it asks for approvals, a meter or obligations.
    """

    id: str
    name: str
    effect: str
    because: str
    place: str
    principal_equal: EntityRef | None
    principal_within: frozenset[EntityRef]
    resource_equal: EntityRef | None
    resource_within: frozenset[EntityRef]
    condition: Condition | None
    approvals: tuple[CompiledApproval, ...]
    match: Matched
    meter: CompiledTest | None = None
    obliges: tuple[CompiledOblige, ...] = ()
    asks: bool = False


@dataclass(frozen=True, slots=True)
class Bucket:
    """The rules of one (action, principal type, resource type): those for any resource, and those for one constant resource."""

    general: tuple[CompiledRule, ...]
    by_resource: Mapping[EntityRef, tuple[CompiledRule, ...]]
    by_principal: Mapping[EntityRef, tuple[CompiledRule, ...]]


@dataclass(frozen=True, slots=True)
class CompiledPolicySet:
    """An immutable set, ready to decide. `constants`: every entity that a policy names. Made only by `compile_set`.

    `plans`: by action, the fused function where there is one (`lang.fuse`); `index` serves everything. Looking an action up in `plans`,
    `index` or `approvals` compiles it; StoreCorruptError where that cannot be done (`lang.ondemand`).
    """

    tenant: str
    digest: bytes
    schema: Schema
    index: Mapping[tuple[str, str, str], Bucket]
    roots: frozenset[str]
    constants: frozenset[EntityRef]
    approvals: Mapping[tuple[str, str], tuple[CompiledRule, CompiledApproval]]
    plans: Mapping[str, Plan]
    meters: Mapping[str, tuple[CompiledMeter, ...]] = field(default_factory=dict)
    tzdata: str = ""

    def ready(self) -> None:
        """Compile every action now; raises what cannot be compiled."""
        len(self.index)


Prove: TypeAlias = Callable[[CompiledPolicySet, str], None]


def compile_set(checked: CheckedPolicySet, *, scope: Scope | None = None, prove: Prove | None = None) -> CompiledPolicySet:
    """Lay out the set; each action is compiled when it is first asked for (`ready` compiles all of them).

    `prove`: what an action that was just compiled must pass before it is answered; it gets a set in which that action alone is compiled.
    """
    with collector_paused():
        by_action: dict[str, list[Rule]] = {}
        for rule in sorted(checked.rules, key=lambda item: item.id):
            for action in rule.bodies:
                by_action.setdefault(action, []).append(rule)
        return _laid_out(
            scope, checked.text_digest, checked.schema, checked.meters, constants_of(checked.rules, checked.meters.values()),
            checked.tzdata, by_action, by_action.__getitem__, prove,
        )  # fmt: skip


def compile_kept(kept: KeptSet, *, scope: Scope | None = None, prove: Prove | None = None) -> CompiledPolicySet:
    """The same from a kept form, of which an action's part is read when it is first asked for."""
    return _laid_out(
        scope, kept.digest, kept.schema, kept.meters, kept.constants, kept.tzdata, kept.actions, kept.rules, prove
    )  # fmt: skip


def _laid_out(
    scope: Scope | None, digest: bytes, schema: Schema, meters: Mapping[str, Meter], constants: frozenset[EntityRef], tzdata: str,
    names: Iterable[str], rules: Callable[[str], Sequence[Rule]], prove: Prove | None,
) -> CompiledPolicySet:  # fmt: skip
    """`rules`: those of an action, in order of their ids."""
    roots = frozenset(name for name, declared in schema.entities.items() if declared.root)
    counted = compile_meters(meters)

    def make(action: str) -> MadeAction:
        with collector_paused():
            # What meters count takes the whole way (`engine.hops`).
            plan, index, approvals = _action(schema, roots, action, rules(action), planned=action not in counted)
        if prove is not None:
            prove(replace(whole, index=index, approvals=approvals, plans={} if plan is None else {action: plan}), action)
        return plan, index, approvals

    actions = Actions(names, make)
    whole = CompiledPolicySet(
        tenant="" if scope is None else scope.key, digest=digest, schema=schema, index=OnDemand(actions, actions.index), roots=roots,
        constants=constants, approvals=OnDemand(actions, actions.approvals), plans=actions.plans, meters=counted, tzdata=tzdata,
    )  # fmt: skip
    return whole


def _action(schema: Schema, roots: frozenset[str], action: str, rules: Iterable[Rule], *, planned: bool) -> MadeAction:
    index: dict[
        tuple[str, str, str],
        tuple[list[CompiledRule], dict[EntityRef, list[CompiledRule]], dict[EntityRef, list[CompiledRule]]],
    ] = {}
    approvals: dict[tuple[str, str], tuple[CompiledRule, CompiledApproval]] = {}
    fusible: list[tuple[str, Fusible]] = []
    declared = schema.actions[action]
    for rule in rules:
        made = _rule(rule, action)
        fusible.append((action, Fusible(rule, rule.bodies[action], made)))
        for approval in made.approvals:
            approvals[(action, approval.key)] = (made, approval)
        for principal in _fitting(rule.principal.types, rule.principal.equal, declared.principals):
            for resource in _fitting(rule.resource.types, rule.resource.equal, declared.resources):
                general, by_resource, by_principal = index.setdefault((action, principal, resource), ([], {}, {}))
                if made.resource_equal is not None:
                    by_resource.setdefault(made.resource_equal, []).append(made)
                elif made.principal_equal is not None:
                    by_principal.setdefault(made.principal_equal, []).append(made)
                else:
                    general.append(made)
    buckets = {
        key: Bucket(
            tuple(general),
            {ref: tuple(rules) for ref, rules in by_resource.items()},
            {ref: tuple(rules) for ref, rules in by_principal.items()},
        )
        for key, (general, by_resource, by_principal) in index.items()
    }
    return plan_set(schema, roots, fusible).get(action) if planned else None, buckets, approvals


def _fitting(types: tuple[str, ...] | None, equal: EntityRef | None, declared: tuple[str, ...]) -> tuple[str, ...]:
    wanted = declared if types is None else tuple(name for name in declared if name in types)
    return wanted if equal is None else tuple(name for name in wanted if name == equal.type)


def _rule(rule: Rule, action: str) -> CompiledRule:
    body = rule.bodies[action]
    return CompiledRule(
        id=rule.id, name=rule.name, effect=rule.effect, because=rule.because, place=str(rule.span),
        principal_equal=rule.principal.equal, principal_within=frozenset(rule.principal.within or ()),
        resource_equal=rule.resource.equal, resource_within=frozenset(rule.resource.within or ()),
        condition=compile_condition([clause.expr for clause in body.clauses]) if body.clauses else None,
        approvals=tuple(_approval(approval) for approval in body.approvals),
        match=Matched(rule.id, rule.because, str(rule.span)), meter=compile_test(body.meter),
        obliges=tuple(compile_oblige(item) for item in body.obliges),
        asks=bool(body.approvals or body.meter or body.obliges),
    )  # fmt: skip


def _approval(approval: Approval) -> CompiledApproval:
    one: Callable[[t.TypedExpr], Compiled] = lambda expr: compile_condition([expr])  # noqa: E731
    return CompiledApproval(
        key=approval.key, group=one(approval.group), quorum=one(approval.quorum),
        exclude=None if approval.exclude is None else one(approval.exclude), expires=one(approval.expires),
        conditions=tuple(one(condition) for condition in approval.conditions), place=str(approval.span),
    )  # fmt: skip
