"""The only room that touches lark: the grammar is loaded once per process, lazily, and parses one top-level item at a time."""

from __future__ import annotations

import threading
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark import Tree as LarkTree

from intended_core.errors import AssemblyError
from intended_core.lang.ast import Leaf, Node, Tree

__all__ = ["GrammarError", "TooDeepError", "grammar_text", "parse_item"]

MAX_DEPTH: Final = 150  # of the tree; the text's brackets are capped at 64 before
_LOCK: Final = threading.Lock()


class GrammarError(Exception):
    """The text does not parse at `offset`: `found` stands where one of `expected` may."""

    def __init__(self, *, offset: int, found: str, expected: frozenset[str]) -> None:
        super().__init__(found)
        self.offset = offset
        self.found = found
        self.expected = expected


class TooDeepError(Exception):
    """The tree is deeper than the checker walks."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def grammar_text() -> str:
    """The grammar as shipped: package data in a wheel, `grammar/intended.lark` in a source tree."""
    packaged = resources.files("intended_core.lang").joinpath("intended.lark")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    source_tree = Path(__file__).resolve().parents[3] / "grammar" / "intended.lark"
    if source_tree.is_file():
        return source_tree.read_text(encoding="utf-8")
    raise AssemblyError("the grammar file is missing from this installation: reinstall `intended`")


@lru_cache(maxsize=1)
def _build() -> Lark:
    return Lark(grammar_text(), parser="lalr", propagate_positions=True, maybe_placeholders=True)


def _parser() -> Lark:
    with _LOCK:
        return _build()


def parse_item(text: str, offset: int) -> tuple[Tree, ...]:
    """The items in `text`, which stands at `offset` of its file. Raises GrammarError or TooDeepError."""
    try:
        found = _parser().parse(text)
    except UnexpectedCharacters as error:
        raise GrammarError(
            offset=offset + error.pos_in_stream, found=text[error.pos_in_stream : error.pos_in_stream + 1],
            expected=frozenset(error.allowed or ()),
        ) from None  # fmt: skip
    except UnexpectedToken as error:
        at = len(text.rstrip()) if error.token.type == "$END" else (error.token.start_pos or 0)  # noqa: S105
        raise GrammarError(
            offset=offset + at, found="" if error.token.type == "$END" else str(error.token),  # noqa: S105
            expected=frozenset(error.accepts or error.expected or ()),
        ) from None  # fmt: skip
    except UnexpectedInput:
        raise GrammarError(offset=offset, found=text[:1], expected=frozenset()) from None
    return tuple(_convert(child, offset, 0) for child in found.children if child is not None)


def _convert(found: Any, offset: int, depth: int) -> Tree:
    if isinstance(found, Token):
        start = found.start_pos or 0
        return Leaf(str(found.type), str(found), offset + start, offset + (found.end_pos or start))
    tree: LarkTree[Any] = found
    start = getattr(tree.meta, "start_pos", 0) if not tree.meta.empty else 0
    end = getattr(tree.meta, "end_pos", 0) if not tree.meta.empty else 0
    if depth > MAX_DEPTH:
        raise TooDeepError(offset + start)
    children = tuple(None if child is None else _convert(child, offset, depth + 1) for child in tree.children)
    return Node(str(tree.data), children, offset + start, offset + end)
