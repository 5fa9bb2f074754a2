"""Policy sets and data at the command line, from one hand to two persons."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.house.source import ROOT as ROOT_FOLDER
from tests.reference.flow_world import POLICY

Run = Callable[..., Any]
EVE, ANN, ROOT = 'Person::"eve"', 'Person::"ann"', 'Person::"root"'
TEXT = "param cap: Decimal = 100.00;\n@max(4) table frozen: Set<Account>;\n" + POLICY.replace("<= 100.00", "<= cap") + (
    '@id("frozen")\nforbid frozen_account { action == pay; when resource in frozen; }\n'
)


@pytest.fixture
def acme(run: Run, tmp_path: Path) -> tuple[str, ...]:
    """A tenant of its own, with one active set and one decision."""
    options = ("--store", str(tmp_path / "data" / "a.db"), "--key-file", str(tmp_path / "keys" / "kek"))
    assert run(*options, "init").code == 0
    options = (*options, "--tenant", "acme")
    for env in ("live", "test"):
        assert run(*options, "tenant", "create", "acme", "--env", env).code == 0
    (tmp_path / "bank.policy").write_text(TEXT)
    (tmp_path / "lower.policy").write_text(TEXT.replace("cap: Decimal = 100.00", "cap: Decimal = 5.00"))
    (tmp_path / "entities.json").write_text(json.dumps([
        {"type": "Agent", "id": "bot"}, {"type": "Account", "id": "main", "attributes": {"closed": False}}, {"type": "Group", "id": "chiefs"},
    ]))  # fmt: skip
    (tmp_path / "change.json").write_text(json.dumps({"tables": {"frozen": []}}))
    (tmp_path / "freeze.json").write_text(json.dumps({"tables": {"frozen": [{"__entity": {"type": "Account", "id": "main"}}]}}))
    (tmp_path / "intent.json").write_text(json.dumps({
        "principal": {"type": "Agent", "id": "bot"}, "action": "pay", "resource": {"type": "Account", "id": "main"}, "args": {"amount": "20.00"},
    }))  # fmt: skip
    assert run(*options, "policy", "activate", str(tmp_path / "bank.policy")).code == 0
    assert run(*options, "entities", "put", str(tmp_path / "entities.json")).code == 0
    assert run(*options, "data", "set", str(tmp_path / "change.json")).code == 0
    assert run(*options, "authorize", str(tmp_path / "intent.json"), "--audience", "bank").code == 0
    return options


def test_one_hand(run: Run, acme: tuple[str, ...], tmp_path: Path) -> None:
    drafted = run(*acme, "policy", "draft", str(tmp_path / "lower.policy"), "--note", "lower", "--json")
    assert (drafted.code, drafted.json["state"]) == (0, "CHECKED")
    name = drafted.json["draft"]
    shown = run(*acme, "policy", "simulate", name)
    assert shown.code == 0
    assert "1 decisions asked again" in shown.out
    assert "▼" in shown.out
    assert "deny(default)" in shown.out
    told = run(*acme, "policy", "simulate", name, "--json").json
    assert (told["closes"], told["opens"], told["flips"][0]["before"]) == (1, 0, "allow")
    assert run(*acme, "policy", "activate").code == 2
    done = run(*acme, "policy", "activate", "--draft", name, "--json")
    assert (done.code, done.json["rules"]) == (0, 4)
    back = run(*acme, "policy", "rollback", "--json").json["draft"]
    assert run(*acme, "policy", "check", back).code == 0
    assert run(*acme, "policy", "activate", "--draft", back).code == 0
    assert run(*acme, "policy", "rollback", "--digest", "zz").code == 6
    listed = run(*acme, "policy", "list", "--json").json
    assert [each["state"] for each in listed["drafts"]] == ["ACTIVE", "ACTIVE"]
    assert len(run(*acme, "policy", "show", "--json").json["before"]) == 1
    assert "a second person signs" in run(*acme, "policy", "show", back).out
    withdrawn = run(*acme, "policy", "draft", str(tmp_path / "lower.policy"), "--json").json["draft"]
    assert run(*acme, "policy", "withdraw", withdrawn).code == 0
    assert run(*acme, "policy", "activate", "--draft", withdrawn).code == 3


def test_two_persons(run: Run, acme: tuple[str, ...], tmp_path: Path) -> None:
    for name, person, role in (("eve", EVE, "operator"), ("ann", ANN, "approver"), ("root", ROOT, "admin")):
        public = run("person", "key", str(tmp_path / f"{name}.pem"), "--json").json["public_key"]
        assert run(*acme, "person", "add", person, public, "--role", role).code == 0
    assert run(*acme, "policy", "activate", str(tmp_path / "lower.policy")).code == 3
    assert run(*acme, "data", "set", str(tmp_path / "freeze.json")).code == 3
    by_eve = ("--by", EVE, "--key", str(tmp_path / "eve.pem"))
    assert run(*acme, "policy", "draft", str(tmp_path / "lower.policy"), "--key", str(tmp_path / "eve.pem")).code == 2
    name = run(*acme, "policy", "draft", str(tmp_path / "lower.policy"), *by_eve, "--json").json["draft"]
    assert run(*acme, "policy", "simulate", name).code == 0
    assert run(*acme, "policy", "approve", name, "--person", EVE, "--key", str(tmp_path / "eve.pem")).code == 3
    assert run(*acme, "policy", "activate", "--draft", name).code == 3
    approved = run(*acme, "policy", "approve", name, "--person", ANN, "--key", str(tmp_path / "ann.pem"), "--json")
    assert (approved.code, approved.json["approved_by"]) == (0, [ANN])
    assert run(*acme, "policy", "activate", "--draft", name).code == 0
    freeze = run(*acme, "data", "set", str(tmp_path / "freeze.json"), "--draft", *by_eve, "--json").json["draft"]
    done = run(*acme, "policy", "activate", "--draft", freeze, "--json")
    assert (done.code, done.json["changes"][0][3]) == (0, "narrows")
    tested = run(*acme[:-2], "--env", "test", "--tenant", "acme", "policy", "promote", "--json")
    assert tested.json["tested"]["env"] == "live"


def test_data(run: Run, acme: tuple[str, ...], tmp_path: Path) -> None:
    compared = run(*acme, "data", "diff", str(tmp_path / "freeze.json"), "--json")
    assert compared.json["changes"] == [["table", "frozen", "changed", "narrows"]]
    assert run(*acme, "data", "list", "--json").json["version"] == 1
    assert run(*acme, "data", "set", str(tmp_path / "freeze.json"), *("--by", EVE)).code == 2
    assert run(*acme, "data", "set", str(tmp_path / "freeze.json"), "--json").json["version"] == 2
    assert run(*acme, "authorize", str(tmp_path / "intent.json"), "--audience", "bank").code == 3
    shown = run(*acme, "data", "show", "frozen", "--json").json["tables"]["frozen"]["rows"]
    assert shown == [{"__entity": {"type": "Account", "id": "main"}}]
    assert "table frozen" in run(*acme, "data", "show").out
    assert run(*acme, "data", "show", "nope").code == 6
    for wrong in ("[]", '{"param": {}}', '{"params": []}', '{"params": {"cap": 1.5}}', '{"params": {"capp": "1.00"}}'):
        (tmp_path / "wrong.json").write_text(wrong)
        assert run(*acme, "data", "set", str(tmp_path / "wrong.json")).code == 6


def test_a_pack_is_held_to_its_bytes(run: Run, acme: tuple[str, ...], tmp_path: Path) -> None:
    story, folder = ROOT_FOLDER / "policies" / "examples" / "shared-pack", tmp_path / "shared"
    folder.mkdir()
    for name in ("assistants.policy", "tenant.policy"):
        (folder / name).write_bytes((story / name).read_bytes())
    line = run("policy", "packs", str(folder / "assistants.policy")).out.strip()
    assert run("policy", "packs", str(folder), "--json").json["packs"]["host::assistants"] == line.partition("=")[2]
    assert run(*acme, "policy", "activate", str(folder), "--pack", line).code == 0
    assert run(*acme, "policy", "draft", str(folder), "--pack", line).code == 0
    (folder / "assistants.policy").write_bytes((story / "assistants.policy").read_bytes() + b" ")
    for verb in ("activate", "draft"):
        refused = run(*acme, "policy", verb, str(folder), "--pack", line)
        assert (refused.code, "is not the one that is locked" in refused.err) == (5, True)
    assert run(*acme, "policy", "activate", str(folder), "--pack", "host::assistants=xyz").code == 2
    assert run(*acme, "policy", "activate", "--draft", "x", "--pack", line).code == 2


def test_a_lock_is_kept_until_it_is_named_again(run: Run, acme: tuple[str, ...], tmp_path: Path) -> None:
    story, folder = ROOT_FOLDER / "policies" / "examples" / "shared-pack", tmp_path / "shared"
    folder.mkdir()
    for name in ("assistants.policy", "tenant.policy"):
        (folder / name).write_bytes((story / name).read_bytes())
    line = run("policy", "packs", str(folder / "assistants.policy")).out.strip()
    assert run(*acme, "policy", "activate", str(folder), "--pack", line).code == 0
    assert f"locked   {line}" in run(*acme, "policy", "show").out
    (folder / "assistants.policy").write_bytes((story / "assistants.policy").read_bytes() + b" ")
    newer = run("policy", "packs", str(folder / "assistants.policy")).out.strip()
    for verb in ("activate", "draft"):
        refused = run(*acme, "policy", verb, str(folder))
        assert (refused.code, f"--pack {newer}" in refused.err) == (5, True)
    assert run(*acme, "policy", "rollback", "--unlock", "host::other").code == 5
    drafted = run(*acme, "policy", "draft", str(folder), "--pack", newer)
    assert f"locks     {newer}" in drafted.out
    unlocking = run(*acme, "policy", "draft", str(folder), "--unlock", "host::assistants")
    assert "unlocks   host::assistants" in unlocking.out
    told = run(*acme, "policy", "draft", str(folder), "--unlock", "host::assistants", "--json").json
    assert (told["packs"], told["unlock"]) == ({}, ["host::assistants"])
    assert run(*acme, "policy", "activate", "--draft", told["draft"], "--unlock", "host::assistants").code == 2
    assert run(*acme, "policy", "activate", "--draft", told["draft"]).code == 0
    assert run(*acme, "policy", "show", "--json").json["packs"] == {}
    assert run(*acme, "policy", "rollback", "--json").code == 0
