from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from intended_adapters.cli import app as cli
from intended_adapters.cli.app import app
from tests.reference.payday import POLICY

UGLY = 'entity   User;action go{principal:User;resource:User;}  # why\n@id("a") permit p{action==go;when principal==resource;}\n'
NEAT = (
    "entity User;\naction go {\n  principal: User;\n  resource: User;\n}  # why\n\n"
    '@id("a")\npermit p {\n  action == go;\n  when principal == resource;\n}\n'
)


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=given)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.policy").write_text(UGLY, encoding="utf-8")
    return tmp_path


def test_fmt_writes_the_one_style_and_is_content_with_it(here: Path) -> None:
    assert run("fmt", "a.policy").exit_code == 0
    assert (here / "a.policy").read_text(encoding="utf-8") == NEAT
    assert [path.name for path in here.iterdir()] == ["a.policy"]
    again = run("fmt", "--check", ".")
    assert (again.exit_code, again.output) == (0, "1 file, 0 would change\n")


def test_fmt_check_and_diff_change_nothing(here: Path) -> None:
    checked = run("fmt", "--check", "a.policy")
    assert (checked.exit_code, checked.output) == (5, "a.policy: not formatted\n1 file, 1 would change\n")
    shown = run("fmt", "--diff", "a.policy")
    assert shown.exit_code == 0
    assert "+  when principal == resource;" in shown.output
    assert (here / "a.policy").read_text(encoding="utf-8") == UGLY


def test_fmt_reads_standard_input_and_answers_json(here: Path) -> None:
    assert run("fmt", "-", given=UGLY).output == NEAT
    found = json.loads(run("fmt", "--json", "--check", "a.policy").output)
    assert found["changed"] == 1
    assert len(found["files"][0]["text_digest"]) == 64


def test_fmt_leaves_a_file_that_does_not_parse(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "a.policy").write_text("permit p { when ; }", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["intended", "fmt", "a.policy"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 5
    assert "parse.unexpected" in capsys.readouterr().err
    assert (here / "a.policy").read_text(encoding="utf-8") == "permit p { when ; }"


def test_an_absolute_path_is_named_by_what_follows_the_working_directory(here: Path) -> None:
    assert run("fmt", "--check", str(here / "a.policy")).output.startswith("a.policy: not formatted")
    assert run("check", str(here)).exit_code == 0


@pytest.fixture
def pay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pay.policy").write_text(POLICY, encoding="utf-8")
    (tmp_path / "new.policy").write_text(POLICY.replace("<= 100.00", "<= 50.00"), encoding="utf-8")
    entities = [
        {"type": "Group", "id": "payers"}, {"type": "Group", "id": "bosses"},
        {"type": "User", "id": "ann", "parents": [{"type": "Group", "id": "payers"}], "attributes": {"limit": "500.00", "suspended": False}},
        {"type": "Account", "id": "a", "attributes": {"owner": {"__entity": {"type": "User", "id": "ann"}}}},
    ]  # fmt: skip
    (tmp_path / "entities.json").write_text(json.dumps(entities), encoding="utf-8")
    ann = {"principal": {"type": "User", "id": "ann"}, "action": "pay", "resource": {"type": "Account", "id": "a"}}
    one = {**ann, "args": {"amount": "75.00", "currency": "EUR"}, "context": {"risk": 1}}
    (tmp_path / "intent.json").write_text(json.dumps(one), encoding="utf-8")
    (tmp_path / "table.json").write_text(
        json.dumps([{"name": "seventy-five", "intent": one, "expect": "allow"}]), encoding="utf-8"
    )
    return tmp_path


@pytest.mark.usefixtures("pay")
def test_lint_in_each_format() -> None:
    text = run("lint", "pay.policy")
    assert (text.exit_code, "lint.unused" in text.output, text.output.splitlines()[-1]) == (5, True, "2 found")
    quiet = run("lint", "pay.policy", "--ignore", "lint.unused", "--ignore", "lint.approval-without-exclusion")
    assert (quiet.exit_code, quiet.output) == (0, "0 found\n")
    assert len(json.loads(run("lint", "pay.policy", "--json").output)["diagnostics"]) == 2
    assert run("lint", "pay.policy", "--format", "github").output.startswith("::warning file=pay.policy,")
    assert json.loads(run("lint", "pay.policy", "--format", "sarif").output)["version"] == "2.1.0"


@pytest.mark.usefixtures("pay")
def test_explain_for_people_and_programs() -> None:
    words = ("explain", "intent.json", "--policy", "pay.policy", "--entities", "entities.json")
    text = run(*words)
    assert text.exit_code == 0
    assert text.output.startswith("ALLOW by pay.small\n")
    assert json.loads(run(*words, "--json").output)["flips"]


@pytest.mark.usefixtures("pay")
def test_diff_tells_the_direction_and_what_flips() -> None:
    narrower = run("diff", "pay.policy", "new.policy", "--replay", "table.json", "--narrowing-only")
    assert (narrower.exit_code, narrower.output.splitlines()[1:]) == (
        0, ["flips       seventy-five: allow → escalate", "1 replayed, 1 decided differently"],
    )  # fmt: skip
    assert narrower.output.startswith("narrows     rule pay.small: a bound moved: ")
    wider = run("diff", "new.policy", "pay.policy", "--narrowing-only", "--json")
    assert (wider.exit_code, json.loads(wider.output)["changes"][0]["direction"]) == (5, "widens")
    assert run("diff", "pay.policy", "pay.policy").output == "no change\n"


def test_test_runs_tables_writes_junit_and_asks_for_coverage(pay: Path) -> None:
    done = run("test", "pay.policy", "--cases", "table.json", "--coverage", "--junit", "out.xml")
    assert done.exit_code == 0
    assert "ok    seventy-five" in done.output
    assert "pay.small: unless at pay.policy:" in done.output
    assert 'tests="4" failures="0"' in (pay / "out.xml").read_text(encoding="utf-8")
    assert run("test", "pay.policy", "-k", "too risky").output.endswith("1 passed, 0 failed\n")
    none = run("test", "pay.policy", "-k", "to risky")  # a slip must not look like a success
    assert (none.exit_code, "no test has a name that holds 'to risky'" in none.output) == (6, True)
    short = run("test", "pay.policy", "--min-coverage", "99")
    assert (short.exit_code, short.output.splitlines()[-1]) == (5, "at least 99 % were asked for")
    assert run("test", "pay.policy", "--min-coverage", "60").exit_code == 0
    assert run("test", "pay.policy", "--min-coverage", "101").exit_code == 2
    clauses = json.loads(run("test", "pay.policy", "--json").output)["coverage"]["clauses"]
    assert {(one["rule"], one["kind"]) for one in clauses} >= {("pay.small", "when"), ("pay.small", "unless"), ("pay.large", "approval")}
    assert all(set(one) == {"rule", "kind", "place", "true", "false", "error"} for one in clauses)
    (pay / "intents.yaml").write_text(
        (pay / "table.json").read_text(encoding="utf-8").replace("allow", "deny"), encoding="utf-8"
    )
    (pay / "new.policy").unlink()
    failing = run("test", ".", "--json")
    assert (failing.exit_code, json.loads(failing.output)["failed"]) == (5, 1)
