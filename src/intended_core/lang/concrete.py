"""Text to its words and their grouping, with every comment kept: what the formatter lays out and what colours are made from.

Unlike `parser` this keeps the words that carry no meaning of their own (`;`, `{`, `and`) and the comments, each at the word it stands by.
It knows the whole grammar and nothing of meaning. A text that does not parse is refused; ask `parser.parse` why.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from lark import Lark, Token
from lark.exceptions import LarkError

from intended_core.errors import PolicyError
from intended_core.lang.parser import grammar_text

__all__ = ["Branch", "Comment", "Node", "Word", "concrete_tree", "words_of"]


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment from `#` to the end of its line, without trailing blanks. `blank`: an empty line stands before it."""

    text: str
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the text. `before`: comments on lines of their own before it; `after`: comments behind it.

    `blank`: an empty line stands directly before the word. `kind`: the terminal's name, "END" for the end of the text.
    """

    text: str
    kind: str
    before: tuple[Comment, ...] = ()
    after: tuple[Comment, ...] = ()
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Branch:
    """A grammar rule (or its alias) and what it is made of, in order."""

    kind: str
    parts: tuple[Node, ...]


Node = Word | Branch
_END: Final = "END"


@lru_cache(maxsize=1)
def _lark() -> Lark:
    return Lark(grammar_text(), parser="lalr", maybe_placeholders=False, keep_all_tokens=True)


def concrete_tree(text: str) -> tuple[Branch, Word]:
    """The whole text as a tree of words, and the end of the text (which carries the last comments); raises PolicyError."""
    try:
        tree = _lark().parse(text)
    except (LarkError, RecursionError, MemoryError):
        raise PolicyError("the text does not follow the grammar", diagnostics=()) from None
    tokens = _tokens(tree)
    words, end = _words(text, tokens)
    made = _branch(tree, words)
    return made, end


def words_of(node: Node) -> list[Word]:
    """Every word of a tree, in order."""
    found: list[Word] = []
    todo: list[Node] = [node]
    while todo:
        current = todo.pop()
        if isinstance(current, Word):
            found.append(current)
        else:
            todo.extend(reversed(current.parts))
    return found


def _tokens(tree: Any) -> list[Token]:
    found: list[Token] = []
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, Token):
            found.append(node)
        else:
            todo.extend(reversed(node.children))
    return found


def _words(text: str, tokens: list[Token]) -> tuple[dict[int, Word], Word]:
    """Word by token identity, and the end."""
    made: dict[int, Word] = {}
    previous: Token | None = None
    before: tuple[Comment, ...] = ()
    blank = False
    at = 0
    for token in [*tokens, None]:
        start = len(text) if token is None else token.start_pos or 0
        after, following, follows_blank = _gap(text[at:start], first=previous is None)
        if previous is not None:
            made[id(previous)] = Word(str(previous), str(previous.type), before, after, blank)
        before, blank, previous = following, follows_blank, token
        at = len(text) if token is None else token.end_pos or 0
    return made, Word("", _END, before, (), blank)


def _gap(text: str, *, first: bool) -> tuple[tuple[Comment, ...], tuple[Comment, ...], bool]:
    """What stands between two words: comments behind the first, comments before the second, an empty line before the second."""
    after: list[Comment] = []
    before: list[Comment] = []
    blank = False
    lines = text.split("\n")
    for number, line in enumerate(lines):
        comment = line.strip(" \t\r")
        if not comment:
            blank = blank or 0 < number < len(lines) - 1
        elif number == 0 and not first:
            after.append(Comment(comment))
        else:
            before.append(Comment(comment, blank))
            blank = False
    return tuple(after), tuple(before), blank


def _branch(tree: Any, words: dict[int, Word]) -> Branch:
    """The tree without lark's classes, made without recursion: a chain of ten thousand `and` is deep."""
    made: dict[int, Branch] = {}
    todo: list[tuple[Any, bool]] = [(tree, False)]
    while todo:
        node, ready = todo.pop()
        inner = [child for child in node.children if not isinstance(child, Token)]
        if not ready and inner:
            todo.append((node, True))
            todo.extend((child, False) for child in inner)
            continue
        parts = tuple(words[id(child)] if isinstance(child, Token) else made[id(child)] for child in node.children)
        made[id(node)] = Branch(str(node.data), parts)
    return made[id(tree)]
