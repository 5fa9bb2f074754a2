"""The two meanings over a hundred thousand random decisions: each random set is asked about every pair of many worlds and intents."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core import Entity, Intent
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.compiler import compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.outcome import Allow, Deny, Escalate
from tests.property.test_two_meanings import NOW_MS, RELAXED, RULE_LISTS, checked_set, intents, worlds

WORLDS, INTENTS, SETS, LEAST = 9, 16, 760, 100_000


def said(outcome: Allow | Escalate | Deny) -> str:
    return "allow" if isinstance(outcome, Allow) else "escalate" if isinstance(outcome, Escalate) else "deny"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_hundred_thousand_random_decisions_agree() -> None:
    counted: Counter[str] = Counter()

    @settings(RELAXED, max_examples=SETS, database=None, derandomize=True)
    @given(
        RULE_LISTS, st.lists(worlds(), min_size=WORLDS, max_size=WORLDS), st.lists(intents(), min_size=INTENTS, max_size=INTENTS),
    )  # fmt: skip
    def compare(bodies: list[str], many_worlds: list[tuple[Entity, ...]], many_intents: list[Intent]) -> None:
        checked = checked_set(bodies)
        compiled = compile_set(checked)
        loop_only = dataclasses.replace(compiled, plans={})
        snapshots = [
            type_snapshot(checked.schema, EntitySnapshot(version="w", entities={one.ref: one for one in world})) for world in many_worlds
        ]
        valids = [validate(checked.schema, TEST_SCOPE, one) for one in many_intents]
        for snapshot in snapshots:
            for valid in valids:
                fast = decide(compiled, valid, snapshot, now_ms=NOW_MS)
                slow = interpret(checked, valid, snapshot, now_ms=NOW_MS)
                kind = fast.kind if isinstance(fast, Deny) else ""
                needs = frozenset(frozenset(n.key for n in one) for one in fast.alternatives) if isinstance(fast, Escalate) else frozenset()
                assert (said(fast), kind, fast.rules, needs) == (slow.outcome, slow.kind, slow.rules, slow.alternatives)
                assert decide(loop_only, valid, snapshot, now_ms=NOW_MS) == fast
                counted[f"{said(fast)} {kind}".strip()] += 1

    compare()
    print(f"{counted.total():,} random decisions, 0 differences: {dict(counted)}")
    assert counted.total() >= LEAST
    assert set(counted) >= {"allow", "escalate", "deny forbid", "deny default", "deny error"}
