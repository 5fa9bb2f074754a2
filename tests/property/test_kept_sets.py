"""What is compiled from the kept form of a set is what is compiled from its sources: on generated sets and on every policy that is here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from intended_core import Entity, Intent
from intended_core.engine.evaluator import decide
from intended_core.entities import EntitySnapshot
from intended_core.flows.policycache import freeze, thaw
from intended_core.flows.policytests import TEST_SCOPE, run_tests
from intended_core.lang.checker import check_all
from intended_core.lang.compiler import compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet
from tests.house.source import ROOT
from tests.property.test_two_meanings import NOW_MS, RELAXED, RULE_LISTS, checked_set, intents, worlds

FOLDERS = sorted({path.parent for path in (ROOT / "policies").rglob("*.policy")})


def kept(checked: CheckedPolicySet) -> CheckedPolicySet:
    """The set by way of its kept form."""
    body = freeze(checked)
    assert body is not None
    sources = [Source(name, text) for name, text in checked.sources]
    found = thaw(body, sources, digest=checked.text_digest, semantic=checked.semantic_digest)
    assert found is not None
    return found


@settings(RELAXED, max_examples=60)
@given(RULE_LISTS, worlds(), intents())
def test_a_kept_set_decides_as_its_sources(bodies: list[str], world: tuple[Entity, ...], intent: Intent) -> None:
    checked = checked_set(bodies)
    found = kept(checked)
    assert found == replace(checked, tests=(), warnings=())
    snapshot = type_snapshot(checked.schema, EntitySnapshot(version="w", entities={entity.ref: entity for entity in world}))
    valid = validate(checked.schema, TEST_SCOPE, intent)
    first, second = compile_set(checked), compile_set(found)
    assert (first.digest, first.constants, first.roots, first.index.keys()) == (
        second.digest, second.constants, second.roots, second.index.keys()
    )  # fmt: skip
    assert decide(first, valid, snapshot, now_ms=NOW_MS) == decide(second, valid, snapshot, now_ms=NOW_MS)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_policy_here_is_kept_whole_and_passes_its_tests(folder: Path) -> None:
    checked, _ = check_all([Source.from_bytes(path.name, path.read_bytes()) for path in sorted(folder.glob("*.policy"))])
    assert checked is not None
    found = kept(checked)
    assert found == replace(checked, tests=(), warnings=())
    report = run_tests(replace(found, tests=checked.tests))
    assert [(case.name, case.got) for case in report.cases] == [(case.name, case.got) for case in run_tests(checked).cases]
