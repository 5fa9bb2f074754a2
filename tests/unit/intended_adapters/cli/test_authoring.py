from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from intended_adapters.cli import app as cli
from intended_adapters.cli.app import app

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
    assert (again.exit_code, again.output) == (0, "1 files, 0 would change\n")


def test_fmt_check_and_diff_change_nothing(here: Path) -> None:
    checked = run("fmt", "--check", "a.policy")
    assert (checked.exit_code, checked.output) == (5, "a.policy: not formatted\n1 files, 1 would change\n")
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
