"""The tests that a policy set carries: whole intents against whole worlds, on the compiled engine and the interpreter alike."""

from __future__ import annotations

from dataclasses import dataclass

from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.entities import EntitySnapshot
from intended_core.errors import IntentError
from intended_core.ids import Scope
from intended_core.lang.compiler import CompiledPolicySet, compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.typed import CheckedPolicySet, PolicyTest
from intended_core.outcome import Allow, Deny, Escalate

__all__ = ["TEST_SCOPE", "CaseResult", "TestReport", "run_tests"]

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


def run_tests(checked: CheckedPolicySet) -> TestReport:
    """Run every test of the set. A case where compiled engine and interpreter differ fails, whatever it expected."""
    compiled = compile_set(checked)
    return TestReport(cases=tuple(_run(checked, compiled, test) for test in checked.tests))


def _run(checked: CheckedPolicySet, compiled: CompiledPolicySet, test: PolicyTest) -> CaseResult:
    expected: str = test.expect.outcome
    if test.expect.deny_class is not None:
        expected += f"({test.expect.deny_class})"
    if test.expect.by is not None:
        expected += f" by {', '.join(test.expect.by)}"
    names = {rule.id: rule.name for rule in checked.rules}
    try:
        snapshot = type_snapshot(
            checked.schema, EntitySnapshot(version="test", entities={entity.ref: entity for entity in test.entities})
        )
        intent = validate(checked.schema, TEST_SCOPE, test.intent)
    except IntentError as error:
        got, said_why = "deny(intent_invalid)", (str(error),)
        passed = (
            test.expect.outcome == "deny" and test.expect.deny_class in (None, "intent_invalid") and not test.expect.by
        )
        return CaseResult(
            name=test.name, passed=passed, expected=expected, got=got, reasons=said_why, place=str(test.expect.span)
        )
    outcome = decide(compiled, intent, snapshot, now_ms=test.now_ms)
    meaning = interpret(checked, intent, snapshot, now_ms=test.now_ms)
    kind = outcome.kind if isinstance(outcome, Deny) else ""
    said = "allow" if isinstance(outcome, Allow) else "escalate" if isinstance(outcome, Escalate) else "deny"
    rules = frozenset(names.get(rule, rule) for rule in outcome.rules)
    got = said + (f"({kind})" if kind else "") + (f" by {', '.join(sorted(rules))}" if rules else "")
    reasons: tuple[str, ...] = tuple(
        f"{reason.rule}: {reason.text}" if reason.rule else reason.text for reason in outcome.reasons
    )
    passed = said == test.expect.outcome
    passed = passed and (test.expect.deny_class is None or test.expect.deny_class == kind)
    passed = passed and (test.expect.by is None or frozenset(test.expect.by) <= rules)
    if (said, kind, outcome.rules) != (meaning.outcome, meaning.kind, meaning.rules):
        passed = False
        reasons += (f"the interpreter says {meaning.outcome} {meaning.kind} by {', '.join(meaning.rules)}",)
    return CaseResult(
        name=test.name, passed=passed, expected=expected, got=got, reasons=reasons, place=str(test.expect.span)
    )
