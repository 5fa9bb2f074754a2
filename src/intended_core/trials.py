"""Trying a policy set out: tables of intents with what is expected, recordings under two sets, and how much the tests have shown.

Nothing here needs a store; every meter is fresh. Plain bytes in, values out; raises PolicyError and IntentError alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from intended_core.engine.coverage import Coverage, CoverageWatch
from intended_core.engine.offline import Offline, said, typed_world
from intended_core.entities import Entity
from intended_core.errors import IntentError
from intended_core.flows.policytests import CaseResult, TestReport, reasons_of, run_tests
from intended_core.intent import Intent
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.outcome import Deny
from intended_core.toolbox import checked_policies

__all__ = ["IntentCase", "IntentTable", "Rehearsal", "Replayed", "rehearse", "replay_intents"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentCase:
    """An intent of a table or a recording. `now_us`: when, microseconds; `outcome`, `kind`, `by` (rule ids), `obliges`: what is expected.

    `place` says where the case is written.
    """

    name: str
    intent: Intent
    now_us: int
    outcome: str = ""
    kind: str = ""
    by: tuple[str, ...] = ()
    obliges: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentTable:
    """Cases in one world: entities, and params and tables as plain data (tables count as written at each case's moment)."""

    cases: tuple[IntentCase, ...]
    entities: tuple[Entity, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)
    tables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One recorded intent under two sets: outcome and determining rules of each."""

    name: str
    before: str
    after: str
    before_rules: tuple[str, ...]
    after_rules: tuple[str, ...]

    @property
    def flips(self) -> bool:
        """Whether the answers differ."""
        return self.before != self.after


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Every test of a set and every case of its tables, and what they have shown of its conditions."""

    report: TestReport
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class _Answer:
    """Outcome with its class, determining rules, names of obligations, and why in words."""

    got: str
    rules: tuple[str, ...] = ()
    due: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def rehearse(files: Mapping[str, bytes], tables: Sequence[IntentTable] = (), *, only: str = "") -> Rehearsal:
    """Run the tests that the set carries and tables of cases, those whose name holds `only`. Raises PolicyError, IntentError."""
    checked = checked_policies(files)
    watch = CoverageWatch(checked)
    results = list(run_tests(checked, only=only, watch=watch).cases)
    offline = Offline.of(checked, watch=watch)
    for table in tables:
        world = typed_world(checked, table.entities)
        results += [
            _case(offline, table, case, world) for case in table.cases if only.casefold() in case.name.casefold()
        ]
    return Rehearsal(report=TestReport(cases=tuple(results)), coverage=watch.report())


def replay_intents(old: Mapping[str, bytes], new: Mapping[str, bytes], table: IntentTable) -> tuple[Replayed, ...]:
    """Each intent under both sets, in the order given. An intent that a set does not accept is `deny(intent_invalid)` there."""
    sides = [
        (Offline.of(checked), typed_world(checked, table.entities)) for checked in map(checked_policies, (old, new))
    ]
    made: list[Replayed] = []
    for case in table.cases:
        before, after = (_answer(offline, table, case, world) for offline, world in sides)
        made.append(
            Replayed(
                name=case.name, before=before.got, after=after.got, before_rules=before.rules, after_rules=after.rules
            )
        )
    return tuple(made)


def _case(offline: Offline, table: IntentTable, case: IntentCase, world: TypedSnapshot) -> CaseResult:
    found = _answer(offline, table, case, world)
    expected = case.outcome + (f"({case.kind})" if case.kind else "")
    passed = found.got == expected if case.kind else found.got.partition("(")[0] == case.outcome
    if case.by:
        passed = passed and set(case.by) <= set(found.rules)
        expected += f" by {', '.join(case.by)}"
    if case.obliges:
        passed = passed and set(case.obliges) <= set(found.due)
        expected += f" obliges {', '.join(case.obliges)}"
    shown = found.got + (f" by {', '.join(found.rules)}" if found.rules else "")
    shown += f" obliges {', '.join(found.due)}" if found.due else ""
    return CaseResult(
        name=case.name, passed=passed, expected=expected, got=shown, reasons=found.reasons, place=case.place
    )


def _answer(offline: Offline, table: IntentTable, case: IntentCase, world: TypedSnapshot) -> _Answer:
    now_ms = case.now_us // 1000
    here = offline.given(table.params, table.tables, now_ms=now_ms)
    try:
        outcome = here.decide(case.intent, world, now_ms=now_ms)
    except IntentError as error:
        return _Answer("deny(intent_invalid)", reasons=(str(error),))
    return _Answer(
        f"deny({outcome.kind})" if isinstance(outcome, Deny) else said(outcome), outcome.rules,
        tuple(item.name for item in outcome.obligations), reasons_of(outcome),
    )  # fmt: skip
