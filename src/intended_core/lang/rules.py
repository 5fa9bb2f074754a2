"""Rules: scopes, clauses and approvals, typed once for each action that the rule can speak of.

A rule with an action clause must type for each action it names; one without it has a body for each action it can be typed for.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Final, Literal

from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang import ast
from intended_core.lang.approvals import approval_of, wrap
from intended_core.lang.diagnostics import Diagnostic, suggest
from intended_core.lang.expressions import ExprTyper
from intended_core.lang.flow import NOTHING, Binding, Env, is_path
from intended_core.lang.grants import chain_type
from intended_core.lang.meters import check_meters, meter_test
from intended_core.lang.obligations import check_obligations, oblige
from intended_core.lang.polarity import check_polarity
from intended_core.lang.report import Refused, Report, refuse
from intended_core.lang.schema import Declarations
from intended_core.lang.typed import (
    Approval,
    Binary,
    Clause,
    Literal_,
    MeterTest,
    Oblige,
    Root,
    Rule,
    RuleBody,
    ScopeTest,
    Span,
    TypedExpr,
    Unary,
    Var,
)
from intended_core.lang.types import BOOL, DATETIME, ActionDecl, EntityType
from intended_core.lang.walk import cost

__all__ = ["RuleChecker"]

_ONCE: Final = frozenset({"principal", "action", "resource", "because", "valid", "meter"})
_SEVERITIES: Final = ("low", "medium", "high", "critical")
_ANNOTATIONS: Final = ("id", "severity", "owner", "control")
MAX_BECAUSE: Final = 500  # characters; it is shown to people beside each outcome


class RuleChecker:
    """Checks the rules of one set."""

    def __init__(self, decls: Declarations, report: Report) -> None:
        self.decls = decls
        self.report = report
        self.typer = ExprTyper(decls)
        self.meters = check_meters(self.typer, report)
        self.obligations = check_obligations(self.typer, report)
        self.used_limits: set[str] = set()
        self.ids: dict[str, Span] = {}
        self.names: dict[str, Span] = {}

    def rule(self, decl: ast.RuleDecl) -> Rule | None:
        """The checked rule, or None after reporting why not."""
        before = len(self.report.errors)
        annotations = self._annotations(decl)
        rule_id = annotations.pop("id", decl.name.text)
        self._name(decl)
        clauses = self._once(decl)
        tests = {word: ScopeTest() for word in ("principal", "resource")}
        for word in tests:
            scope = clauses.get(word)
            if isinstance(scope, ast.ScopeDecl):
                try:
                    tests[word] = self._scope(scope)
                except Refused as error:
                    self.report.add(error.diagnostic)
        because = clauses.get("because", "")
        if isinstance(because, str) and not (len(because) <= MAX_BECAUSE and (because.isprintable() or not because)):
            message = f"`because` has at most {MAX_BECAUSE} printable characters"
            self.report.error("limit.string", message, decl.head, cause="it is shown to people beside each outcome")
        self._approval_count(decl)
        self._meter_place(decl)
        if len(self.report.errors) > before:
            self._try_bodies(decl, rule_id, tests, clauses)
            return None
        bodies = self._try_bodies(decl, rule_id, tests, clauses)
        if len(self.report.errors) > before or not bodies:
            return None
        return Rule(
            rule_id, decl.name.text, _effect(decl.effect), tests["principal"], tests["resource"], bodies, str(because),
            dict(sorted(annotations.items())), decl.head,
        )  # fmt: skip

    def _annotations(self, decl: ast.RuleDecl) -> dict[str, str]:
        found: dict[str, str] = {}
        for note in decl.annotations:
            if note.name not in _ANNOTATIONS:
                hint = suggest(note.name, _ANNOTATIONS) or "rules have @id, @severity, @owner and @control"
                self.report.error("annotation.unknown", f"`@{note.name}` is not known on a rule", note.span, help=hint)
                continue
            value = note.args[0] if len(note.args) == 1 else None
            if (
                not isinstance(value, ast.LiteralExpr)
                or value.kind != "str"
                or not 0 < len(value.text) <= 128
                or not value.text.isprintable()
            ):
                message = f"`@{note.name}` takes one string of 1-128 printable characters"
                self.report.error("annotation.value", message, note.span, help=f'write `@{note.name}("…")`')
            elif note.name in found:
                self.report.error("field.repeated", f"`@{note.name}` stands twice", note.span)
            elif note.name == "severity" and value.text not in _SEVERITIES:
                hint = suggest(value.text, _SEVERITIES) or f"one of {', '.join(_SEVERITIES)}"
                self.report.error("annotation.value", f'"{value.text}" is not a severity', note.span, help=hint)
            else:
                found[note.name] = value.text
                if note.name == "id":
                    self._id(value.text, note.span)
        meant = any(note.name == "id" or suggest(note.name, ("id",)) for note in decl.annotations)
        if not meant:
            self.report.error(
                "rule.id", f"the rule `{decl.name.text}` has no @id", decl.head, cause="decisions and the log name rules by @id",
                help=f'write `@id("{decl.name.text}")` before it',
            )  # fmt: skip
        return found

    def _id(self, text: str, span: Span) -> None:
        if not text.isascii() or "#" in text or " " in text:
            self.report.error("annotation.value", "an @id is ASCII without spaces and without #", span)
        elif text in self.ids:
            self.report.error(
                "rule.id", f'the @id "{text}" is already taken', span, help=f"it stands first at {self.ids[text]}"
            )
        else:
            self.ids[text] = span

    def _name(self, decl: ast.RuleDecl) -> None:
        name = decl.name
        if name.text in self.names:
            self.report.error(
                "name.duplicate",
                f"the rule `{name.text}` is declared twice",
                name.span,
                help=f"first at {self.names[name.text]}",
            )
        self.names.setdefault(name.text, name.span)

    def _once(self, decl: ast.RuleDecl) -> dict[str, object]:
        found: dict[str, object] = {}
        for clause in decl.clauses:
            if isinstance(clause.value, ast.Unsupported):
                self.report.unsupported(clause.value.what, clause.value.span)
            elif clause.kind in _ONCE:
                if clause.kind in found:
                    hint = "join the conditions in one clause" if clause.kind not in ("because", "meter") else ""
                    self.report.error(
                        "field.repeated", f"`{clause.kind}` stands twice in this rule", clause.span, help=hint
                    )
                found[clause.kind] = clause.value
        return found

    def _approval_count(self, decl: ast.RuleDecl) -> None:
        blocks = [clause for clause in decl.clauses if clause.kind == "approval"]
        if decl.effect == "forbid" and blocks:
            self.report.error(
                "clause.misplaced",
                "a forbid has no `approval`: it always wins",
                blocks[0].span,
                help="use `escalate` to ask people",
            )
        if decl.effect == "escalate" and not blocks:
            self.report.error(
                "field.missing",
                "an escalate says who is asked",
                decl.head,
                help="add `approval { from: …; quorum: 1; expires: 1h; }`",
            )

    def _meter_place(self, decl: ast.RuleDecl) -> None:
        for clause in decl.clauses:
            if clause.kind == "meter" and decl.effect == "permit":
                self.report.error(
                    "clause.misplaced", "a permit does not ask a meter: limits hold whichever permit grants", clause.span,
                    help="ask it in a `forbid` or an `escalate`",
                )  # fmt: skip
            name = clause.value[0] if clause.kind == "meter" and isinstance(clause.value, tuple) else None
            if name is None or name.text in self.meters:
                continue
            if name.text not in self.decls.meters:
                hint = suggest(name.text, self.decls.meters) or "declare it with `meter`"
                self.report.error("name.unknown", f"there is no meter `{name.text}`", name.span, help=hint)

    def _scope(self, scope: ast.ScopeDecl) -> ScopeTest:
        types: tuple[str, ...] | None = None
        if scope.types is not None:
            for name in scope.types:
                if name.text not in self.decls.schema.entities:
                    hint = suggest(name.text, self.decls.schema.entities)
                    raise refuse("name.unknown", f"there is no entity type `{name.text}`", name.span, help=hint)
            types = tuple(sorted({name.text for name in scope.types}))
        equal = None if scope.equal is None else self._ref(scope.equal)
        within = None if scope.within is None else tuple(sorted({self._ref(item) for item in scope.within}))
        return ScopeTest(types, equal, within)

    def _ref(self, expr: ast.EntityExpr) -> EntityRef:
        try:
            return self.typer.entity_ref(expr)
        except IntentError as error:
            raise refuse("type.literal", error.problem, expr.span) from None

    # bodies

    def _named(self, decl: ast.RuleDecl) -> tuple[ast.Name, ...] | None:
        for clause in decl.clauses:
            if clause.kind == "action" and isinstance(clause.value, tuple):
                return clause.value
            if clause.kind == "action" and isinstance(clause.value, ast.Name):
                group = self.decls.groups.get(clause.value.text)
                if group is None:
                    hint = suggest(clause.value.text, self.decls.groups) or "write `action == …` for one action"
                    message = f"there is no action group `{clause.value.text}`"
                    self.report.error("name.unknown", message, clause.value.span, help=hint)
                return tuple(ast.Name(name, clause.value.span) for name in group or ())
        return None

    def _try_bodies(
        self, decl: ast.RuleDecl, rule_id: str, tests: Mapping[str, ScopeTest], clauses: Mapping[str, object]
    ) -> dict[str, RuleBody]:
        actions = self.decls.schema.actions
        named = self._named(decl)
        metered = self._metered(clauses)
        if metered is not None:
            if not metered:
                return {}
            for name in named or ():
                if name.text in actions and name.text not in metered:
                    message = f"the meter does not count `{name.text}`"
                    self.report.error("meter.scope", message, name.span, help=f"it counts {', '.join(sorted(metered))}")
                    return {}
            actions = {name: action for name, action in actions.items() if name in metered}
        if named is None and isinstance(clauses.get("action"), ast.Unsupported):
            return {}
        bodies: dict[str, RuleBody] = {}
        if named is not None:
            for name in named:
                if name.text not in actions:
                    hint = suggest(name.text, actions) or f"declared are {', '.join(sorted(actions)[:12])}"
                    self.report.error("name.unknown", f"there is no action `{name.text}`", name.span, help=hint)
                    continue
                if name.text in bodies:
                    self.report.error("field.repeated", f"`{name.text}` stands twice", name.span)
                    continue
                roots = self._roots(actions[name.text], tests)
                if roots is None:
                    message = f"the scope of this rule never meets the action `{name.text}`"
                    self.report.error(
                        "rule.never-applies",
                        message,
                        name.span,
                        help="compare with the action's principal and resource types",
                    )
                    continue
                try:
                    bodies[name.text] = self._body(decl, rule_id, roots, actions[name.text])
                except Refused as error:
                    self.report.add(error.diagnostic)
            return dict(sorted(bodies.items()))
        return self._untold(decl, rule_id, tests, actions)

    def _metered(self, clauses: Mapping[str, object]) -> frozenset[str] | None:
        """The actions of the meter that the rule asks; None when it asks none, empty when that meter is refused."""
        asked = clauses.get("meter")
        if not isinstance(asked, tuple):
            return None
        meter = self.meters.get(asked[0].text)
        return frozenset() if meter is None else frozenset(meter.bodies)

    def _untold(
        self, decl: ast.RuleDecl, rule_id: str, tests: Mapping[str, ScopeTest], actions: Mapping[str, ActionDecl]
    ) -> dict[str, RuleBody]:
        bodies: dict[str, RuleBody] = {}
        failed: list[tuple[str, Diagnostic]] = []
        for name, action in sorted(actions.items()):
            roots = self._roots(action, tests)
            if roots is None:
                continue
            try:
                bodies[name] = self._body(decl, rule_id, roots, action)
            except Refused as error:
                failed.append((name, error.diagnostic))
        for name, diagnostic in failed:
            if not bodies or diagnostic.code not in (
                "type.member",
                "type.unrelated",
                "type.mismatch",
                "type.operator",
                "type.condition",
            ):
                self.report.add(diagnostic)
            elif decl.effect != "permit":
                self.report.warn(
                    "lint.narrowing-skips-action", f"`{decl.name.text}` cannot speak of the action `{name}` and does not narrow it",
                    decl.head, cause=diagnostic.message, help="name the actions it is for with `action in […]`",
                )  # fmt: skip
        if not bodies and not failed and self.decls.schema.actions:
            self.report.error("rule.never-applies", "no declared action meets the scope of this rule", decl.head)
        elif not self.decls.schema.actions:
            self.report.error(
                "rule.never-applies", "the set declares no action that this rule could speak of", decl.head
            )
        return bodies

    def _roots(self, action: ActionDecl, tests: Mapping[str, ScopeTest]) -> dict[str, EntityType] | None:
        made: dict[str, EntityType] = {}
        for word, declared in (("principal", action.principals), ("resource", action.resources)):
            test = tests[word]
            names = [name for name in declared if self._meets(name, test)]
            if not names:
                return None
            made[word] = EntityType(tuple(sorted(names)))
        return made

    def _meets(self, name: str, test: ScopeTest) -> bool:
        if test.types is not None and name not in test.types:
            return False
        if test.equal is not None and test.equal.type != name:
            return False
        return test.within is None or any(self.decls.below(name, ref.type) for ref in test.within)

    def _body(self, decl: ast.RuleDecl, rule_id: str, roots: Mapping[str, EntityType], action: ActionDecl) -> RuleBody:
        self.typer.start()
        env = Env(
            roots={**roots, "args": action.args, "context": action.context, "chain": chain_type(self.decls.schema, action)},
            names={}, facts=NOTHING, origins={}, fresh=count(1),
        )  # fmt: skip
        lets: list[tuple[str, TypedExpr]] = []
        conditions: list[Clause] = []
        approvals: list[Approval] = []
        lets_used: list[tuple[ast.Name, Binding]] = []
        meter: MeterTest | None = None
        obliges: list[Oblige] = []
        for clause in decl.clauses:
            value = clause.value
            if clause.kind == "let" and isinstance(value, tuple):
                name, expr = value
                self.typer.check_new_name(name, env)
                typed = self.typer.infer(expr, env)
                bound = Binding(typed.expr)
                if not is_path(typed.expr) and not isinstance(typed.expr, Literal_):
                    var = Var(f"{name.text}#{next(env.fresh)}", typed.type, name.span)
                    lets.append((var.name, wrap(typed.expr, lets)))
                    bound = Binding(var)
                lets_used.append((name, bound))
                env = env.binding(name.text, bound)
            elif clause.kind in ("when", "unless") and not isinstance(value, ast.Unsupported):
                condition = self.typer.boolean(value, env)  # type: ignore[arg-type]
                facts = condition.true if clause.kind == "when" else condition.false
                made = wrap(condition.expr, lets)
                if clause.kind == "unless":
                    made = Unary("not", made, BOOL, clause.span)
                check_polarity(made, decl.effect, action)
                conditions.append(Clause("when" if clause.kind == "when" else "unless", made, clause.span))
                env = env.knowing(facts)
            elif clause.kind == "valid" and isinstance(value, tuple):
                made = wrap(self._valid(value, clause.span, env), lets)
                check_polarity(made, decl.effect, action)
                conditions.append(Clause("when", made, clause.span))
        for clause in decl.clauses:
            if clause.kind == "approval" and isinstance(clause.value, ast.ApprovalDecl):
                key = f"{rule_id}#{len(approvals) + 1}"
                approvals.append(approval_of(clause.value, key, env, self.typer, action, lets))
            elif clause.kind == "meter" and isinstance(clause.value, tuple):
                meter = meter_test(clause.value, clause.span, env, self.typer, action, self.meters, lets)
                self.used_limits.add(meter.meter)
            elif clause.kind == "oblige" and isinstance(clause.value, ast.ObligeExpr):
                obliges.append(oblige(clause.value, env, self.typer, decl.effect, action, self.obligations, lets))
                self.used_limits.add(obliges[-1].name)
        for name, binding in lets_used:
            if not binding.used:
                self.report.warn("lint.unused", f"`{name.text}` is never used", name.span)
        steps = 1 + sum(cost(item.expr) for item in conditions) + sum(_approval_cost(item) for item in approvals)
        steps += 0 if meter is None else 1 + cost(meter.ceiling)
        steps += sum(1 + sum(cost(value) for _, value in item.values) for item in obliges)
        return RuleBody(tuple(conditions), tuple(approvals), steps, meter, tuple(obliges))

    def _valid(self, value: tuple[ast.Expr, ast.Expr | None], span: Span, env: Env) -> TypedExpr:
        """`valid from a until b` as `now >= a and now < b`."""
        now = Root("now", DATETIME, span)
        start = self.typer.infer(value[0], env, DATETIME).expr
        made: TypedExpr = Binary("ge", now, start, BOOL, span)
        if value[1] is None:
            return made
        end = self.typer.infer(value[1], env, DATETIME).expr
        if isinstance(start, Literal_) and isinstance(end, Literal_) and int(str(start.value)) >= int(str(end.value)):
            raise refuse("type.literal", "this rule ends before it begins", value[1].span)
        return Binary("and", made, Binary("lt", now, end, BOOL, span), BOOL, span)


def _approval_cost(approval: Approval) -> int:
    fields = [approval.group, approval.quorum, approval.expires, *approval.conditions]
    if approval.exclude is not None:
        fields.append(approval.exclude)
    return sum(cost(item) for item in fields)


def _effect(text: str) -> Literal["permit", "forbid", "escalate"]:
    return "permit" if text == "permit" else "forbid" if text == "forbid" else "escalate"
