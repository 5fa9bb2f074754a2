"""`lint`: what a checked set says that its author hardly means. More opinions than `check`, which warns of the dangerous ones alone.

Everything here is found in the text and the types; nothing is proved and nothing is run. A set that lints clean can still be wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from intended_core.lang import ast
from intended_core.lang.constants import constant_of
from intended_core.lang.diagnostics import Diagnostic
from intended_core.lang.parser import parse_all
from intended_core.lang.report import Report
from intended_core.lang.source import Source
from intended_core.lang.typed import (
    AttributeOf,
    Binary,
    CheckedPolicySet,
    Like,
    Literal_,
    MemberOf,
    Rule,
    RuleBody,
    SetIn,
    SetOf,
    TypedExpr,
    Unary,
)
from intended_core.lang.types import DECIMAL, INT, STRING
from intended_core.lang.walk import semantic_form, walk

__all__ = ["conjuncts", "lint_set"]

_NETWORK: Final = re.compile(
    r"(?:^|_)(?:url|uri|host|hostname|domain|endpoint|destination|address)(?:_|$)", re.IGNORECASE
)
_LOOKS_LIKE: Final = re.compile(r"[a-z][a-z0-9+.-]*://|^[*.]*(?:[a-z0-9-]+\.)+[a-z]{2,}$", re.IGNORECASE)
_WORD: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|[A-Za-z_][A-Za-z0-9_]*')
_BOUNDS: Final = frozenset({"lt", "le", "gt", "ge", "eq"})
_Bound: TypeAlias = tuple[str, int]
_FLIPPED: Final = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


def lint_set(checked: CheckedPolicySet) -> tuple[Diagnostic, ...]:
    """Every finding, the warnings of `check` among them, in order of place."""
    report = Report()
    for warning in checked.warnings:
        if isinstance(warning, Diagnostic):
            report.add(warning)
    for rule in checked.rules:
        for action, body in sorted(rule.bodies.items()):
            _dead(rule, action, body, report)
            _network_as_text(body, report)
            _nobody_excluded(rule, body, report)
    for action in sorted(checked.schema.actions):
        _overlapping([rule for rule in checked.rules if action in rule.bodies], action, report)
    _unused(checked, report)
    return report.warnings


def conjuncts(body: RuleBody) -> list[TypedExpr]:
    """The conditions that must all hold, `and` taken apart, `not (a or b)` as `not a` and `not b`."""
    found: list[TypedExpr] = []
    todo: list[TypedExpr] = [clause.expr for clause in reversed(body.clauses)]
    while todo:
        expr = todo.pop()
        if isinstance(expr, Binary) and expr.op == "and":
            todo += [expr.right, expr.left]
        elif isinstance(expr, Unary) and expr.op == "not":
            inner = expr.operand
            if isinstance(inner, Binary) and inner.op == "or":
                todo += [
                    Unary("not", inner.right, expr.type, expr.span),
                    Unary("not", inner.left, expr.type, expr.span),
                ]
            elif isinstance(inner, Unary) and inner.op == "not":
                todo.append(inner.operand)
            else:
                found.append(expr)
        else:
            found.append(expr)
    return found


def _form(expr: TypedExpr) -> str:
    return repr(semantic_form(expr))


def _negated(expr: TypedExpr) -> str:
    if isinstance(expr, Unary) and expr.op == "not":
        return _form(expr.operand)
    if isinstance(expr, Binary) and expr.op in _FLIPPED:
        flipped: Any = _FLIPPED[expr.op]
        return _form(Binary(flipped, expr.left, expr.right, expr.type, expr.span))
    return _form(Unary("not", expr, expr.type, expr.span))


def _dead(rule: Rule, action: str, body: RuleBody, report: Report) -> None:
    """Conditions that can never hold together: constant false, a thing and its opposite, a number above 5 and below 3."""
    parts = conjuncts(body)
    forms = {_form(part) for part in parts}
    bounds: dict[str, list[tuple[str, int]]] = {}
    for part in parts:
        never = constant_of(part) is False
        never = never or _negated(part) in forms
        bound = _bound(part)
        if bound is not None:
            known = bounds.setdefault(_form(part.left), [])  # type: ignore[union-attr]
            known.append(bound)
            low, high = _between(known)
            never = never or low > high
        if never:
            report.warn(
                "lint.dead-rule", f"`{rule.name}` can never apply to `{action}`: this does not hold together with the rest", part.span,
                cause="the conditions of a rule hold together, or the rule says nothing", help="remove the rule, or the condition",
            )  # fmt: skip
            return


def _bound(part: TypedExpr) -> _Bound | None:
    """What a comparison of a number with a constant on its right says of the number: operator and constant."""
    if isinstance(part, Binary) and part.op in _BOUNDS and isinstance(part.right, Literal_) and part.left.type in (INT, DECIMAL):
        return part.op, int(str(part.right.value))
    return None


def _between(bounds: Sequence[_Bound]) -> tuple[int, int]:
    """The least and the greatest number that all of them leave."""
    low = max([value + (op == "gt") for op, value in bounds if op in ("gt", "ge", "eq")], default=-(2**200))
    high = min([value - (op == "lt") for op, value in bounds if op in ("lt", "le", "eq")], default=2**200)
    return low, high


def _network_as_text(body: RuleBody, report: Report) -> None:
    """Names of hosts and addresses compared as strings: what is canonical for one reader is another name for the next."""
    for part in conjuncts(body):
        for node in walk(part):
            operand, text = _compared(node)
            if operand is None:
                continue
            named = isinstance(operand, MemberOf | AttributeOf) and _NETWORK.search(operand.name) is not None
            if named or _LOOKS_LIKE.search(text):
                report.warn(
                    "lint.network-as-text", "a host or address is compared as text", node.span,
                    cause="`EXAMPLE.com.`, `example.com:443` and `user@example.com` are other texts and maybe the same host",
                    help="declare the member as Host, Url or Email; then write `.under(…)`, `.host()` or a pattern",
                )  # fmt: skip


def _compared(node: TypedExpr) -> tuple[TypedExpr | None, str]:
    """The String operand of a comparison and the text it is compared with."""
    if isinstance(node, Like) and node.operand.type == STRING:
        return node.operand, "*".join(node.parts)
    if isinstance(node, Binary) and node.op in ("eq", "ne") and node.left.type == STRING:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(other, Literal_):
                return one, str(other.value)
    if isinstance(node, SetIn) and node.element.type == STRING:
        return node.element, min(_texts(node.set), default="")
    return None, ""


def _texts(expr: TypedExpr) -> list[str]:
    """The constant texts of a set."""
    if isinstance(expr, Literal_) and isinstance(expr.value, frozenset):
        return [str(value) for value in expr.value]
    if isinstance(expr, SetOf):
        return [str(item.value) for item in expr.items if isinstance(item, Literal_)]
    return []


def _nobody_excluded(rule: Rule, body: RuleBody, report: Report) -> None:
    for approval in body.approvals:
        if approval.exclude is None:
            report.warn(
                "lint.approval-without-exclusion", f"anybody in the group may approve what `{rule.name}` asks, but the one who asks",
                approval.span, cause="an agent's owner, or who prepared the act, may then approve it",
                help="name them: `exclude: [context.maker];`, or `exclude: [principal];` to say that nobody else is meant",
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a rule asks, without what is always true: conditions by form, and by the form of a number what is left to it."""

    forms: frozenset[str]
    numbers: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, body: RuleBody) -> _Asked:
        """Of one body."""
        forms: set[str] = set()
        bounds: dict[str, list[_Bound]] = {}
        for part in conjuncts(body):
            bound = _bound(part)
            if bound is not None:
                bounds.setdefault(_form(part.left), []).append(bound)  # type: ignore[union-attr]
            elif constant_of(part) is not True:
                forms.add(_form(part))
        return cls(frozenset(forms), {name: _between(found) for name, found in bounds.items()})

    def held_by(self, other: _Asked) -> bool:
        """Whether all of this holds wherever `other` does, as far as the text shows. What never holds is not said twice."""
        if any(low > high for low, high in other.numbers.values()):
            return False
        for name, (low, high) in self.numbers.items():
            if name not in other.numbers or other.numbers[name][0] < low or other.numbers[name][1] > high:
                return False
        return self.forms <= other.forms


