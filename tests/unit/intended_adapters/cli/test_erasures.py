"""audit erase and prune: planned first, agreed to by two persons, and said in the log."""

from __future__ import annotations

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
