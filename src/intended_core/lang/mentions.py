"""Which entities a set names: every decision's world holds these beside what its intent names, so that rules can ask about them."""

from __future__ import annotations

from collections.abc import Iterable

from intended_core.ids import EntityRef
from intended_core.lang import typed as t
from intended_core.lang.typed import Meter, Rule
from intended_core.lang.walk import walk
from intended_core.lang.wire import references

__all__ = ["constants_of"]


def constants_of(rules: Iterable[Rule], meters: Iterable[Meter]) -> frozenset[EntityRef]:
    """Every entity that the rules and meters name."""
    return frozenset(_constants(rules, meters))


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
