"""Text to syntax trees, tolerant of errors: items are cut apart first and parsed one by one, so one typo does not hide nine others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from intended_core.lang.ast import Node
from intended_core.lang.diagnostics import Diagnostic, did_you_mean
from intended_core.lang.grammar import GrammarError, TooDeepError, parse_item
from intended_core.lang.source import Source

__all__ = ["ParsedFile", "parse"]

MAX_NESTING: Final = 64  # language.md § 1
MAX_ITEM_CHARS: Final = 256 * 1024  # one rule or fixture; a whole set has many
_TO_SEMICOLON: Final = frozenset({"type", "const", "param", "table", "def", "import", "policy", "obligation"})
_ITEMS: Final = (
    "policy", "import", "entity", "enum", "lattice", "action", "type", "const", "param", "table", "def", "meter", "obligation",
    "permit", "forbid", "escalate", "fixture", "test", "prove",
)  # fmt: skip
_CLAUSES: Final = (
    "principal", "action", "resource", "let", "when", "unless", "meter", "approval", "oblige", "because", "valid", "from", "quorum",
    "exclude", "expires", "binds", "given", "entity", "intent", "expect", "case", "again", "advance", "approve",
)  # fmt: skip
_SCAN: Final = re.compile(r'"(?:[^"\\\n]|\\.)*"?|#[^\n]*|[{}()\[\];]|[A-Za-z_][A-Za-z0-9_]*|@')
_RESTART: Final = re.compile(rf"^(?:@[A-Za-z_]|(?:{'|'.join(_ITEMS)})\b)", re.MULTILINE)
_NAMES: Final = {
    "SEMICOLON": "`;`", "LBRACE": "`{`", "RBRACE": "`}`", "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "COLON": "`:`",
    "COMMA": "`,`", "EQUAL": "`=`", "NAME": "a name", "STRING": "a string", "INT": "a number", "DECIMAL": "a decimal", "$END": "the end",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """The items of one file that parsed, in order."""

    source: Source
    items: tuple[Node, ...]


def parse(source: Source) -> tuple[ParsedFile, tuple[Diagnostic, ...]]:
    """Every item that parses, and a diagnostic for each that does not."""
    items: list[Node] = []
    found: list[Diagnostic] = []
    chunks, problem = _cut(source)
    if problem is not None:
        return ParsedFile(source=source, items=()), (problem,)
    for start, stop in chunks:
        _parse_chunk(source, start, stop, items, found, retry=True)
    return ParsedFile(source=source, items=tuple(items)), tuple(found)


def _cut(source: Source) -> tuple[list[tuple[int, int]], Diagnostic | None]:
    chunks: list[tuple[int, int]] = []
    text = source.text
    depth, start, word, pending = 0, -1, "", -1
    for match in _SCAN.finditer(text):
        mark = match[0]
        if mark[0] == "#":
            continue
        if pending >= 0:
            if mark == ";":
                chunks.append((start, match.end()))
                start, word, pending = -1, "", -1
                continue
            chunks.append((start, pending))
            start, word, pending = -1, "", -1
        if start < 0:
            start = match.start()
        if not word and depth == 0 and mark in _ITEMS:
            word = mark
        if mark in "{([":
            depth += 1
            if depth > MAX_NESTING:
                span = source.span(match.start(), match.end())
                return [], Diagnostic(
                    code="too-deep", severity="error", message=f"brackets are nested deeper than {MAX_NESTING} levels", span=span,
                    label="here", help="name inner parts with `let` or `def`",
                )  # fmt: skip
        elif mark in "})]":
            depth = max(0, depth - 1)
            if mark == "}" and depth == 0 and word not in _TO_SEMICOLON:
                pending = match.end()
        elif mark == ";" and depth == 0:
            chunks.append((start, match.end()))
            start, word = -1, ""
    if pending >= 0:
        chunks.append((start, pending))
    elif start >= 0:
        chunks.append((start, len(text)))
    return chunks, None


def _parse_chunk(
    source: Source, start: int, stop: int, items: list[Node], found: list[Diagnostic], *, retry: bool
) -> None:
    text = source.text[start:stop]
    if len(text) > MAX_ITEM_CHARS:
        found.append(
            Diagnostic(
                code="too-many-tokens", severity="error", message="one declaration is too long to be read",
                span=source.span(start, start + 1), label="it starts here", help="is a closing bracket missing?",
            )  # fmt: skip
        )
        return
    try:
        items.extend(item for item in parse_item(text, start) if isinstance(item, Node))
    except TooDeepError as deep:
        found.append(
            Diagnostic(
                code="too-deep", severity="error", message="this expression is nested too deeply",
                span=source.span(deep.offset, deep.offset + 1), label="here", help="name inner parts with `let` or `def`",
            )  # fmt: skip
        )
    except (RecursionError, MemoryError):
        found.append(
            Diagnostic(
                code="too-deep", severity="error", message="this declaration is nested too deeply",
                span=source.span(start, start + 1), label="it starts here", help="name inner parts with `let` or `def`",
            )  # fmt: skip
        )
    except GrammarError as error:
        found.append(_syntax(source, error, text, start))
        if retry:
            # A bracket that never closes swallows its neighbours: what starts an item at the line's beginning is tried again.
            restarts = [start + match.start() for match in _RESTART.finditer(text) if match.start() > 0]
            restarts = [at for at in restarts if at > error.offset or source.text[at] == "@"]
            edges = [*restarts, stop]
            for left, right in zip(edges, edges[1:], strict=False):
                _quiet(source, left, right, items)


def _quiet(source: Source, start: int, stop: int, items: list[Node]) -> None:
    """Keep what parses after an error, without reporting the same mistake again."""
    try:
        items.extend(item for item in parse_item(source.text[start:stop].rstrip(), start) if isinstance(item, Node))
    except (GrammarError, TooDeepError, RecursionError, MemoryError):
        return


def _syntax(source: Source, error: GrammarError, text: str, start: int) -> Diagnostic:
    at = min(error.offset, start + max(0, len(text) - 1))
    names = sorted({_NAMES.get(name, f"`{name.lower()}`") for name in error.expected if not name.startswith("__")})
    expected = ", ".join(names[:6]) + (" …" if len(names) > 6 else "")
    shown = error.found if len(error.found) <= 40 else error.found[:40] + "…"
    message = f"`{shown}` does not fit here" if shown else "the file ends inside a declaration"
    guess = did_you_mean(error.found, (*_ITEMS, *_CLAUSES)) if error.found.isidentifier() else ""
    if not guess:
        word = re.search(r"([A-Za-z_]+)\s*$", source.text[max(start, at - 60) : at])
        if word and word[1] not in (*_ITEMS, *_CLAUSES):
            near = did_you_mean(word[1], (*_ITEMS, *_CLAUSES))
            guess = f"`{word[1]}`: {near}" if near else ""
    return Diagnostic(
        code="syntax", severity="error", message=message, span=source.span(at, at + max(1, len(error.found))),
        label="here", cause=f"expected {expected}" if expected else "", help=guess,
    )  # fmt: skip
