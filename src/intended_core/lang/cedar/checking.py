"""Strict validation of Cedar policies against a schema: each policy for every kind of request that it can speak of.

Names are looked up everywhere, also behind conditions that are never true. What passes becomes typed rules, one per policy and kind of
request.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from intended_core.lang.cedar import ast
from intended_core.lang.cedar.expressions import NOTHING, Environment, Typer
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.cedar.types import BoolT, CedarSchema
from intended_core.lang.diagnostics import suggest
from intended_core.lang.report import Refused, Report
from intended_core.lang.source import Source
from intended_core.lang.typed import Clause, Rule, RuleBody, ScopeTest, Span, Unary
from intended_core.lang.types import BOOL
from intended_core.lang.walk import cost

__all__ = ["PolicyChecker", "linked"]

MAX_KINDS: Final = 50_000  # each is typed on its own: half a minute of loading at most
_NODES: Final = ast.Expr.__args__


@dataclass(frozen=True, slots=True)
class _Kept:
    clauses: tuple[Clause, ...]
    never: bool


class PolicyChecker:
    """Checks policies one at a time and reports what is wrong."""

    def __init__(self, schema: CedarSchema, report: Report) -> None:
        self.schema = schema
        self.report = report
        self.kinds = 0
        self.action_types = {ref.type for ref in schema.actions}

    def rules(self, policy: ast.Policy, source: Source) -> tuple[Rule, ...]:
        """The policy's rules, empty when something is wrong with it; a template is checked and makes none."""
        before = len(self.report.errors)
        self._names(policy, source)
        spans: dict[tuple[int, int], Span] = {}
        made: list[Rule] = []
        reached, live = False, False
        for environment in self._environments(policy):
            reached = True
            self.kinds += 1
            if self.kinds > MAX_KINDS:
                self.report.error(
                    "limit.cost", f"the policies speak of more than {MAX_KINDS:,} kinds of request", policy.span
                )
                return ()
            typer = Typer(self.schema, environment, source, spans)
            try:
                kept = self._clauses(policy, typer)
            except Refused as error:
                self.report.add(error.diagnostic)
                continue
            live = live or not kept.never
            if not policy.slots:
                made.append(self._rule(policy, environment, kept))
        if not reached:
            message = f"no action of the schema applies to what `{policy.id}` asks of principal, action and resource"
            self.report.error("rule.never-applies", message, policy.span)
        elif not live and len(self.report.errors) == before:
            self.report.warn("rule.never-applies", f"the conditions of `{policy.id}` are never true", policy.span)
        return tuple(made) if len(self.report.errors) == before else ()

    def _environments(self, policy: ast.Policy) -> Iterator[Environment]:
        for action in self.schema.actions.values():
            if not self._acts(policy.action, action.ref):
                continue
            for principal in action.principals:
                if not self._fits(policy.principal, principal):
                    continue
                for resource in action.resources:
                    if self._fits(policy.resource, resource):
                        yield Environment(
                            principal=principal, action=action.ref, resource=resource, context=action.context
                        )

    def _acts(self, scope: ast.ActionScope, action: CedarRef) -> bool:
        if scope.equal is not None:
            return scope.equal == action
        if scope.within is not None:
            return any(group == action or group in self.schema.actions[action].ancestors for group in scope.within)
        return True

    def _fits(self, scope: ast.Scope, type_: str) -> bool:
        if scope.types is not None and scope.types != type_:
            return False
        if isinstance(scope.equal, CedarRef) and scope.equal.type != type_:
            return False
        return not isinstance(scope.within, CedarRef) or self.schema.below(type_, scope.within.type)

    def _clauses(self, policy: ast.Policy, typer: Typer) -> _Kept:
        known = NOTHING
        clauses: list[Clause] = []
        for condition in policy.conditions:
            told = typer.boolean(condition.expr, known)
            span = typer.span(condition.expr)
            never = told.type == BoolT(condition.kind == "unless")
            if condition.kind == "when":
                known = known | told.true
                clauses.append(Clause("when", told.expr, span))
            else:
                clauses.append(Clause("unless", Unary("not", told.expr, BOOL, span), span))
            if never:
                return _Kept(tuple(clauses), never=True)
        return _Kept(tuple(clauses), never=False)

    def _rule(self, policy: ast.Policy, environment: Environment, kept: _Kept) -> Rule:
        body = RuleBody(clauses=kept.clauses, approvals=(), cost=1 + sum(cost(clause.expr) for clause in kept.clauses))
        name = policy.annotations.get("id", "")
        return Rule(
            id=policy.id, name=name, effect=policy.effect, principal=_scope(policy.principal, environment.principal),
            resource=_scope(policy.resource, environment.resource), bodies={str(environment.action): body}, because=name,
            annotations=policy.annotations, span=policy.span,
        )  # fmt: skip

    # --- names ------------------------------------------------------------------------------------------------------------------

    def _names(self, policy: ast.Policy, source: Source) -> None:
        for scope in (policy.principal, policy.resource):
            if scope.types is not None:
                self._type(scope.types, policy.span)
            for ref in (scope.equal, scope.within):
                if isinstance(ref, CedarRef):
                    self._ref(ref, policy.span)
        actions = [*(policy.action.within or ()), *([policy.action.equal] if policy.action.equal is not None else [])]
        for ref in actions:
            self._ref(ref, policy.span)
        if policy.action.listed and not actions:
            self.report.error("type.literal", "an empty set has no type", policy.span)
        if len({ref.type for ref in actions}) > 1:
            self.report.error("type.mismatch", "the actions of one list are of one type", policy.span)
        for condition in policy.conditions:
            for node in _inside(condition.expr):
                if isinstance(node, ast.EntityLit):
                    self._ref(node.ref, source.span(node.at, node.end))
                elif isinstance(node, ast.Is):
                    self._type(node.type, source.span(node.at, node.end))

    def _type(self, name: str, span: Span) -> None:
        if name not in self.schema.entities and name not in self.action_types:
            hint = suggest(name, self.schema.entities)
            self.report.error("name.unknown", f"there is no entity type `{name}`", span, help=hint)

    def _ref(self, ref: CedarRef, span: Span) -> None:
        if ref.type.rpartition("::")[2] == "Action":
            if ref not in self.schema.actions:
                hint = suggest(ref.id, [action.id for action in self.schema.actions])
                self.report.error("name.unknown", f"there is no action {ref}", span, help=hint)
            return
        self._type(ref.type, span)
        info = self.schema.entities.get(ref.type)
        if info is not None and info.ids is not None and ref.id not in info.ids:
            hint = suggest(ref.id, info.ids)
            self.report.error("name.unknown", f"{ref} is not one of the entities of {ref.type}", span, help=hint)


