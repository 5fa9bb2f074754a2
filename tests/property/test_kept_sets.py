"""What is compiled from the kept form of a set is what is compiled from its sources: on generated sets and on every policy that is here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from intended_core import Entity, Intent
from intended_core.engine.evaluator import decide
from intended_core.entities import EntitySnapshot
from intended_core.flows.policycache import freeze, kept_digest, thaw
from intended_core.flows.policytests import TEST_SCOPE, run_tests
from intended_core.lang.checker import check_all
from intended_core.lang.compiler import Bucket, compile_kept, compile_set
from intended_core.lang.intents import validate
from intended_core.lang.keptset import KeptSet
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet
from tests.house.source import ROOT
from tests.property.test_two_meanings import NOW_MS, RELAXED, RULE_LISTS, checked_set, intents, worlds

FOLDERS = sorted({path.parent for path in (ROOT / "policies").rglob("*.policy")})


def kept(checked: CheckedPolicySet, *, pinned: bool = False) -> KeptSet:
    """The set by way of its kept form; `pinned`: its parts are read when they are asked for."""
    body = freeze(checked)
    assert body is not None
    sources = [Source(name, text) for name, text in checked.sources]
    named = kept_digest(body) if pinned else None
    found = thaw(body, sources, digest=checked.text_digest, semantic=checked.semantic_digest, kept=named)
    assert found is not None
    return found


def _named(bucket: Bucket) -> object:
    """The rules of a bucket by id and place, without the functions that are made anew."""
    return (
        [(rule.id, rule.place, rule.effect) for rule in bucket.general],
        {ref: [rule.id for rule in rules] for ref, rules in bucket.by_resource.items()},
        {ref: [rule.id for rule in rules] for ref, rules in bucket.by_principal.items()},
    )


@settings(RELAXED, max_examples=60)
@given(RULE_LISTS, worlds(), intents())
def test_a_kept_set_decides_as_its_sources(bodies: list[str], world: tuple[Entity, ...], intent: Intent) -> None:
    checked = checked_set(bodies)
    assert kept(checked).checked() == replace(checked, tests=(), warnings=())
    snapshot = type_snapshot(checked.schema, EntitySnapshot(version="w", entities={entity.ref: entity for entity in world}))
    valid = validate(checked.schema, TEST_SCOPE, intent)
    first, second = compile_set(checked), compile_kept(kept(checked, pinned=True))
    answer = decide(second, valid, snapshot, now_ms=NOW_MS)  # of a set of which nothing is made yet
    assert (first.digest, first.constants, first.roots, first.index.keys()) == (
        second.digest, second.constants, second.roots, second.index.keys()
    )  # fmt: skip
    assert decide(first, valid, snapshot, now_ms=NOW_MS) == answer == decide(second, valid, snapshot, now_ms=NOW_MS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_policy_here_is_kept_whole_and_passes_its_tests(folder: Path) -> None:
    checked, _ = check_all([Source.from_bytes(path.name, path.read_bytes()) for path in sorted(folder.glob("*.policy"))])
    assert checked is not None
    found = kept(checked).checked()
    assert found == replace(checked, tests=(), warnings=())
    first, second = compile_set(checked), compile_kept(kept(checked, pinned=True))
    assert {key: _named(bucket) for key, bucket in second.index.items()} == {key: _named(bucket) for key, bucket in first.index.items()}
    assert (second.plans.keys(), second.approvals.keys(), second.meters.keys()) == (
        first.plans.keys(), first.approvals.keys(), first.meters.keys()
    )  # fmt: skip
    report = run_tests(replace(found, tests=checked.tests))
    assert [(case.name, case.got) for case in report.cases] == [(case.name, case.got) for case in run_tests(checked).cases]
