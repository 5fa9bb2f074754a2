"""The comparison is true: the policies on the page give the answers in its table, in every engine that is installed here."""

from __future__ import annotations

import importlib.util
import json

import pytest

from bench.comparison import CASES, ENGINES, FILE, answers, policy, rego_division, table
from intended_core import test_policies as run_policies

RECORDED = json.loads(FILE.read_text(encoding="utf-8"))["engines"]


def test_the_table_shows_what_was_recorded() -> None:
    assert table() == {engine: found["answers"] for engine, found in RECORDED.items()}
    assert set(RECORDED) == set(ENGINES)
    assert all(set(found["answers"]) == set(CASES) for found in RECORDED.values())


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_answers_as_recorded(engine: str) -> None:
    distribution, module, _ = ENGINES[engine]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{distribution} is not installed (dependency group `bench`); its recorded answers stand")
    assert answers(engine) == RECORDED[engine]["answers"]
    if engine == "Rego":
        assert rego_division() == RECORDED[engine]["division by zero in a deny rule"] == "raises"


def test_the_tests_of_our_policy_hold() -> None:
    report = run_policies({"policy.policy": policy("policy").encode()})
    assert len(report.cases) >= 10
    assert report.failed == ()


def test_the_page_says_which_versions_ran_and_what_did_not() -> None:
    text = FILE.parents[2].joinpath("docs", "explanation", "comparison.md").read_text(encoding="utf-8")
    for engine in ("Cedar", "Rego", "Polar"):
        assert ".".join(RECORDED[engine]["version"].split(".")[:3]) in text, engine
    assert "**Cerbos was not run**" in text
