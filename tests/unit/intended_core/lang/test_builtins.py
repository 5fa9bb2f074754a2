"""The closed table of methods and canonical addresses."""

from __future__ import annotations

import pytest

from intended_core.lang.builtins import METHODS, apply_method, kind_of, show_type
from intended_core.lang.faults import EvaluationError
from intended_core.lang.netforms import parse_url
from intended_core.lang.types import (
    BOOL,
    DATE,
    EMAIL,
    HOST,
    INT,
    PATH,
    STRING,
    URL,
    EntityType,
    EnumType,
    Member,
    RecordType,
    SetType,
)


def test_methods() -> None:
    numbers = SetType(INT, 4)
    assert apply_method(numbers, "size", frozenset({1, 2})) == 2
    assert apply_method(numbers, "contains_all", frozenset({1, 2}), frozenset({1})) is True
    assert apply_method(numbers, "contains_all", frozenset({1}), frozenset({1, 2})) is False
    assert apply_method(numbers, "contains_any", frozenset({1}), frozenset({1, 2})) is True
    assert apply_method(numbers, "contains_any", frozenset({3}), frozenset({1, 2})) is False
    assert apply_method(STRING, "size", "né") == 2
    assert apply_method(EMAIL, "domain", "a@b.example") == "b.example"


def test_the_table_is_closed() -> None:
    assert {(spec.receiver, spec.name) for spec in METHODS.values()} == set(METHODS)
    assert [spec.name for spec in METHODS.values() if not spec.total] == ["decimal", "weekday", "time", "date", "at"]


@pytest.mark.parametrize(
    ("host", "above", "found"),
    [("a.example", "a.example", True), ("b.a.example", "a.example", True), ("ba.example", "a.example", False), ("example", "a.example", False),
     ("10.0.0.1", "0.0.1", False), ("10.0.0.1", "10.0.0.1", True), ("[::1]", "[::1]", True)],
)  # fmt: skip
def test_under_goes_label_by_label(host: str, above: str, found: bool) -> None:
    assert apply_method(HOST, "under", host, above) is found


@pytest.mark.parametrize(
    ("path", "above", "found"),
    [("/a/b", "/a", True), ("/a", "/a", True), ("/ab", "/a", False), ("/a", "/", True), ("/a/b", "/a/", True), ("/a", "/a/", True), ("/", "/a", False)],
)
def test_paths_are_under_segment_by_segment(path: str, above: str, found: bool) -> None:
    assert apply_method(PATH, "under", path, above) is found


def test_parts_of_a_url() -> None:
    url = parse_url("https://a.example:8443/x/y?q=1")
    assert [apply_method(URL, name, url) for name in ("scheme", "host", "port", "path", "query")] == ["https", "a.example", 8443, "/x/y", "q=1"]
    assert apply_method(URL, "port", parse_url("wss://a.example/")) == 443


def test_an_int_that_is_no_decimal() -> None:
    assert apply_method(INT, "decimal", 10**18 - 1) == (10**18 - 1) * 10**9
    with pytest.raises(EvaluationError):
        apply_method(INT, "decimal", 10**18)


def test_days_of_the_week() -> None:
    assert [apply_method(DATE, "weekday", days) for days in (0, 1, -1, 20_780)] == ["thu", "fri", "wed", "mon"]


def test_kinds_and_words() -> None:
    record = RecordType((Member("a", INT), Member("b", BOOL, True)))
    assert [kind_of(item) for item in (INT, SetType(INT), EntityType(("A",)), EnumType("E", ("a",)), record)] == [
        "Int", "Set", "Entity", "Enum", "Record",
    ]  # fmt: skip
    assert show_type(record) == "{ a: Int, b?: Bool }"
    assert show_type(EntityType(("A", "B"))) == "A | B"
    assert show_type(SetType(EnumType("E", ("a",)))) == "Set<E>"
