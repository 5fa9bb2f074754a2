"""check, test and decide: exit codes, places and cures, and the same answer for people and programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reference.payday import POLICY

Run = Callable[..., Any]


def test_check_of_a_good_set(run: Run, payments: Path) -> None:
    done = run("check", str(payments), "--json")
    assert (done.code, done.json["ok"], done.json["diagnostics"]) == (0, True, [])
    assert done.json["cost"].keys() >= {"transfer"} or done.json["cost"]
    assert "steps" in run("check", str(payments), "--cost").out


def test_check_names_place_and_cure(run: Run, payments: Path, tmp_path: Path) -> None:
    for path in payments.glob("*.policy"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "zz.policy").write_text('@id("zz") permit zz { action == nothing_such; }\n', encoding="utf-8")
    done = run("check", str(tmp_path))
    assert done.code == 5
    assert "zz.policy:1:" in done.out
    assert "nothing was activated" in done.out
    found = run("check", str(tmp_path), "--json").json
    assert found["ok"] is False
    assert found["diagnostics"][0]["code"]


def test_hostile_bytes_are_a_diagnostic(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.policy").write_bytes(b"\xff\xfe\x1b[2J")
    done = run("check", str(tmp_path))
    assert done.code == 5
    assert "\x1b" not in done.out


def test_the_policies_own_tests(run: Run, payments: Path, tmp_path: Path) -> None:
    good = run("test", str(payments), "--json")
    assert (good.code, good.json["failed"]) == (0, 0)
    assert good.json["passed"] == len(good.json["cases"]) > 0
    for path in payments.glob("*.policy"):
        text = path.read_text(encoding="utf-8").replace("expect allow", "expect deny")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    bad = run("test", str(tmp_path))
    assert bad.code == 5
    assert "FAIL" in bad.out
    assert "expected deny" in bad.out


@pytest.fixture
def decide(run: Run, payments: Path, tmp_path: Path) -> Callable[[dict[str, Any]], Any]:
    def call(intent: dict[str, Any], *more: str) -> Any:
        (tmp_path / "intent.json").write_text(json.dumps(intent), encoding="utf-8")
        known = ("--policy", str(payments), "--entities", str(payments / "entities.json"))
        return run("decide", str(tmp_path / "intent.json"), *known, *more)

    return call


def test_decide_answers_by_its_exit_code(decide: Any, payments: Path) -> None:
    codes = {"allow": 0, "deny": 3, "escalate": 4}
    seen = set()
    for case in json.loads((payments / "intents.json").read_bytes())[:9]:
        done = decide(case["intent"], "--json")
        assert (done.json["outcome"], done.code) == (case["expect"]["outcome"], codes[case["expect"]["outcome"]])
        assert "token" not in done.json
        seen.add(done.code)
    assert seen == {0, 3, 4}


def test_decide_refuses_an_intent_that_is_none(decide: Any, run: Run, payments: Path, tmp_path: Path) -> None:
    assert decide({"action": "x"}).code == 6
    (tmp_path / "twice.json").write_text('{"action": "a", "action": "b"}', encoding="utf-8")
    done = run("decide", str(tmp_path / "twice.json"), "--policy", str(payments), "--json")
    assert (done.code, done.json["exit"]) == (6, 6)


def test_a_denial_shows_rule_reason_and_place(decide: Any, payments: Path) -> None:
    cases = {case["name"]: case["intent"] for case in json.loads((payments / "intents.json").read_bytes())}
    done = decide(cases["a suspended agent pays"])
    assert done.out.startswith("DENY (forbid) by kill")
    assert "kill switch engaged" in done.out
    assert ".policy:" in done.out
    assert "approval: 1 of" in decide(cases["a large invoice waits for a person"]).out


GOOD = (
    '@root entity User;\naction go { principal: User; resource: User; }\n'
    '@id("a") permit p { action == go; when principal == resource; }\n'
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.policy").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.policy").write_text(GOOD.replace("resource;", "resourse;"), encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("here")
def test_check_in_each_format(run: Run) -> None:
    text = run("check", "bad.policy")
    assert (text.code, "did you mean `resource`?" in text.out) == (5, True)
    assert run("check", "--json", "bad.policy").json == run("check", "--format", "json", "bad.policy").json
    log = run("check", "--format", "sarif", "bad.policy")
    assert (log.code, log.json["runs"][0]["results"][0]["ruleId"]) == (5, "name.unknown")
    command = run("check", "--format", "github", "bad.policy")
    assert command.code == 5
    assert command.out.startswith("::error file=bad.policy,line=3,col=")
    assert run("check", "--format", "github", "good.policy").out == ""


def test_check_says_what_data_can_do_and_what_rules_cost(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pay.policy").write_text(POLICY, encoding="utf-8")
    text = run("check", "pay.policy", "--cost").out
    assert "  table blocked: no rule reads it\n" in text
    assert "  param ceiling: a change can widen or narrow\n" in text
    assert " of 50000 steps  pay  (" in text
    assert run("check", "pay.policy", "--json").json["data"] == {"blocked": "unused", "ceiling": "both"}
