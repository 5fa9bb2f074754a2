"""What of a broken set can still be checked: the items that rest on nothing broken.

So one typo does not hide the other nine, and does not make more of itself.

A declaration is broken when it does not parse or has an error; what names a broken thing rests on it. Rules and tests that rest on nothing
broken are checked with the sound declarations alone. It only chooses what to look at: a set with an error stays refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from intended_core.lang import ast
from intended_core.lang.diagnostics import Diagnostic
from intended_core.lang.source import Source

__all__ = ["sound_items"]

_NOTES: Final = r"(?:@\w+(?:\([^)\n]*\))?\s*)*"
_NAME: Final = r'(?:[\w:]+|"[^"\n]*")'
_HEAD: Final = re.compile(rf"^[ \t]*{_NOTES}[A-Za-z_]+[ \t]+(?P<names>{_NAME}(?:[ \t]*,[ \t]*{_NAME})*)", re.MULTILINE)
_WORD: Final = re.compile(r'"[^"\n]*"|[A-Za-z_][A-Za-z0-9_]*|#[^\n]*')
_RULES: Final = (ast.RuleDecl, ast.TestDecl)


def sound_items(
    items: Sequence[ast.Item], problems: Iterable[Diagnostic], sources: Sequence[Source]
) -> tuple[ast.Item, ...]:
    """The items that rest on nothing broken: `problems` are the errors found so far, in parsing and in declarations."""
    texts = {source.name: source.text.split("\n") for source in sources}
    spoken = [_words(_slice(texts[item.span.file], item)) for item in items]
    declared = [_declared(item) for item in items]
    places = [(problem.span.file, problem.span.line) for problem in problems]
    broken = {at for at, item in enumerate(items) if any(_holds(item, place) for place in places)}
    lost = {name for at in broken for name in declared[at]} | _unread(items, texts)
    growing = True
    while growing:
        growing = False
        for at, item in enumerate(items):
            if at not in broken and spoken[at] & lost:
                broken.add(at)
                lost |= declared[at]
                growing = growing or not isinstance(item, _RULES)
    every_action = any(isinstance(items[at], ast.ActionDecl) for at in broken)
    return tuple(
        item for at, item in enumerate(items) if at not in broken and not (every_action and _speaks_of_all(item))
    )


def _speaks_of_all(item: ast.Item) -> bool:
    return isinstance(item, ast.RuleDecl) and all(clause.kind != "action" for clause in item.clauses)


def _holds(item: ast.Item, place: tuple[str, int]) -> bool:
    return item.span.file == place[0] and item.span.line <= place[1] <= item.span.end_line


def _slice(lines: Sequence[str], item: ast.Item) -> str:
    span = item.span
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column]
    first, last = lines[span.line - 1][span.column - 1 :], lines[span.end_line - 1][: span.end_column]
    return "\n".join([first, *lines[span.line : span.end_line - 1], last])


def _words(text: str) -> set[str]:
    return {word.strip('"') for word in _WORD.findall(text) if not word.startswith("#")}


def _declared(item: ast.Item) -> set[str]:
    """The names that other items can rest on. A rule's name is one: tests say `by` whom."""
    if isinstance(item, ast.EntityDecl | ast.ActionDecl):
        return {name.text for name in item.names}
    name = getattr(item, "name", None)
    if isinstance(item, ast.PackDecl) or name is None:
        return set()
    return {name if isinstance(name, str) else name.text}


def _unread(items: Sequence[ast.Item], texts: dict[str, list[str]]) -> set[str]:
    """The names that text outside every item seems to declare: what stands after the first word of its lines."""
    found: set[str] = set()
    for file, lines in texts.items():
        kept = list(lines)
        for item in items:
            if item.span.file == file:
                for number in range(item.span.line, item.span.end_line + 1):
                    kept[number - 1] = ""
        for match in _HEAD.finditer("\n".join(line for line in kept if not line.lstrip().startswith("#"))):
            found |= {name.strip(' \t"') for name in match["names"].split(",")}
    return found
