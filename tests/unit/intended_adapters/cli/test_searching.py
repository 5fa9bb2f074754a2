"""audit show, search and watch: as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from intended_adapters.cli.searching import as_json, line
from intended_core import ShownRecord

Run = Callable[..., Any]


@pytest.fixture
def decided(run: Run, shop: Any) -> int:
    intent = shop.folder / "the-agent-pays-a-known-supplier.json"
    return int(run(*shop.options, "authorize", str(intent), "--audience", "bank", "--json").json["seq"])


def test_one_record_whole(run: Run, shop: Any, decided: int) -> None:
    done = run(*shop.options, "audit", "show", str(decided), "--json")
    assert (done.code, done.json["kind"], done.json["life"]) == (0, "decision.allow", [decided])
    shown = run(*shop.options, "audit", "show", str(decided))
    assert '"outcome": "allow"' in shown.out
    missing = run(*shop.options, "audit", "show", "99999")
    assert missing.code != 0
    assert "it ends at" in missing.err


def test_searching(run: Run, shop: Any, decided: int) -> None:
    found = run(*shop.options, "audit", "search", "--kind", "decision.", "--since", "1h", "-n", "1000", "--json").json
    assert decided in [record["seq"] for record in found["records"]]
    assert found["more"] is False
    few = run(*shop.options, "audit", "search", "-n", "1")
    assert "there are more than 1" in few.out
    assert run(*shop.options, "audit", "search", "--text", "never-said").out == "no record is like that\n"
    assert run(*shop.options, "audit", "search", "--since", "2099-01-01T00:00:00Z").out == "no record is like that\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--kind", "decision.maybe"], "no record of the kind"), (["--since", "soon"], "12h"), (["--about", "bot"], 'Type::"id"'), (["-n", "0"], "")],
)
def test_a_question_that_is_none_says_how_to_ask(run: Run, shop: Any, words: list[str], said: str) -> None:
    done = run(*shop.options, "audit", "search", *words)
    assert done.code != 0
    assert said in done.err


def test_watching_ends_by_itself_when_told(run: Run, shop: Any) -> None:
    done = run(*shop.options, "audit", "watch", "--for", "0")
    assert (done.code, done.out) == (0, "")


def test_nothing_in_a_line_moves_a_terminal() -> None:
    record = ShownRecord(seq=1, kind="decision.deny", time_us=0, body={"outcome": "deny\x1b[2J\u202e", "rules": ["a\nb"]})
    assert line(record) == "       1  1970-01-01 00:00:00  decision.deny       deny\\x1b[2J\\u202e by a\\nb"
    assert json.loads(json.dumps(as_json(record)))["body"] == record.body
