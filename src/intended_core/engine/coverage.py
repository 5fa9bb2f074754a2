"""What the tests of a set have shown of its conditions: for each clause of each rule whether it was seen true, false and in error.

    watch = CoverageWatch(checked)
    run_tests(checked, watch=watch)
    watch.report().percent     # of the answers true and false that clauses can give

A clause that another one before it made superfluous was not seen. Errors are shown and not counted: a checked set should have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from intended_core.engine.watching import Watch
from intended_core.lang.typed import CheckedPolicySet, Rule, Span, TypedExpr

__all__ = ["ClauseCoverage", "Coverage", "CoverageWatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseCoverage:
    """How often one clause answered what, over all actions. `kind`: when, unless, or rule (a rule without conditions: in scope or not)."""

    rule: str
    name: str
    kind: str
    span: Span
    true: int
    false: int
    error: int

    @property
    def missing(self) -> tuple[str, ...]:
        """The answers that were never seen."""
        wanted = (("true", self.true),) if self.kind == "rule" else (("true", self.true), ("false", self.false))
        return tuple(word for word, seen in wanted if not seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Every clause, by rule id and place."""

    clauses: tuple[ClauseCoverage, ...]

    @property
    def percent(self) -> float:
        """Answers seen of answers possible, 0 to 100; 100 when there is nothing to see."""
        possible = sum(1 if clause.kind == "rule" else 2 for clause in self.clauses)
        missed = sum(len(clause.missing) for clause in self.clauses)
        return 100.0 if not possible else round(100.0 * (possible - missed) / possible, 1)


class CoverageWatch(Watch):
    """Looks over the interpreter's shoulder, for as many decisions as wanted."""

    __slots__ = ("_checked", "_clause", "_open", "_reached", "_seen")

    def __init__(self, checked: CheckedPolicySet) -> None:
        self._checked = checked
        self._clause: dict[int, tuple[str, Span]] = {}
        for rule in checked.rules:
            for body in rule.bodies.values():
                for clause in body.clauses:
                    self._clause[id(clause.expr)] = (rule.id, clause.span)
        self._seen: dict[tuple[str, Span], list[int]] = {}
        self._reached: dict[str, int] = {}
        self._open: list[tuple[str, Span] | None] = []

    def rule(self, rule: Rule) -> None:
        """The rule is in scope."""
        self._reached[rule.id] = self._reached.get(rule.id, 0) + 1
        self._open.clear()

    def rule_failed(self, cause: str) -> None:
        """Counted at the clause that failed."""

    def begin(self, expr: TypedExpr) -> None:
        """An expression is evaluated."""
        self._open.append(self._clause.get(id(expr)) if not self._open else None)

    def end(self, value: Any) -> None:
        """It has a value."""
        self._count(0 if value == ("bool", True) else 1)

    def failed(self, cause: str) -> None:
        """It has none."""
        self._count(2)

    def _count(self, column: int) -> None:
        key = self._open.pop()
        if key is not None:
            self._seen.setdefault(key, [0, 0, 0])[column] += 1

    def report(self) -> Coverage:
        """What was seen so far."""
        made: list[ClauseCoverage] = []
        for rule in sorted(self._checked.rules, key=lambda one: one.id):
            clauses = {clause.span: clause.kind for body in rule.bodies.values() for clause in body.clauses}
            for span, kind in sorted(clauses.items(), key=lambda one: (one[0].file, one[0].line, one[0].column)):
                true, false, error = self._seen.get((rule.id, span), (0, 0, 0))
                made.append(
                    ClauseCoverage(
                        rule=rule.id, name=rule.name, kind=kind, span=span, true=true, false=false, error=error
                    )
                )
            if not clauses:
                seen = self._reached.get(rule.id, 0)
                made.append(
                    ClauseCoverage(
                        rule=rule.id, name=rule.name, kind="rule", span=rule.span, true=seen, false=0, error=0
                    )
                )
        return Coverage(clauses=tuple(made))