def _scope(scope: ast.Scope, type_: str) -> ScopeTest:
    equal = scope.equal if isinstance(scope.equal, CedarRef) else None
    within = (scope.within,) if isinstance(scope.within, CedarRef) else None
    return ScopeTest(types=(type_,), equal=equal, within=within)


def _inside(expr: ast.Expr) -> Iterator[ast.Expr]:
    pending: list[Any] = [expr]
    while pending:
        node = pending.pop()
        if isinstance(node, _NODES):
            yield node
            pending.extend(getattr(node, field.name) for field in fields(node))
        elif isinstance(node, tuple):
            pending.extend(node)


def linked(policy: ast.Policy, new_id: str, values: Sequence[tuple[str, CedarRef]]) -> ast.Policy | None:
    """The template with its slots filled; None unless exactly its slots are given."""
    given = dict(values)
    if set(given) != set(policy.slots) or not policy.slots:
        return None

    def fill(scope: ast.Scope) -> ast.Scope:
        equal = given[scope.equal.name] if isinstance(scope.equal, ast.Slot) else scope.equal
        within = given[scope.within.name] if isinstance(scope.within, ast.Slot) else scope.within
        return ast.Scope(types=scope.types, equal=equal, within=within)

    return ast.Policy(
        id=new_id, effect=policy.effect, annotations=policy.annotations, principal=fill(policy.principal),
        action=policy.action, resource=fill(policy.resource), conditions=policy.conditions, span=policy.span, file=policy.file,
    )  # fmt: skip