def _overlapping(rules: Sequence[Rule], action: str, report: Report) -> None:
    """Rules that say the same twice, or less than another says already."""
    asked = {rule.id: _Asked.of(rule.bodies[action]) for rule in rules}
    for at, rule in enumerate(rules):
        for number, other in enumerate(rules):
            if rule is other or rule.effect != other.effect or not _plain(rule, action) or not _plain(other, action):
                continue
            same = asked[rule.id] == asked[other.id] and _scope(rule) == _scope(other)
            if same and number < at:
                report.warn(
                    "lint.duplicate-rule", f"`{rule.name}` says of `{action}` what `{other.name}` says", rule.span,
                    help=f"`{other.name}` stands at {other.span}",
                )  # fmt: skip
                break
            if not same and asked[other.id].held_by(asked[rule.id]) and _wider(other, rule):
                report.warn(
                    "lint.shadowed-rule", f"`{rule.name}` adds nothing for `{action}`: `{other.name}` applies whenever it does", rule.span,
                    help=f"`{other.name}` stands at {other.span}",
                )  # fmt: skip
                break


def _plain(rule: Rule, action: str) -> bool:
    """Whether nothing but the effect follows from the rule."""
    body = rule.bodies[action]
    return not (body.approvals or body.obliges or body.meter is not None)


def _scope(rule: Rule) -> tuple[object, object]:
    return rule.principal, rule.resource


def _wider(wide: Rule, narrow: Rule) -> bool:
    """Whether every scope of `wide` asks no more than the one of `narrow`, as far as the text shows."""
    for mine, theirs in ((wide.principal, narrow.principal), (wide.resource, narrow.resource)):
        if mine.types is not None and (theirs.types is None or not set(theirs.types) <= set(mine.types)):
            return False
        if mine.equal is not None and mine.equal != theirs.equal:
            return False
        if mine.within is not None and (theirs.within is None or not set(theirs.within) <= set(mine.within)):
            return False
    return True


def _unused(checked: CheckedPolicySet, report: Report) -> None:
    """Declarations whose name stands nowhere else in the set."""
    items, _ = parse_all([Source(name, text) for name, text in checked.sources])
    spoken = Counter(word for _, text in checked.sources for word in _WORD.findall(text))
    for kind, name in _names(items):
        if spoken[name.text] == 1:
            advice = "it counts, and nothing asks it" if kind == "meter" else ""
            report.warn("lint.unused", f"the {kind} `{name.text}` is never used", name.span, cause=advice)


def _names(items: Sequence[ast.Item]) -> Iterator[tuple[str, ast.Name]]:
    for item in items:
        kind = type(item).__name__.removesuffix("Decl").lower()
        if kind in ("type", "enum", "lattice", "meter", "obligation", "fixture"):
            name = getattr(item, "name", None)
            if isinstance(name, ast.Name):
                yield kind, name
