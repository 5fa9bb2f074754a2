"""audit hold: placed and lifted by two persons, listed; what it keeps is neither erased nor pruned, and both say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
WHY = ("--reason", "case 4 C 12/26", "--basis", "order of 3 March")


@pytest.fixture
def decided(run: Run, shop: Any) -> int:
    intent = shop.folder / "the-agent-pays-a-known-supplier.json"
    return int(run(*shop.options, "authorize", str(intent), "--audience", "bank", "--json").json["seq"])


@pytest.fixture
def people(run: Run, shop: Any, tmp_path: Path) -> list[str]:
    words: list[str] = []
    for name in ("holder-one", "holder-two"):
        key = tmp_path / f"{name}.pem"
        public = run("person", "key", str(key), "--json").json["public_key"]
        assert run(*shop.options, "person", "add", f'User::"{name}"', public).code == 0
        words += ["--person", f'User::"{name}"', "--key", str(key)]
    return words


def test_placed_listed_lifted(run: Run, shop: Any, decided: int, people: list[str]) -> None:
    hold = (*shop.options, "audit", "hold")
    assert "no hold stands" in run(*hold, "list").out
    asked = run(*hold, "place", "--life", str(decided), *WHY, "--digest", "--until", "2099-01-01T00:00:00Z", "--json")
    assert (asked.code, len(asked.json["digest"]), asked.json["goes_on"]) == (0, 64, True)
    assert run(*hold, "place", *WHY, *people[:4]).code != 0, "one person"
    assert run(*hold, "place", *WHY).code == 2
    done = run(*hold, "place", "--life", str(decided), *WHY, *people, "--json")
    assert (done.code, done.json["records"] > 0) == (0, True)
    number = str(done.json["hold"])
    assert f"{number}: " in run(*hold, "list").out
    assert run(*hold, "list", "--json").json["holds"][0]["reason"] == "case 4 C 12/26"
    erase = (*shop.options, "audit", "erase", "--seq", str(decided), "--reason", "asked", "--basis", "law", *people)
    refused = run(*erase)
    assert (refused.code, f"under the hold of record {number}" in refused.err) == (8, True)
    prune = run(*shop.options, "audit", "prune", "--before", "2099-01-01T00:00:00Z", "--reason", "old", "--basis", "law", "--plan")
    assert "more are under a legal hold, and stay" in prune.out
    assert run(*hold, "lift", "9999", *WHY, *people).code == 6
    asked = run(*hold, "lift", number, *WHY, "--digest")
    assert (asked.code, "two persons sign" in asked.out) == (0, True)
    assert run(*hold, "lift", number, *WHY, *people).out.startswith("lifted")
    assert run(*erase).code == 0
    verified = run(*shop.options, "audit", "verify", "--pin", shop.pin, "--json")
    assert (verified.code, verified.json["findings"]) == (0, [])


def test_persons_sign_elsewhere_while_the_log_goes_on(run: Run, shop: Any, people: list[str], decided: int) -> None:
    hold = (*shop.options, "audit", "hold", "place", *WHY)
    asked = run(*hold, "--digest", "--json").json
    said = run(*hold, "--digest", "--size", str(asked["size"]), "--until", asked["until"])
    assert (said.code, asked["digest"] in said.out) == (0, True)
    intent = shop.folder / "the-agent-pays-a-known-supplier.json"
    assert run(*shop.options, "authorize", str(intent), "--audience", "bank").code == 0
    signed = [run("person", "sign", asked["digest"], "--key", key, "--json").json["signature"] for key in people[3::4]]
    words = ["--person", people[1], "--person", people[5], *[word for one in signed for word in ("--signature", one)]]
    moved = run(*hold, *words, "--until", asked["until"])
    assert moved.code != 0, "the log has grown, and they signed for what was there"
    done = run(*hold, *words, "--size", str(asked["size"]), "--until", asked["until"], "--json")
    assert (done.code, done.json["size"]) == (0, asked["size"])
    assert run(*hold[:-5], "lift", str(done.json["hold"]), *WHY, *people).code == 0


def test_a_stretch_that_ends_holds_nothing_to_come(run: Run, shop: Any, people: list[str]) -> None:
    hold = (*shop.options, "audit", "hold")
    done = run(*hold, "place", "--range", "0:2", *WHY, *people)
    assert (done.code, "held: 2 records\n" in done.out) == (0, True)
    number = done.out.split()[-1]
    assert "and what comes" not in run(*hold, "list").out
    assert run(*hold, "lift", number, *WHY, *people).code == 0
    assert run(*hold, "place", "--range", "nothing", *WHY, *people).code == 2
