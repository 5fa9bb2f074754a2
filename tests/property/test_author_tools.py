"""The tools of authors on every policy of the repository: a set equals itself, lint and explain never fail, a flip flips."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_core.authoring import diff_policies, format_policies, lint_policies
from intended_core.engine.explain import explain
from intended_core.engine.offline import said
from intended_core.errors import IntentError
from intended_core.lang.diagnostics import CODES
from intended_core.toolbox import checked_policies
from intended_core.trials import rehearse

ROOT = Path(__file__).resolve().parents[2]
STORIES = sorted({path.parent for path in (ROOT / "policies").rglob("*.policy")})


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_a_set_is_itself_formatted_or_not(story: Path) -> None:
    files = {path.name: path.read_bytes() for path in story.glob("*.policy")}
    formatted = {one.name: one.after.encode() for one in format_policies(files)}
    found = diff_policies(files, formatted)
    assert (found.changes, found.same_meaning, found.may_widen) == ((), True, False)
    assert {item.code for item in lint_policies(files).diagnostics} <= CODES.keys()
    assert 0 <= rehearse(files).coverage.percent <= 100


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.name)
def test_what_tests_state_can_be_explained(story: Path) -> None:
    checked = checked_policies({path.name: path.read_bytes() for path in story.glob("*.policy")})
    for case in checked.tests[:2]:
        params = {name: value for name, value in case.data.items() if name in checked.schema.params}
        tables = {name: value for name, value in case.data.items() if name in checked.schema.tables}
        try:
            found = explain(checked, case.intent, case.entities, now_ms=case.now_ms, params=params, tables=tables)
        except IntentError:
            continue  # a partial test is no whole intent
        assert found.trace is not None or found.invalid
        for flip in found.flips:
            assert flip.outcome in ("allow", "escalate", "deny")
            assert flip.outcome != said(found.outcome)
