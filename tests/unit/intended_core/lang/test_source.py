"""Which bytes become a policy text."""

from __future__ import annotations

import pytest

from intended_core.errors import PolicyError
from intended_core.lang.source import MAX_SOURCE_BYTES, Source, read_source


def test_text_and_lines() -> None:
    source = Source.from_bytes("a/b.policy", "één\r\nzwei\n".encode())
    assert source.text == "één\r\nzwei\n"
    assert [source.line(number) for number in (0, 1, 2, 3, 4)] == ["", "één", "zwei", "", ""]


def test_span_counts_code_points_and_names_the_last_character() -> None:
    source = Source.from_text("a", "é = 1;\nzwei")
    span = source.span(4, 9)
    assert (span.line, span.column, span.end_line, span.end_column) == (1, 5, 2, 2)
    assert str(span) == "a:1:5"


def test_the_largest_file_is_read_and_one_byte_more_is_not() -> None:
    assert read_source("a", b" " * MAX_SOURCE_BYTES)[0] is not None
    _, problems = read_source("a", b" " * (MAX_SOURCE_BYTES + 1))
    assert [item.code for item in problems] == ["source.too-large"]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a\rb", "source.line-break", 1, 2),
        ("a\n b\r", "source.line-break", 2, 3),
        ("a\u2028", "source.line-break", 1, 2),
        ("a\u2029", "source.line-break", 1, 2),
        ("a\x85", "source.line-break", 1, 2),
        ("a\x0b", "source.line-break", 1, 2),
        ("a\x0c", "source.line-break", 1, 2),
        ("\u202ea", "source.bidi", 1, 1),
        ("\u2066a", "source.bidi", 1, 1),
        ("a\x00", "source.control", 1, 2),
        ("a\u200b", "source.control", 1, 2),
        ("\ufeffa", "source.control", 1, 1),
        ("a\U000e0041", "source.control", 1, 2),
    ],
)
def test_hidden_characters_are_refused_at_their_place(text: str, code: str, line: int, column: int) -> None:
    source, problems = read_source("a", text.encode())
    assert source is None
    assert [(item.code, item.span.line, item.span.column) for item in problems] == [(code, line, column)]


@pytest.mark.parametrize("data", [b"ok\n\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
def test_bytes_that_are_not_utf8(data: bytes) -> None:
    with pytest.raises(PolicyError) as caught:
        Source.from_bytes("a", data)
    assert [getattr(item, "code", "") for item in caught.value.diagnostics] == ["source.encoding"]


def test_the_place_of_a_bad_byte() -> None:
    _, problems = read_source("a", b"one\ntwo \xff")
    assert (problems[0].span.line, problems[0].span.column) == (2, 5)


def test_a_surrogate_does_not_come_in_as_text() -> None:
    with pytest.raises(PolicyError):
        Source.from_text("a", "\ud800")


@pytest.mark.parametrize("name", ["", "../a", "a/../b", "/etc/passwd", "a\nb", "a b", "x" * 300])
def test_names_that_are_no_relative_path(name: str) -> None:
    _, problems = read_source(name, b"")
    assert [item.code for item in problems] == ["source.name"]
