"""What the tests of a set have shown of its conditions: for each clause of each rule whether it was seen true, false and in error.

    watch = CoverageWatch(checked)
    run_tests(checked, watch=watch)
    watch.report().percent     # of the answers true and false that clauses can give

A clause that another one before it made superfluous was not seen. Errors are shown and not counted: a checked set should have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from intended_core.engine.watching import Watch
from intended_core.lang.typed import Approval, CheckedPolicySet, MeterTest, Rule, RuleBody, Span, TypedExpr

__all__ = ["ClauseCoverage", "Coverage", "CoverageWatch"]

_ONE_ANSWER: Final = ("rule", "approval")  # they answer true or err


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseCoverage:
    """How often one clause answered what, over all actions.

    `kind`: when, unless, meter (true: over the ceiling), approval (true: asked for) or rule (one without clauses: in scope or not).
    """

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
        wanted = (("true", self.true),) if self.kind in _ONE_ANSWER else (("true", self.true), ("false", self.false))
        return tuple(word for word, seen in wanted if not seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Every clause, by rule id and place."""

    clauses: tuple[ClauseCoverage, ...]

    @property
    def percent(self) -> float:
        """Answers seen of answers possible, 0 to 100 in tenths, rounded down: 100 when nothing is missing or there is nothing to see."""
        possible = sum(1 if clause.kind in _ONE_ANSWER else 2 for clause in self.clauses)
        missed = sum(len(clause.missing) for clause in self.clauses)
        return 100.0 if not possible else 1000 * (possible - missed) // possible / 10


def _clauses(body: RuleBody) -> dict[Span, str]:
    """The kind of each clause that has answers, by place."""
    found = {clause.span: str(clause.kind) for clause in body.clauses}
    if body.meter is not None:
        found[body.meter.span] = "meter"
    return {**found, **{block.span: "approval" for block in body.approvals}}


class CoverageWatch(Watch):
    """Looks over the interpreter's shoulder, for as many decisions as wanted."""

    __slots__ = ("_asking", "_ceilings", "_checked", "_clause", "_open", "_reached", "_rule", "_seen")

    def __init__(self, checked: CheckedPolicySet) -> None:
        self._checked = checked
        self._clause: dict[int, tuple[str, Span]] = {}
        self._ceilings: set[tuple[str, Span]] = set()
        self._rule = ""
        self._asking: Span | None = None
        for rule in checked.rules:
            for body in rule.bodies.values():
                for clause in body.clauses:
                    self._clause[id(clause.expr)] = (rule.id, clause.span)
                if body.meter is not None:
                    self._clause[id(body.meter.ceiling)] = (rule.id, body.meter.span)
                    self._ceilings.add((rule.id, body.meter.span))
        self._seen: dict[tuple[str, Span], list[int]] = {}
        self._reached: dict[str, int] = {}
        self._open: list[tuple[str, Span] | None] = []

    def rule(self, rule: Rule) -> None:
        """The rule is in scope."""
        self._reached[rule.id] = self._reached.get(rule.id, 0) + 1
        self._open.clear()
        self._asking = None
        self._rule = rule.id

    def rule_failed(self, cause: str) -> None:
        """The error of a condition is counted where it failed; one inside an approval counts for the approval."""
        if self._asking is not None:
            self._count((self._rule, self._asking), 2)

    def begin(self, expr: TypedExpr) -> None:
        """An expression is evaluated."""
        self._open.append(self._clause.get(id(expr)) if not self._open else None)

    def end(self, value: Any) -> None:
        """It has a value."""
        key = self._open.pop()
        if key is not None and key not in self._ceilings:
            self._count(key, 0 if value == ("bool", True) else 1)

    def failed(self, cause: str) -> None:
        """It has none."""
        key = self._open.pop()
        if key is not None:
            self._count(key, 2)

    def compared(self, test: MeterTest, over: bool) -> None:
        """A meter clause has its answer."""
        self._count((self._rule, test.span), 0 if over else 1)

    def asking(self, block: Approval) -> None:
        """An approval may be asked for."""
        self._asking = block.span

    def asked(self, block: Approval) -> None:
        """It is asked for."""
        self._asking = None
        self._count((self._rule, block.span), 0)

    def _count(self, key: tuple[str, Span], column: int) -> None:
        self._seen.setdefault(key, [0, 0, 0])[column] += 1

    def report(self) -> Coverage:
        """What was seen so far."""
        made: list[ClauseCoverage] = []
        for rule in sorted(self._checked.rules, key=lambda one: one.id):
            clauses = {span: kind for body in rule.bodies.values() for span, kind in _clauses(body).items()}
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
