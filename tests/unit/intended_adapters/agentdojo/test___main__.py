"""The command: its exit code says whether everything held."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intended_adapters.agentdojo.__main__ import main

POLICIES = Path(__file__).parents[4] / "policies" / "examples" / "agentdojo"


def test_a_task_that_holds(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    assert main(["--suite", "slack", "--task", "user_task_0", "--json", "--results", str(file)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(file.read_text())
    suite = printed["suites"]["slack"]
    assert (suite["user_tasks"], suite["no_human"], suite["attacks"], suite["attacks_succeeded"]) == (1, 1, 5, 0)
    assert suite["holds"] is True


def test_policies_that_permit_everything_are_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (POLICIES / "slack" / "policy.policy").read_text().split("\n# -----")
    schema = next(part for part in text if "schema\n" in part.split("\n", 2)[0] + "\n")
    (tmp_path / "slack").mkdir()
    (tmp_path / "slack" / "open.policy").write_text(
        f'{text[0]}\n# -----{schema}\n@id("all") permit all {{ principal in Group::"assistants"; }}\n'
    )
    assert main(["--suite", "slack", "--task", "user_task_1", "--policies", str(tmp_path)]) == 1
    assert "attack succeeded: slack user_task_1 injection_task_1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong", [["--task", "user_task_4711"], ["--policies", "/nowhere"], ["--suite", "slack", "--policies", "EMPTY"]]
)
def test_what_cannot_run_says_so_and_exits_with_2(wrong: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path) if word == "EMPTY" else word for word in wrong]) == 2
    assert capsys.readouterr().err.strip()
