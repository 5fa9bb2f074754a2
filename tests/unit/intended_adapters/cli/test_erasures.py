"""audit erase and prune: planned first, agreed to by two persons, and said in the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
WHY = ("--reason", "asked", "--basis", "law")


@pytest.fixture
def decided(run: Run, shop: Any) -> int:
    intent = shop.folder / "the-agent-pays-a-known-supplier.json"
    return int(run(*shop.options, "authorize", str(intent), "--audience", "bank", "--json").json["seq"])


def persons(run: Run, shop: Any, tmp_path: Path, *names: str) -> list[str]:
    words: list[str] = []
    for name in names:
        key = tmp_path / f"{name}.pem"
        public = run("person", "key", str(key), "--json").json["public_key"]
        assert run(*shop.options, "person", "add", f'User::"{name}"', public).code == 0
        words += ["--person", f'User::"{name}"', "--key", str(key)]
    return words


def test_a_plan_changes_nothing(run: Run, shop: Any, decided: int) -> None:
    done = run(*shop.options, "audit", "erase", "--seq", str(decided), *WHY, "--plan", "--until", "2099-01-01T00:00:00Z", "--json")
    assert (done.code, done.json["places"], len(done.json["digest"])) == (0, [[decided, decided + 1]], 64)
    said = run(*shop.options, "audit", "prune", "--before", "2099-01-01T00:00:00Z", *WHY, "--plan")
    assert (said.code, "would go" in said.out, "two persons sign" in said.out) == (0, True, True)
    assert run(*shop.options, "audit", "show", str(decided), "--json").json["erased"] is False


def test_two_persons_erase(run: Run, shop: Any, decided: int, tmp_path: Path) -> None:
    people = persons(run, shop, tmp_path, "eraser-one", "eraser-two")
    erase = (*shop.options, "audit", "erase", "--seq", str(decided), *WHY)
    assert run(*erase, *people[:4]).code != 0
    assert run(*erase, "--person", 'User::"eraser-one"').code == 2
    done = run(*erase, *people, "--json")
    assert (done.code, done.json["records"]) == (0, 1)
    shown = run(*shop.options, "audit", "show", str(decided))
    assert "(erased)" in shown.out
    verified = run(*shop.options, "audit", "verify", "--pin", shop.pin, "--json")
    assert (verified.code, verified.json["erased"], verified.json["findings"]) == (0, 1, [])


@pytest.mark.parametrize("words", [[], ["--seq", "1", "--about", 'User::"ann"']])
def test_which_records_is_said_in_one_way(run: Run, shop: Any, words: list[str]) -> None:
    done = run(*shop.options, "audit", "erase", *words, *WHY)
    assert done.code == 2
    assert "either --seq or --about" in done.err


def test_two_persons_erase_one_field(run: Run, shop: Any, decided: int, tmp_path: Path) -> None:
    people = persons(run, shop, tmp_path, "eraser-three", "eraser-four")
    body = run(*shop.options, "audit", "show", str(decided), "--json").json["body"]
    asked = json.loads(body["intent"])
    path = f"intent.args.{min(asked['args'])}"
    erase = (*shop.options, "audit", "erase", "--seq", f"{decided}:{path}", *WHY)
    planned = run(*erase, "--plan")
    assert (planned.code, f"{decided}: " in planned.out, path in planned.out) == (0, True, True)
    done = run(*erase, *people, "--json")
    assert (done.code, done.json["records"]) == (0, 0)
    assert path in done.json["fields"][0][1]
    shown = run(*shop.options, "audit", "show", str(decided), "--json").json
    assert shown["body"]["$missing"][path] == done.json["seq"]
    assert shown["body"]["intent_parts"]["principal"] == asked["principal"]
    assert "(erased in part)" in run(*shop.options, "audit", "show", str(decided)).out
    verified = run(*shop.options, "audit", "verify", "--pin", shop.pin, "--json")
    assert (verified.code, verified.json["findings"], verified.json["erased_fields"] > 0) == (0, [], True)
    assert "fields of others" in run(*shop.options, "audit", "verify", "--pin", shop.pin).out
    principal = '{}::"{}"'.format(*asked["principal"])
    found = run(*shop.options, "audit", "erase", "--about", principal, "--fields", *WHY, "--plan", "--json")
    assert [decided, "intent.principal"] in [[seq, each] for seq, paths in found.json["fields"] for each in paths]


@pytest.mark.parametrize("seq", ["x", "1:", ":intent.args.a", "-1", "1" * 20])
def test_a_record_that_is_none(run: Run, shop: Any, seq: str) -> None:
    assert run(*shop.options, "audit", "erase", f"--seq={seq}", *WHY).code == 2
