"""Checked rules to Python code objects, built through `ast` (never by pasting text), one per shape of condition.

The shape is the expression without its constants; equal shapes share a code object and bind their constants as arguments. A compiled set is
immutable and indexed by action, principal type and resource type, then by constant entities, so that cost does not grow with rules
that cannot match.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
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
from intended_core.lang.loading import collector_paused
from intended_core.lang.plans import plan_set
from intended_core.lang.typed import Approval, CheckedPolicySet, Meter, Rule
from intended_core.lang.types import Schema
from intended_core.lang.walk import walk
from intended_core.lang.wireforms import references
from intended_core.outcome import ApprovalRequirement, Obligation

__all__ = ["Bucket", "CompiledApproval", "CompiledPolicySet", "CompiledRule", "Matched", "compile_set"]

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

    `plans`: by action, the fused function where there is one (`lang.fuse`); `index` serves everything.
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


def compile_set(checked: CheckedPolicySet, *, scope: Scope | None = None) -> CompiledPolicySet:
    """Compile every rule body once and lay out the index."""
    with collector_paused():
        return _compile(checked, scope)


def _compile(checked: CheckedPolicySet, scope: Scope | None) -> CompiledPolicySet:
    index: dict[
        tuple[str, str, str],
        tuple[list[CompiledRule], dict[EntityRef, list[CompiledRule]], dict[EntityRef, list[CompiledRule]]],
    ] = {}
    approvals: dict[tuple[str, str], tuple[CompiledRule, CompiledApproval]] = {}
    fusible: list[tuple[str, Fusible]] = []
    meters = compile_meters(checked.meters)
    for rule in sorted(checked.rules, key=lambda item: item.id):
        for action, body in rule.bodies.items():
            made = _rule(rule, action)
            if action not in meters:  # what meters count takes the whole way (`engine.hops`)
                fusible.append((action, Fusible(rule, body, made)))
            for approval in made.approvals:
                approvals[(action, approval.key)] = (made, approval)
            declared = checked.schema.actions[action]
            for principal in _fitting(rule.principal.types, rule.principal.equal, declared.principals):
                for resource in _fitting(rule.resource.types, rule.resource.equal, declared.resources):
                    general, by_resource, by_principal = index.setdefault((action, principal, resource), ([], {}, {}))
                    if made.resource_equal is not None:
                        by_resource.setdefault(made.resource_equal, []).append(made)
                    elif made.principal_equal is not None:
                        by_principal.setdefault(made.principal_equal, []).append(made)
                    else:
                        general.append(made)
    roots = frozenset(name for name, declared in checked.schema.entities.items() if declared.root)
    return CompiledPolicySet(
        tenant="" if scope is None else scope.key,
        digest=checked.text_digest,
        schema=checked.schema,
        index={
            key: Bucket(
                tuple(general),
                {ref: tuple(rules) for ref, rules in by_resource.items()},
                {ref: tuple(rules) for ref, rules in by_principal.items()},
            )
            for key, (general, by_resource, by_principal) in index.items()
        },
        roots=roots,
        constants=frozenset(_constants(checked.rules, checked.meters.values())),
        approvals=approvals,
        plans=plan_set(checked.schema, roots, fusible),
        meters=meters,
        tzdata=checked.tzdata,
    )


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


def _constants(rules: Iterable[Rule], meters: Iterable[Meter]) -> Iterable[EntityRef]:
    for meter in meters:
        for counted in meter.bodies.values():
            for part in (*counted.key, counted.amount):
                yield from _inside(part)
    for rule in rules:
        for scope in (rule.principal, rule.resource):
            if scope.equal is not None:
                yield scope.equal
            yield from scope.within or ()
        for body in rule.bodies.values():
            for clause in body.clauses:
                yield from _inside(clause.expr)
            for block in body.approvals:
                for expr in (block.group, block.quorum, block.exclude, block.expires, *block.conditions):
                    if expr is not None:
                        yield from _inside(expr)
            for asked in (*(() if body.meter is None else (body.meter.ceiling,)), *(v for item in body.obliges for _, v in item.values)):
                yield from _inside(asked)


def _inside(expr: t.TypedExpr) -> Iterable[EntityRef]:
    for node in walk(expr):
        if isinstance(node, t.Literal_):
            yield from references(node.value)
        elif isinstance(node, t.ParamOf):
            yield from references(node.default)
