from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String

from intended_adapters.cli import lexer
from intended_adapters.cli.lexer import PolicyLexer

ROOT = Path(__file__).resolve().parents[4]
POLICIES = sorted([*ROOT.glob("policies/**/*.policy"), *ROOT.glob("tests/golden/**/*.policy")])


def kinds(text: str) -> list[tuple[object, str]]:
    return [(kind, word) for kind, word in PolicyLexer(ensurenl=False, stripnl=False).get_tokens(text) if word.strip()]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: "/".join(path.relative_to(ROOT).parts[-3:]))
def test_every_policy_is_coloured_and_nothing_is_lost(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    found = list(PolicyLexer(ensurenl=False, stripnl=False).get_tokens(text))
    assert "".join(word for _, word in found) == text
    if "golden" not in path.parts:
        assert [word for kind, word in found if kind is Error] == []


def test_words_have_their_kinds() -> None:
    text = '@id("a\\n") permit pay { when args.from in Group::"x" and n > 1.5 and t < 4h; } # c'
    assert [kind for kind, _ in kinds(text)][:4] == [Name.Decorator, lexer.Punctuation, String.Double, String.Double]
    found = {word: kind for kind, word in kinds(text)}
    assert found["permit"] is Keyword.Declaration
    assert found["pay"] is Name.Function
    assert found["from"] is Name.Attribute
    assert found["Group"] is Name.Class
    assert found["and"] is Operator.Word
    assert (found["1.5"], found["4h"]) == (Number.Float, Number.Date)
    assert found["# c"] is Comment.Single
    assert found["\\n"] is String.Escape


def test_the_lexer_knows_exactly_the_words_of_the_grammar() -> None:
    grammar = (ROOT / "grammar" / "intended.lark").read_text(encoding="utf-8")
    rules = re.sub(r"//[^\n]*|/(?:[^/\\\n]|\\.)+/", "", grammar)
    used = set(re.findall(r'"([a-z]+)"', rules))
    known = {*lexer.DECLARATIONS, *lexer.CLAUSES, *lexer.WORD_OPERATORS, *lexer.CONSTANTS}
    assert known == used


def test_documentation_tools_find_it_by_name() -> None:
    assert [one.name for one in entry_points(group="pygments.lexers") if one.value.startswith("intended_adapters")]
    assert isinstance(get_lexer_by_name("intended"), PolicyLexer)
