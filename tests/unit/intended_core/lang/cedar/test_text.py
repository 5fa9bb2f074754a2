"""String literals and patterns read as Cedar reads them."""

from __future__ import annotations

import pytest
from lark import Lark, Token

from intended_core.lang.cedar import text
from intended_core.lang.cedar.text import TextError, check_name, depth_problem, grammar, pattern, unescape
from intended_core.lang.source import Source


def token(text: str) -> Token:
    return Token("STRING", text, start_pos=0)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [('"a"', "a"), (r'"\n\r\t\0\\\'\""', "\n\r\t\0\\'\""), (r'"\x41\u{41}\u{1F600}"', "AA\U0001f600"), ('"a\nb"', "a\nb")],
)
def test_escapes(text: str, wanted: str) -> None:
    assert unescape(token(text)) == wanted


@pytest.mark.parametrize("text", [r'"\q"', r'"\x80"', r'"\u{D800}"', r'"\u{110000}"', r'"\u{}"', r'"\*"', r'"\x4"'])
def test_what_is_no_escape(text: str) -> None:
    with pytest.raises(TextError) as caught:
        unescape(token(text))
    assert caught.value.code == "parse.string"
    assert (caught.value.at, caught.value.end) == (1, 3)


@pytest.mark.parametrize(
    ("text", "parts"), [('"a*b"', ("a", "b")), (r'"a\*b"', ("a*b",)), ('"*"', ("", "")), (r'"\**\*"', ("*", "*")), ('""', ("",))]
)
def test_an_escaped_star_is_text(text: str, parts: tuple[str, ...]) -> None:
    assert pattern(token(text)) == parts


def test_reserved_words_are_no_names() -> None:
    assert check_name(Token("IDENT", "permit", start_pos=0)) == "permit"
    for word in ("if", "in", "is", "has", "like", "true", "false", "then", "else", "__cedar"):
        with pytest.raises(TextError):
            check_name(Token("IDENT", word, start_pos=0))


def test_nesting_is_bounded_before_anything_is_built() -> None:
    fine, deep = Source.from_text("a", "(" * 64 + ")" * 64), Source.from_text("a", "(" * 65)
    assert depth_problem(fine) is None
    found = depth_problem(deep)
    assert found is not None
    assert found.code == "limit.nesting"
    assert depth_problem(Source.from_text("a", '"' + "(" * 99 + '" //' + "(" * 99)) is None


@pytest.mark.parametrize("name", ["cedar", "cedarschema"])
def test_the_grammars_are_there_and_have_one_reading(name: str) -> None:
    """Strict mode refuses shift/reduce conflicts and terminals that collide."""
    assert Lark(grammar(name), parser="lalr", strict=True, maybe_placeholders=True)


@pytest.mark.parametrize("language", ["cedar", "cedarschema"])
def test_a_message_names_what_stands_in_the_file(language: str) -> None:
    for terminal in Lark(grammar(language), parser="lalr").terminals:
        named = terminal.name in text._SHOWN or terminal.name.startswith("__")
        assert named or terminal.pattern.value == terminal.name.lower(), terminal
