"""What `diff` says of a change is borne out by decisions: what it calls narrower lets no random intent through that was held back before."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core import Allow, Deny, Entity, Escalate, Intent
from intended_core.engine.evaluator import decide
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check_all
from intended_core.lang.compiler import compile_set
from intended_core.lang.diff import compare
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from tests.property.test_two_meanings import (
    CONDITIONS,
    NOW_MS,
    RELAXED,
    SCOPES,
    TARGETS,
    intents,
    policy_text,
    rules,
    worlds,
)

BOUNDS = st.builds(
    lambda member, sign, number: f"{member} {sign} {number}",
    st.sampled_from(["context.risk", "args.n"]), st.sampled_from(["<", "<=", ">", ">=", "=="]), st.sampled_from(["0", "1", "3", "70"]),
)  # fmt: skip
APPROVAL = st.builds(
    lambda group, quorum, exclude, expires: f'approval {{ from: Group::"{group}"; quorum: {quorum}; {exclude} expires: {expires}; }}',
    st.sampled_from(["board", "staff"]), st.sampled_from(["1", "2"]), st.sampled_from(["", "exclude: [principal];"]),
    st.sampled_from(["1h", "2h"]),
)  # fmt: skip
WEIGHT = {"deny": 0, "escalate": 1, "allow": 2}


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, str]:
    """One rule before and after: both are made of the same few parts, of which each has some."""
    scopes, targets = [draw(SCOPES), draw(SCOPES)], [draw(TARGETS), draw(TARGETS)]
    parts = draw(st.lists(st.one_of(BOUNDS, BOUNDS, CONDITIONS), min_size=1, max_size=4))
    approvals = [draw(APPROVAL), draw(APPROVAL)]
    effects = draw(st.sampled_from(["permit permit", "forbid forbid", "escalate escalate", "permit forbid", "escalate forbid", "forbid escalate"]))
    made: list[str] = []
    for effect in effects.split():
        asked = " ".join(f"when {part};" for part in parts if draw(st.integers(0, 3)))
        approval = draw(st.sampled_from(approvals)) if effect == "escalate" or (effect == "permit" and draw(st.booleans())) else ""
        made.append(f"{effect} NAME {{ action == act; {draw(st.sampled_from(scopes))} {draw(st.sampled_from(targets))} {asked} {approval} }}")
    return made[0], made[1]


def said(outcome: Allow | Escalate | Deny) -> str:
    return "allow" if isinstance(outcome, Allow) else "escalate" if isinstance(outcome, Escalate) else "deny"


def run(sets: int, seen: Counter[str]) -> None:
    @settings(RELAXED, max_examples=sets, database=None, derandomize=True)
    @given(
        st.lists(rules(), min_size=1, max_size=2), edits(), st.lists(worlds(), min_size=3, max_size=3),
        st.lists(intents(), min_size=6, max_size=6),
    )  # fmt: skip
    def judge(others: list[str], edit: tuple[str, str], many_worlds: list[tuple[Entity, ...]], many_intents: list[Intent]) -> None:
        base = 'permit NAME { action == act; when resource.owner == principal or args.b; }'
        sides = [check_all([Source.from_text("p.policy", policy_text([base, *others, one]))])[0] for one in edit]
        old, new = sides
        if old is None or new is None:
            seen["refused"] += 1
            return
        found = compare(old, new)
        ways = {change.direction for change in found.changes} - {"none"}
        if not ways or "both" in ways or len(ways) > 1:
            seen["not told"] += 1
            return
        way = ways.pop()
        seen[way] += 1
        compiled = [compile_set(one) for one in (old, new)]
        for world in many_worlds:
            snapshot = type_snapshot(old.schema, EntitySnapshot(version="w", entities={one.ref: one for one in world}))
            for intent in many_intents:
                valid = validate(old.schema, TEST_SCOPE, intent)
                before, after = (decide(one, valid, snapshot, now_ms=NOW_MS) for one in compiled)
                if any(isinstance(one, Deny) and one.kind == "error" for one in (before, after)):
                    seen["an error denies"] += 1
                    continue
                seen["decisions"] += 1
                seen["differ"] += said(before) != said(after)
                less, more = (after, before) if way == "narrows" else (before, after)
                assert WEIGHT[said(less)] <= WEIGHT[said(more)], (way, edit, intent, before, after)

    judge()


def test_what_is_told_of_a_change_is_borne_out() -> None:
    seen: Counter[str] = Counter()
    run(60, seen)
    assert seen["narrows"] + seen["widens"] > 5
    assert seen["decisions"] > 20


@pytest.mark.slow
def test_what_is_told_of_many_changes_is_borne_out() -> None:
    seen: Counter[str] = Counter()
    run(1_500, seen)
    print(f"{seen['decisions']:,} decisions before and after a change, 0 against what was told: {dict(seen)}")
    assert min(seen["narrows"], seen["widens"]) > 50
    assert seen["differ"] > 100
