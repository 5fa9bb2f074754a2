"""Warnings about rules that are allowed but hardly meant: gates without a permit, bare permits, permits on the caller's word."""

from __future__ import annotations

from collections.abc import Sequence

from intended_core.lang.constants import constant_of
from intended_core.lang.report import Report
from intended_core.lang.schema import Declarations
from intended_core.lang.typed import (
    AttributeOf,
    EntityIn,
    MemberOf,
    OriginOf,
    Root,
    Rule,
    RuleBody,
    ScopeTest,
    TableOf,
    TypedExpr,
)
from intended_core.lang.types import ActionDecl, RecordType
from intended_core.lang.walk import walk

__all__ = ["lint_rules", "reads_now"]


def lint_rules(decls: Declarations, rules: Sequence[Rule], report: Report) -> None:
    """Report what looks unintended in a set that has no errors."""
    permitted = {action for rule in rules if rule.effect == "permit" for action in rule.bodies}
    for rule in rules:
        for action, body in sorted(rule.bodies.items()):
            if rule.effect == "escalate" and action not in permitted:
                report.warn(
                    "lint.gate-without-permit", f"no rule permits `{action}`, so `{rule.name}` has nothing to hold back", rule.span,
                    cause="a gate never grants: the answer stays deny", help="add a permit, or give this approval to one",
                )  # fmt: skip
            if rule.effect == "permit":
                _permit(decls.schema.actions[action], rule, body, report)


def reads_now(rule: Rule) -> bool:
    """Whether any part of the rule asks for the time."""
    for body in rule.bodies.values():
        asked = [clause.expr for clause in body.clauses]
        for approval in body.approvals:
            asked += [approval.group, approval.quorum, approval.expires, *approval.conditions]
            asked += [] if approval.exclude is None else [approval.exclude]
        asked += [] if body.meter is None else [body.meter.ceiling]
        asked += [value for item in body.obliges for _, value in item.values]
        if any(_of_now(node) for expr in asked for node in walk(expr)):
            return True
    return False


def _of_now(node: TypedExpr) -> bool:
    """The time itself, or rows that may be too old by now."""
    if isinstance(node, TableOf):
        return node.max_age_ms is not None
    return isinstance(node, Root) and node.name == "now"


def _permit(action: ActionDecl, rule: Rule, body: RuleBody, report: Report) -> None:
    if rule.principal != ScopeTest() or rule.resource != ScopeTest() or body.approvals:
        return
    if not all(_caller_only(clause.expr, action) for clause in body.clauses):
        return
    if all(constant_of(clause.expr) is True for clause in body.clauses):
        message = f"`{rule.name}` permits every `{action.name}` by everybody"
        report.warn(
            "lint.bare-permit", message, rule.span, help='name who may: `principal in Group::"…";`, or add a `when`'
        )
        return
    report.warn(
        "lint.caller-word", f"`{rule.name}` rests on what the caller says alone", rule.span,
        cause="the submitting agent gives args and @from(caller) members itself",
        help="ask an attribute, an origin or a host-given member as well",
    )  # fmt: skip


def _caller_only(expr: object, action: ActionDecl) -> bool:
    for node in walk(expr):  # type: ignore[arg-type]
        if isinstance(node, AttributeOf | EntityIn | OriginOf | TableOf):
            return False
        if isinstance(node, Root) and node.name in ("principal", "resource", "now"):
            return False
        if isinstance(node, MemberOf) and isinstance(node.base, Root) and node.base.name == "context":
            member = action.context.member(node.name)
            if member is not None and not member.from_caller and not isinstance(member.type, RecordType):
                return False
    return True
