"""The file of tables is the grammar's, reads back as the same driver, and is left alone when it is anything else."""

from __future__ import annotations

import json

import pytest

from intended_core.lang import parser as room
from intended_core.lang.lalr import Driver, make_driver
from intended_core.lang.lalr_tables import read_driver, write_tables
from intended_core.lang.parser import grammar_text
from scripts.tables import FILE, tables


@pytest.fixture(scope="module")
def committed() -> bytes:
    return FILE.read_bytes()


def test_the_committed_tables_are_those_of_the_grammar(committed: bytes) -> None:
    assert committed == tables(), "grammar/intended.lark has changed: run `make tables`"


def test_what_is_read_is_what_was_written(committed: bytes) -> None:
    driver = read_driver(committed, grammar_text())
    assert driver is not None
    assert write_tables(driver, grammar_text()) == committed


def test_the_parser_starts_without_building_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("lark built the tables")

    monkeypatch.setattr(room, "_plain_lark", refuse)
    assert isinstance(room._driver.__wrapped__(), Driver)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.update(grammar="0" * 64),
        lambda made: made.update(format="intended.lalr/2"),
        lambda made: made.update(words="("),
        lambda made: made.pop("rules"),
        lambda made: made["actions"][0].append(1),
        lambda made: made["actions"][0].__setitem__(0, 10**6),
        lambda made: made.update(rules=made["rules"][:3]),
    ],
)
def test_another_table_is_not_used(committed: bytes, change: object) -> None:
    made = json.loads(committed)
    assert callable(change)
    change(made)
    assert read_driver(json.dumps(made).encode(), grammar_text()) is None


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"null", b"\xff"])
def test_what_is_no_table_is_not_used(data: bytes) -> None:
    assert read_driver(data, grammar_text()) is None


def test_without_the_file_lark_builds_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    text = grammar_text()
    monkeypatch.setattr(room, "_carried", lambda name: text.encode() if name.endswith(".lark") else None)
    made = room._driver.__wrapped__()
    assert made is not None
    again = make_driver(room._plain_lark())
    assert again is not None
    assert write_tables(made, text) == write_tables(again, text)
