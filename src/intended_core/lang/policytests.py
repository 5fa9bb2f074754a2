"""Tests in the language: fixtures, givens and cases expanded into whole intents against whole worlds, and the steps that follow.

Each `expect` and each `case` begins anew; `again`, `advance` and `approve by` go on from the one before, with its state kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from intended_core.canonical import Json
from intended_core.entities import Entity
from intended_core.ids import EntityRef
from intended_core.intent import Intent
from intended_core.lang import ast
from intended_core.lang.diagnostics import suggest
from intended_core.lang.expressions import ExprTyper
from intended_core.lang.obligations import matched_values
from intended_core.lang.report import Refused, Report, refuse
from intended_core.lang.schema import RESERVED, Declarations
from intended_core.lang.testdata import TestData
from intended_core.lang.typed import Expectation, Literal_, ObligationType, PolicyTest, Span, TestStep
from intended_core.lang.wire import wire_of

__all__ = ["DENY_CLASSES", "TestExpander"]

DENY_CLASSES: Final = (
    "intent_invalid", "error", "forbid", "default", "chain_missing", "halted", "clock", "conflict", "unavailable",
)  # fmt: skip
MAX_TESTS: Final = 10_000  # cases of one set
MAX_STEPS: Final = 1_000  # steps of one case


@dataclass(slots=True)
class _Run:
    """A case while its steps are read."""

    name: str
    givens: dict[str, ast.Expr]
    intent: Intent
    now_ms: int
    entities: tuple[Entity, ...]
    expect: Expectation
    data: dict[str, object]
    advanced_ms: int = 0
    then: list[TestStep] = field(default_factory=list)


class TestExpander(TestData):
    """Expands the tests of one set."""

    __test__ = False

    def __init__(
        self, decls: Declarations, report: Report, rule_names: Sequence[str], obligations: Mapping[str, ObligationType],
        *, reads_now: bool,
    ) -> None:  # fmt: skip
        self.reads_now = reads_now
        self.decls = decls
        self.report = report
        self.rule_names = frozenset(rule_names)
        self.obligations = dict(obligations)
        self.typer = ExprTyper(decls)
        self.fixtures: dict[str, ast.FixtureDecl] = {}
        self.names: dict[str, Span] = {}

    def fixture(self, decl: ast.FixtureDecl) -> None:
        """Keep a fixture, checked on its own."""
        if decl.name.text in self.fixtures:
            self.report.error("name.duplicate", f"the fixture `{decl.name.text}` is declared twice", decl.name.span)
            return
        self.fixtures[decl.name.text] = decl
        try:
            self._world(decl.entities, self._givens((decl.givens,)), {})
        except Refused as error:
            self.report.add(error.diagnostic)

    def test(self, decl: ast.TestDecl) -> tuple[PolicyTest, ...]:
        """The concrete tests of a test block; problems go to the report."""
        if decl.name.text in self.names:
            self.report.error("name.duplicate", f'the test "{decl.name.text}" is declared twice', decl.name.span)
        self.names.setdefault(decl.name.text, decl.name.span)
        for label in (decl.name, *(step.name for step in decl.steps if step.name is not None)):
            if not label.text.isprintable():
                self.report.error("test.invalid", "names of tests are printable", label.span)
        try:
            return self._expand(decl)
        except Refused as error:
            self.report.add(error.diagnostic)
            return ()

    def _expand(self, decl: ast.TestDecl) -> tuple[PolicyTest, ...]:
        fixtures: list[ast.FixtureDecl] = []
        for name in decl.fixtures:
            if name.text not in self.fixtures:
                hint = suggest(name.text, self.fixtures)
                raise refuse("name.unknown", f"there is no fixture `{name.text}`", name.span, help=hint)
            fixtures.append(self.fixtures[name.text])
        if len(decl.intents) != 1:
            where = decl.name.span if not decl.intents else decl.intents[1][1]
            raise refuse("test.invalid", "a test has exactly one `intent` block", where)
        if not decl.steps:
            message, advice = "this test expects nothing", "add `expect allow;` or `case … expect …;`"
            raise refuse("test.invalid", message, decl.name.span, help=advice)
        if len(decl.steps) > MAX_STEPS:
            raise refuse("test.invalid", f"a test has at most {MAX_STEPS} steps", decl.name.span)
        givens = self._givens([*(item.givens for item in fixtures), decl.givens])
        groups = [*(item.entities for item in fixtures), decl.entities]
        made: list[PolicyTest] = []
        labels: set[str] = set()
        run: _Run | None = None
        refused = False
        for step in decl.steps:
            try:
                if step.kind in ("expect", "case"):
                    made += _finished(run, decl.partial)
                    run, refused = None, False
                    run = self._begin(decl, groups, step, dict(givens), labels)
                elif run is not None:
                    self._follow(decl, run, step)
                elif not refused:
                    raise refuse("test.invalid", f"`{step.kind}` goes on from an `expect` or `case`, and there is none", step.span)
            except Refused as error:
                refused = True
                self.report.add(error.diagnostic)
        return tuple(made + _finished(run, decl.partial))

    def _givens(self, groups: Sequence[Sequence[tuple[ast.Name, ast.Expr]]]) -> dict[str, ast.Expr]:
        found: dict[str, ast.Expr] = {}
        for group in groups:
            seen: set[str] = set()
            for name, expr in group:
                if (name.text in RESERVED and name.text != "chain") or name.text in self.decls.consts:
                    raise refuse("name.invalid", f"`{name.text}` has a meaning of its own in the language", name.span)
                if name.text in seen:
                    raise refuse("field.repeated", f"`{name.text}` is given twice", name.span)
                seen.add(name.text)
                found[name.text] = expr
        return found

    def _override(self, givens: dict[str, ast.Expr], values: ast.RecordExpr | None) -> dict[str, ast.Expr]:
        if values is None:
            return givens
        for spread in values.spreads:
            raise refuse("test.invalid", "a case writes out what it overrides", spread.span)
        for name, expr in values.items:
            if name.text not in givens:
                hint = suggest(name.text, givens) or "a case overrides what `given` says"
                raise refuse("name.unknown", f"nothing is given as `{name.text}`", name.span, help=hint)
            givens[name.text] = expr
        return givens

    def _begin(
        self, decl: ast.TestDecl, groups: Sequence[Sequence[ast.WorldEntity]], step: ast.TestStep, givens: dict[str, ast.Expr],
        labels: set[str],
    ) -> _Run:  # fmt: skip
        label = decl.name.text if step.name is None else f"{decl.name.text} / {step.name.text}"
        if label in labels:
            raise refuse("name.duplicate", f'the case "{label}" stands twice', step.span)
        labels.add(label)
        givens = self._override(givens, step.givens)
        world: dict[EntityRef, Entity] = {}
        for group in groups:
            self._world(group, givens, world)
        intent, now_ms = self._intent(decl.intents[0], givens)
        entities = tuple(world[ref] for ref in sorted(world))
        return _Run(label, givens, intent, now_ms, entities, self._expect(step.expect, step.span), self._data(givens))

    def _follow(self, decl: ast.TestDecl, run: _Run, step: ast.TestStep) -> None:
        if step.kind == "advance" and step.by is not None:
            run.advanced_ms += self._duration(step.by, run.givens)
            return
        if step.kind == "approve":
            persons = tuple(self.typer.entity_ref(person) for person in step.persons)
            run.then.append(TestStep("approve", run.now_ms + run.advanced_ms, None, None, persons, step.span, self._data(run.givens)))
            return
        givens = self._override(dict(run.givens), step.givens)
        intent, now_ms = self._intent(decl.intents[0], givens)
        expect = self._expect(step.expect, step.span)
        run.then.append(TestStep("run", now_ms + run.advanced_ms, intent, expect, (), step.span, self._data(givens)))

    def _expect(self, decl: ast.ExpectDecl | None, span: Span) -> Expectation:
        if decl is None:
            raise refuse("test.invalid", "this expects nothing", span)
        reason = None if decl.deny_class is None else decl.deny_class.text
        if decl.deny_class is not None and reason not in DENY_CLASSES:
            hint = suggest(decl.deny_class.text, DENY_CLASSES) or f"one of {', '.join(DENY_CLASSES)}"
            raise refuse("test.invalid", f"there is no deny class `{reason}`", decl.deny_class.span, help=hint)
        for name in decl.by or ():
            if name.text not in self.rule_names:
                hint = suggest(name.text, self.rule_names)
                raise refuse("name.unknown", f"there is no rule `{name.text}`", name.span, help=hint)
        by = None if decl.by is None else tuple(name.text for name in decl.by)
        obliges = tuple(self._obliged(item) for item in decl.obliges or ())
        outcome = decl.outcome
        if outcome == "allow":
            return Expectation("allow", None, by, decl.span, obliges)
        return Expectation("escalate" if outcome == "escalate" else "deny", reason, by, decl.span, obliges)

    def _obliged(self, expr: ast.ObligeExpr) -> tuple[str, Mapping[str, Json]]:
        declared, given = matched_values(expr, self.obligations)
        values: dict[str, Json] = {}
        for name, type_ in declared.params:
            typed = self._typed(given[name], type_)
            if not isinstance(typed, Literal_):
                raise refuse("test.invalid", "a test gives constants", given[name].span)
            values[name] = wire_of(type_)(typed.value)
        return declared.name, values


def _finished(run: _Run | None, partial: bool) -> list[PolicyTest]:
    if run is None:
        return []
    return [
        PolicyTest(run.name, run.intent, run.now_ms, run.entities, run.expect, tuple(run.then), partial=partial, data=run.data)
    ]
