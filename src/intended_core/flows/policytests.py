"""The tests that a policy set carries: whole intents against whole worlds, on the compiled engine and the interpreter alike.

The steps of one test share their state: what was allowed has moved the meters, what was approved is used once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from intended_core.approvals.assignment import choose, counts_for
from intended_core.canonical import canonical_json, digest
from intended_core.engine.approvers import approver_may
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import Meaning, interpret
from intended_core.engine.metering import meter_uses
from intended_core.engine.watching import Watch
from intended_core.entities import EntitySnapshot
from intended_core.errors import AccessDeniedError, IntentError
from intended_core.ids import EntityRef, Scope
from intended_core.intent import Intent, ValidIntent
from intended_core.lang.compiler import CompiledPolicySet, compile_set
from intended_core.lang.data import TableRows, type_data
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.lang.surroundings import Surroundings
from intended_core.lang.typed import CheckedPolicySet, Expectation, PolicyTest, Span, TestStep
from intended_core.lang.types import RecordType, Schema, Type
from intended_core.meters.counter import Counter
from intended_core.outcome import Allow, Deny, Escalate

__all__ = ["TEST_SCOPE", "CaseResult", "TestReport", "reasons_of", "run_tests"]

TEST_SCOPE = Scope(tenant="policy-tests", uuid="0" * 32, environment="test")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case: what was expected, what came, and why. `place` is file:line:column of the expectation."""

    name: str
    passed: bool
    expected: str
    got: str
    reasons: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TestReport:
    """Every case of a set, in order."""

    __test__ = False
    cases: tuple[CaseResult, ...]

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that did not come out as expected."""
        return tuple(case for case in self.cases if not case.passed)


def run_tests(checked: CheckedPolicySet, *, only: str = "", watch: Watch | None = None) -> TestReport:
    """Run every test of the set. A case where compiled engine and interpreter differ fails, whatever it expected.

    `only`: tests whose name holds this text, whatever case its letters have. `watch` looks on at each decision (`engine.coverage`).
    """
    compiled = compile_set(checked)
    cases: list[CaseResult] = []
    for test in checked.tests:
        if only.casefold() in test.name.casefold():
            cases.extend(_Run(checked, compiled, test, watch).results())
    return TestReport(cases=tuple(cases))


@dataclass(slots=True)
class _Waiting:
    """What the last run asked people for, and who has said yes."""

    intent: ValidIntent
    asked: Escalate
    until_ms: int
    given: dict[EntityRef, frozenset[str]] = field(default_factory=dict)

    def keys(self, intent: ValidIntent, now_ms: int) -> frozenset[str]:
        """The requirements that hold, for exactly this intent and before they expire."""
        if intent.ith != self.intent.ith or now_ms >= self.until_ms:
            return frozenset()
        return frozenset(choose(self.asked.alternatives, self.given) or ())


class _Run:
    """One test with the state that its steps share."""

    def __init__(
        self, checked: CheckedPolicySet, compiled: CompiledPolicySet, test: PolicyTest, watch: Watch | None
    ) -> None:
        self.checked = checked
        self.watch = watch
        self.compiled = compiled
        self.test = test
        self.schema = _relaxed(checked.schema) if test.partial else checked.schema
        self.names = {rule.id: rule.name for rule in checked.rules}
        self.counters: dict[bytes, Counter] = {}
        self.waiting: _Waiting | None = None
        self.snapshot: TypedSnapshot | None = None

    def results(self) -> list[CaseResult]:
        """The results of every step that expects something, and of every approval that was refused."""
        test = self.test
        made = [self._expecting(test.name, test.intent, test.now_ms, test.expect, test.data)]
        for at, step in enumerate(test.then, 1):
            name = f"{test.name} / step {at}"
            if step.kind == "approve":
                made += self._approve(name, step)
            elif step.intent is not None and step.expect is not None:
                made.append(self._expecting(name, step.intent, step.now_ms, step.expect, step.data))
        return made

    def _world(self) -> TypedSnapshot:
        if self.snapshot is None:
            entities = {entity.ref: entity for entity in self.test.entities}
            self.snapshot = type_snapshot(self.checked.schema, EntitySnapshot(version="test", entities=entities))
        return self.snapshot

    def _beside(self, data: Mapping[str, object], now_ms: int) -> Surroundings:
        """Params and tables as given; a table was written at this moment."""
        schema = self.checked.schema
        params = {name: value for name, value in data.items() if name in schema.params}
        tables = {name: TableRows(rows=value, updated_ms=now_ms) for name, value in data.items() if name in schema.tables}
        typed = type_data(schema, version="test", params=params, tables=tables)
        return Surroundings(tenant=TEST_SCOPE.tenant, data=typed.cells)

    def _expecting(
        self, name: str, given: Intent, now_ms: int, expect: Expectation, data: Mapping[str, object]
    ) -> CaseResult:
        try:
            snapshot, surroundings = self._world(), self._beside(data, now_ms)
            intent = validate(self.schema, TEST_SCOPE, given)
        except IntentError as error:
            invalid = expect.outcome == "deny" and expect.deny_class in (None, "intent_invalid")
            return CaseResult(
                name=name, passed=invalid and not expect.by and not expect.obliges, expected=_expected(expect),
                got="deny(intent_invalid)", reasons=(str(error),), place=str(expect.span),
            )  # fmt: skip
        outcome, meaning = self._decide(intent, snapshot, now_ms, surroundings)
        kind = outcome.kind if isinstance(outcome, Deny) else ""
        said = "allow" if isinstance(outcome, Allow) else "escalate" if isinstance(outcome, Escalate) else "deny"
        rules = frozenset(self.names.get(rule, rule) for rule in outcome.rules)
        got = said + (f"({kind})" if kind else "") + (f" by {', '.join(sorted(rules))}" if rules else "")
        reasons = reasons_of(outcome)
        passed = said == expect.outcome and expect.deny_class in (None, kind)
        passed = passed and (expect.by is None or frozenset(expect.by) <= rules)
        due = {item.name: dict(item.values) for item in outcome.obligations}
        for wanted, values in expect.obliges:
            if due.get(wanted) != dict(values):
                passed = False
                held = canonical_json(due[wanted]).decode() if wanted in due else "is not due"
                reasons += (f"the obligation `{wanted}` {held}",)
        if (said, kind, outcome.rules) != (meaning.outcome, meaning.kind, meaning.rules):
            passed = False
            reasons += (f"the interpreter says {meaning.outcome} {meaning.kind} by {', '.join(meaning.rules)}",)
        return CaseResult(
            name=name, passed=passed, expected=_expected(expect), got=got, reasons=reasons, place=str(expect.span)
        )

    def _decide(
        self, intent: ValidIntent, snapshot: TypedSnapshot, now_ms: int, surroundings: Surroundings
    ) -> tuple[Allow | Escalate | Deny, Meaning]:
        approved = frozenset[str]() if self.waiting is None else self.waiting.keys(intent, now_ms)
        uses = meter_uses(self.compiled, intent, snapshot, now_ms=now_ms, surroundings=surroundings)
        readings = {}
        if not isinstance(uses, Deny):
            readings = {use.meter: self.counters.get(use.key, Counter()).level(use) for use in uses}
        outcome = decide(
            self.compiled, intent, snapshot, now_ms=now_ms, approved=approved, surroundings=surroundings, readings=readings
        )
        meaning = interpret(
            self.checked, intent, snapshot, now_ms=now_ms, approved=approved, watch=self.watch, surroundings=surroundings,
            readings=readings,
        )  # fmt: skip
        if isinstance(outcome, Allow):
            for use in outcome.reservations:
                self.counters[use.key] = self.counters.get(use.key, Counter()).adding(use, now_ms=now_ms)
        if isinstance(outcome, Escalate):
            life_ms = min(need.expires_ms for alternative in outcome.alternatives for need in alternative)
            self.waiting = _Waiting(intent, outcome, now_ms + life_ms)
        elif isinstance(outcome, Allow) and outcome.approvals:
            self.waiting = None  # an approval is used once
        return outcome, meaning

    def _approve(self, name: str, step: TestStep) -> list[CaseResult]:
        surroundings = self._beside(step.data, step.now_ms)
        problems = [problem for person in step.persons if (problem := self._count(person, step.now_ms, surroundings))]
        if not problems:
            return []
        expected = f"approved by {', '.join(str(person) for person in step.persons)}"
        return [_refusal(name, expected, tuple(problems), step.span)]

    def _count(self, person: EntityRef, now_ms: int, surroundings: Surroundings) -> str:
        """Count `person` wherever they are needed; why not, or nothing."""
        waiting = self.waiting
        if waiting is None:
            return f"{person}: nothing waits for approval"
        if person in waiting.given:
            return f"{person}: has approved this already"
        problem = "every requirement has its approvers already"
        may: set[str] = set()
        for key in sorted({need.key for alternative in waiting.asked.alternatives for need in alternative}):
            try:
                approver_may(
                    self.compiled, key, waiting.intent, self._world(), person, now_ms=now_ms, surroundings=surroundings
                )
            except AccessDeniedError as error:
                problem = problem if may else str(error)
            else:
                may.add(key)
                problem = "every requirement has its approvers already"
        if not counts_for(waiting.asked.alternatives, waiting.given, person, frozenset(may)):
            return f"{person}: {problem}"
        waiting.given[person] = frozenset(may)
        return ""


def reasons_of(outcome: Allow | Escalate | Deny) -> tuple[str, ...]:
    """Why, one sentence for each rule that spoke."""
    return tuple(": ".join(part for part in (item.rule, item.text) if part) for item in outcome.reasons)


def _expected(expect: Expectation) -> str:
    said: str = expect.outcome
    if expect.deny_class is not None:
        said += f"({expect.deny_class})"
    if expect.by is not None:
        said += f" by {', '.join(expect.by)}"
    return said + (f" obliges {', '.join(name for name, _ in expect.obliges)}" if expect.obliges else "")


def _refusal(name: str, expected: str, reasons: tuple[str, ...], span: Span) -> CaseResult:
    return CaseResult(name=name, passed=False, expected=expected, got="refused", reasons=reasons, place=str(span))


def _relaxed(schema: Schema) -> Schema:
    """The schema for `partial` tests: a member that is not said is absent, and what reads it is an error."""
    actions = {
        name: replace(action, args=_optional(action.args), context=_optional(action.context))
        for name, action in schema.actions.items()
    }  # fmt: skip
    return replace(schema, actions=actions, digest=digest("intended.schema.partial/v1", schema.digest))


def _optional(record: RecordType) -> RecordType:
    return RecordType(tuple(replace(member, optional=True, type=_inside(member.type)) for member in record.members))


def _inside(kind: Type) -> Type:
    return _optional(kind) if isinstance(kind, RecordType) else kind
