"""Every story of `policies/examples` checks clean, passes its tests, and gives each of its intents the outcome that its page promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from intended_adapters.cli.cases import load_table
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.engine.metering import meter_uses
from intended_core.entities import EntitySnapshot
from intended_core.errors import IntentError
from intended_core.flows.policytests import TEST_SCOPE, run_tests
from intended_core.lang.checker import check_all
from intended_core.lang.compiler import compile_set
from intended_core.lang.data import TableRows, type_data
from intended_core.lang.intents import intent_from_json, validate
from intended_core.lang.snapshot import type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.surroundings import Surroundings
from intended_core.lang.typed import CheckedPolicySet
from intended_core.meters.counter import Counter
from intended_core.outcome import Deny
from intended_core.toolbox import entities_from_json
from intended_core.trials import rehearse
from intended_core.values import parse_datetime
from tests.house.source import ROOT

EXAMPLES = ROOT / "policies" / "examples"
FOLDERS = sorted({path.parent for path in EXAMPLES.rglob("*.policy")})
TABLES = sorted(EXAMPLES.rglob("intents.yaml"))
STORIES = 15


def checked_set(folder: Path) -> CheckedPolicySet:
    sources = [Source.from_bytes(path.name, path.read_bytes()) for path in sorted(folder.glob("*.policy"))]
    checked, diagnostics = check_all(sources)
    assert [str(item) for item in diagnostics] == []
    assert checked is not None
    return checked


def test_no_story_is_missing() -> None:
    told = (ROOT / "docs" / "how-to" / "cookbook.md").read_text(encoding="utf-8")
    named = [folder for folder in FOLDERS if f"| [{folder.name}](" in told]
    assert len(named) == STORIES
    for folder in FOLDERS:
        assert (folder / "README.md").is_file()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_story_checks_clean_and_passes_its_tests(folder: Path) -> None:
    report = run_tests(checked_set(folder))
    assert list(report.failed) == []
    assert report.cases


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_tests_of_a_story_have_seen_every_answer_of_every_clause(folder: Path) -> None:
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.policy"))}
    seen = rehearse(files, [load_table(path) for path in TABLES if path.parent == folder]).coverage
    assert seen.clauses
    assert [f"{clause.rule} at {clause.span}: never {' nor '.join(clause.missing)}" for clause in seen.clauses if clause.missing] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.parent.name)
def test_every_intent_of_a_story_has_its_outcome(table: Path) -> None:
    checked = checked_set(table.parent)
    compiled = compile_set(checked)
    story = yaml.safe_load(table.read_text(encoding="utf-8"))
    entities = entities_from_json(json.dumps(story["entities"]).encode())
    snapshot = type_snapshot(
        checked.schema, EntitySnapshot(version="story", entities={entity.ref: entity for entity in entities})
    )
    assert story["cases"]
    for case in story["cases"]:
        now_ms = parse_datetime(case["now"])
        tables = {name: TableRows(rows=rows, updated_ms=now_ms) for name, rows in story.get("tables", {}).items()}
        data = type_data(checked.schema, version="story", params=story.get("params", {}), tables=tables)
        around = Surroundings(tenant=TEST_SCOPE.tenant, data=data.cells)
        expected = case["expect"]
        try:
            given = intent_from_json(json.dumps(case["intent"]).encode(), grants_verified=True)
            intent = validate(checked.schema, TEST_SCOPE, given)
        except IntentError:
            assert (expected["outcome"], expected["class"]) == ("deny", "intent_invalid"), case["name"]
            continue
        uses = meter_uses(compiled, intent, snapshot, now_ms=now_ms, surroundings=around)
        unused = {} if isinstance(uses, Deny) else {use.meter: Counter().level(use) for use in uses}
        outcome = decide(compiled, intent, snapshot, now_ms=now_ms, surroundings=around, readings=unused)
        meaning = interpret(checked, intent, snapshot, now_ms=now_ms, surroundings=around, readings=unused)
        got = {"outcome": type(outcome).__name__.lower()}
        got |= {"class": outcome.kind} if isinstance(outcome, Deny) else {}
        assert (got["outcome"], got.get("class"), list(outcome.rules)) == (
            expected["outcome"], expected.get("class"), expected.get("by", []),
        ), case["name"]  # fmt: skip
        assert (meaning.outcome, tuple(meaning.rules)) == (got["outcome"], outcome.rules), case["name"]
