"""import cedar: native files that check, or nothing and the reason."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SCHEMA = "entity User in [Team]; entity Team; entity Doc = { owner: User }; action view appliesTo { principal: User, resource: Doc };"
POLICY = '@id("owner") permit(principal, action, resource) when { resource.owner == principal };\n@id("t") permit(principal in ?principal, action, resource);'
ENTITIES = [
    {"uid": {"type": "User", "id": "ann"}, "attrs": {}, "parents": []},
    {"uid": {"type": "Doc", "id": "d"}, "attrs": {"owner": {"type": "User", "id": "ann"}}, "parents": []},
]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "app.cedar").write_text(POLICY, encoding="utf-8")
    (folder / "app.cedarschema").write_text(SCHEMA, encoding="utf-8")
    (folder / "entities.json").write_text(json.dumps(ENTITIES), encoding="utf-8")
    return folder


def test_a_folder_becomes_policies_that_check_and_decide(run: Run, app: Path, tmp_path: Path) -> None:
    done = run("import", "cedar", str(app), "--out", str(tmp_path / "out"), "--json")
    assert done.code == 0
    assert done.json["rules"] == {"owner": "policy0"}
    assert done.json["types"] == {"Doc": "Doc", "Team": "Team", "User": "User"}
    assert [Path(path).name for path in done.json["written"]] == ["cedar.policy", "entities.json"]
    assert run("check", str(tmp_path / "out")).code == 0
    assert run("fmt", "--check", str(tmp_path / "out")).code == 0
    intent = tmp_path / "intent.json"
    intent.write_text(json.dumps({"principal": {"type": "User", "id": "ann"}, "action": "view", "resource": {"type": "Doc", "id": "d"}}), encoding="utf-8")
    decided = run("decide", str(intent), "--policy", str(tmp_path / "out"), "--entities", str(tmp_path / "out" / "entities.json"), "--json")
    assert (decided.code, decided.json["rules"]) == (0, ["owner"])


def test_links_are_rules_of_their_own(run: Run, app: Path, tmp_path: Path) -> None:
    links = tmp_path / "links.json"
    links.write_text(json.dumps([{"template_id": "t", "link_id": "crew", "args": {"?principal": 'Team::"crew"'}}]), encoding="utf-8")
    done = run("import", "cedar", str(app), "--out", str(tmp_path / "out"), "--links", str(links))
    assert (done.code, "2 rules" in done.out) == (0, True)
    assert 'principal in Team::"crew";' in (tmp_path / "out" / "cedar.policy").read_text(encoding="utf-8")


def test_nothing_is_overwritten(run: Run, app: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "entities.json").write_text("mine", encoding="utf-8")
    done = run("import", "cedar", str(app), "--out", str(tmp_path / "out"))
    assert (done.code, "nothing was written" in done.err) == (2, True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["entities.json"]


@pytest.mark.parametrize(
    ("name", "text", "code", "said"),
    [
        ("app.cedar", "permit(principal, action, resource) when { principal.nope == 1 };", 5, "app.cedar:1:"),
        ("app.cedar", 'permit(principal, action, resource) when { User::"" == principal };', 5, "app.cedar:1:"),
        ("app.cedarschema", "entity User", 5, "too early"),
        ("entities.json", "[1]", 6, "entities"),
        ("second.cedarschema", SCHEMA, 2, "one schema"),
    ],
    ids=range(5),
)
def test_what_cannot_be_said_writes_nothing(run: Run, app: Path, tmp_path: Path, name: str, text: str, code: int, said: str) -> None:
    (app / name).write_text(text, encoding="utf-8")
    done = run("import", "cedar", str(app), "--out", str(tmp_path / "out"))
    assert (done.code, said in done.err) == (code, True), done.err
    assert not (tmp_path / "out").exists()


FORBID = 'forbid(principal, action, resource) when { resource.owner != principal };'


@pytest.mark.parametrize("lost", ["missing.cedar", "notes.txt", "deep/stop.cedar", "other/app.cedar", "gone.cedar", "pipe.cedar"])
def test_no_policy_is_left_out_without_a_word(run: Run, app: Path, tmp_path: Path, lost: str) -> None:
    """It could be a forbid. What is named must be there and be read; a folder is read whole or not at all."""
    given = [str(app)]
    if lost == "missing.cedar":
        given.append(str(app / lost))
    elif lost == "notes.txt":
        (app / lost).write_text(FORBID, encoding="utf-8")
        given.append(str(app / lost))
    elif lost == "deep/stop.cedar":
        (app / "deep").mkdir()
        (app / lost).write_text(FORBID, encoding="utf-8")
    elif lost == "other/app.cedar":
        (tmp_path / "other").mkdir()
        (tmp_path / lost).write_text(FORBID, encoding="utf-8")
        given.append(str(tmp_path / lost))
    elif lost == "pipe.cedar":
        os.mkfifo(app / lost)
    else:
        (app / lost).symlink_to(app / "nothing")
    done = run("import", "cedar", *given, "--out", str(tmp_path / "out"))
    assert done.code in (2, 6)
    assert Path(lost).name in done.err
    assert not (tmp_path / "out").exists()


def test_other_files_of_a_folder_are_no_policies(run: Run, app: Path, tmp_path: Path) -> None:
    (app / "README.md").write_text("about", encoding="utf-8")
    (app / "queries").mkdir()
    (app / "queries" / "one.json").write_text("{}", encoding="utf-8")
    assert run("import", "cedar", str(app), str(app / "app.cedar"), "--out", str(tmp_path / "out")).code == 0
