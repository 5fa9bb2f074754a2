"""Which way data can move a set: for each param whether another value, for each table whether more rows, can widen or narrow it.

Read off the places where a table is asked: a permit that holds when something is in a table widens with more rows, a forbid narrows.
Whatever is not surely of one direction counts as both, as does every param and every table that is read by key.
"""

from __future__ import annotations

from typing import Final, Literal

from intended_core.lang.typed import (
    Binary,
    CheckedPolicySet,
    EntityIn,
    If,
    IpIn,
    Let,
    ParamOf,
    Quantified,
    Rule,
    RuleBody,
    SetIn,
    TableOf,
    TypedExpr,
    Unary,
)
from intended_core.lang.types import BOOL
from intended_core.lang.walk import walk

__all__ = ["Direction", "directions"]

Direction = Literal["widens", "narrows", "both", "unused"]
_BOTH: Final = frozenset({"widens", "narrows"})


def directions(checked: CheckedPolicySet) -> dict[str, Direction]:
    """For each param and table, in order of name: what a change of the one, or more rows in the other, can do."""
    found: dict[str, set[str]] = {name: set() for name in sorted({*checked.schema.params, *checked.schema.tables})}
    for rule in checked.rules:
        for body in rule.bodies.values():
            _body(rule, body, found)
    for meter in checked.meters.values():
        for counted in meter.bodies.values():
            for expr in (*counted.key, counted.amount, counted.session, meter.zone):
                if expr is not None:
                    _any_way(expr, found)
    return {name: _said(ways) for name, ways in found.items()}


def _said(ways: set[str]) -> Direction:
    if not ways:
        return "unused"
    if ways == {"widens"}:
        return "widens"
    return "narrows" if ways == {"narrows"} else "both"


def _body(rule: Rule, body: RuleBody, found: dict[str, set[str]]) -> None:
    for clause in body.clauses:
        _condition(clause.expr, rule.effect == "permit", found)
    if body.meter is not None:
        _any_way(body.meter.ceiling, found)
    for due in body.obliges:
        for _, value in due.values:
            _any_way(value, found)
    for block in body.approvals:
        fields = [block.group, block.quorum, block.expires, *block.conditions]
        for field in (*fields, block.exclude):
            if field is not None:
                _any_way(field, found)


def _condition(expr: TypedExpr, holds_widens: bool, found: dict[str, set[str]]) -> None:
    """`holds_widens`: whether the set grants more when this condition holds more often."""
    if isinstance(expr, Unary) and expr.op == "not":
        _condition(expr.operand, not holds_widens, found)
    elif isinstance(expr, Binary) and expr.op in ("and", "or"):
        _condition(expr.left, holds_widens, found)
        _condition(expr.right, holds_widens, found)
    elif isinstance(expr, If) and expr.type == BOOL:
        _any_way(expr.condition, found)
        _condition(expr.first, holds_widens, found)
        _condition(expr.second, holds_widens, found)
    elif isinstance(expr, Let):
        _any_way(expr.value, found)
        _condition(expr.body, holds_widens, found)
    elif isinstance(expr, SetIn | IpIn | EntityIn):
        left, right = (expr.element, expr.set) if isinstance(expr, SetIn) else (expr.left, expr.right)
        _any_way(left, found)
        _table(right, holds_widens, found)
    elif isinstance(expr, Quantified):
        _table(expr.over, holds_widens is (expr.kind == "any"), found)
        _condition(expr.body, holds_widens, found)
    else:
        _any_way(expr, found)


def _table(expr: TypedExpr, more_widens: bool, found: dict[str, set[str]]) -> None:
    if isinstance(expr, TableOf):
        found[expr.name].add("widens" if more_widens else "narrows")
    else:
        _any_way(expr, found)


def _any_way(expr: TypedExpr, found: dict[str, set[str]]) -> None:
    for node in walk(expr):
        if isinstance(node, TableOf | ParamOf):
            found[node.name] |= _BOTH
