"""Text to syntax tree, tolerant of errors: each top-level item is parsed on its own, so one typo does not hide the other nine.

The only room that touches lark. The grammar is `grammar/intended.lark`; the wheel carries it as package data.
Bounds: nesting 64, 1,000,000 words for one set, 40,000 items; a RecursionError or MemoryError is a load error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.utils import TextSlice

from intended_core.errors import AssemblyError
from intended_core.lang import ast
from intended_core.lang.diagnostics import Diagnostic, suggest
from intended_core.lang.lalr import Driver, Words, make_driver
from intended_core.lang.lalr_tables import read_driver
from intended_core.lang.source import Source
from intended_core.lang.transform import Transform, TreeError

__all__ = ["MAX_ITEMS", "MAX_NESTING", "MAX_TOKENS", "grammar_text", "parse", "parse_all"]

MAX_NESTING: Final = 64  # language.md § 1, totality and cost
MAX_TOKENS: Final = 1_000_000  # 10,000 rules with as many declarations have 700,000; a million are read in a few seconds
MAX_ITEMS: Final = 40_000  # rules and declarations of one set
MAX_REPORTED: Final = 50  # diagnostics of one set; more do not help anybody

_WORDS: Final = re.compile(
    r'(?P<space>[ \t\r\n]+|\#[^\n]*)|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<open>[{(\[])|(?P<close>[})\]])|(?P<end>;)'
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<at>@)|(?P<quote>\")|(?P<other>[0-9][A-Za-z0-9_.:-]*|.)"
)
_ITEM_START: Final = re.compile(
    r"@(?:id|root)\b|(?:policy|import|type|const|param|table|def|obligation|entity|enum|lattice|action|meter|permit|forbid|escalate"
    r'|fixture|test|prove)[ \t]+["A-Za-z_]'
)
_LAYOUT_ONLY: Final = re.compile(r"[ \t\r\n]*")
_ENDED: Final = frozenset({"policy", "import", "type", "const", "param", "table", "def", "obligation"})  # at `;`; the others at their `}`
_PAIRS: Final = {"{": "}", "(": ")", "[": "]"}


def grammar_text() -> str:
    """The grammar: package data of the wheel, else the one of the source tree; raises AssemblyError when neither is there."""
    found = _carried("intended.lark")
    if found is None:
        raise AssemblyError("the grammar intended.lark is missing from the installation: install the package again")
    return found.decode("utf-8")


def _carried(name: str) -> bytes | None:
    packaged = resources.files("intended_core.lang").joinpath(name)
    if packaged.is_file():
        return packaged.read_bytes()
    in_tree = Path(__file__).resolve().parents[3] / "grammar" / name
    return in_tree.read_bytes() if in_tree.is_file() else None


@lru_cache(maxsize=1)
def _lark() -> Lark:
    return Lark(grammar_text(), parser="lalr", propagate_positions=True, maybe_placeholders=True)


@lru_cache(maxsize=1)
def _plain_lark() -> Lark:
    """Without positions: its tables drive the quick way, and it alone says what does not fit."""
    return Lark(grammar_text(), parser="lalr", propagate_positions=False, maybe_placeholders=True)


@lru_cache(maxsize=1)
def _driver() -> Driver | None:
    made = read_driver(_carried("intended.table.json") or b"", grammar_text())
    return make_driver(_plain_lark()) if made is None else made


def parse(source: Source) -> tuple[tuple[ast.Item, ...], tuple[Diagnostic, ...]]:
    """The items of one file that could be parsed, and what is wrong with the others."""
    return parse_all((source,))


def parse_all(sources: Sequence[Source]) -> tuple[tuple[ast.Item, ...], tuple[Diagnostic, ...]]:
    """The items of all files, in the order given, and every parse diagnostic (at most 50)."""
    items: list[ast.Item] = []
    problems: list[Diagnostic] = []
    budget = MAX_TOKENS
    for source in sources:
        transform = Transform(source, MAX_NESTING)
        in_file: list[ast.Item] = []
        for chunk in _split(source, budget):
            if isinstance(chunk, Diagnostic):
                problems.append(chunk)
                if len(problems) >= MAX_REPORTED or chunk.code == "limit.tokens":
                    return tuple(items), tuple(problems)
                continue
            budget -= chunk.words
            found = _parse_chunk(source, transform, chunk)
            if isinstance(found, Diagnostic):
                problems.append(found)
                if len(problems) >= MAX_REPORTED:
                    return tuple(items), tuple(problems)
            else:
                problems.extend(_pack_place(found, before=bool(in_file)))
                in_file.extend(found)
                items.extend(found)
            if len(items) > MAX_ITEMS:
                message = f"the set has more than {MAX_ITEMS:,} items"
                problems.append(Diagnostic(code="limit.tokens", message=message, span=source.span(chunk.start, chunk.start + 1)))
                return tuple(items), tuple(problems)
    return tuple(items), tuple(problems)


def _split(source: Source, budget: int) -> Iterator[_Chunk | Diagnostic]:
    """The items of a file: by its words where every word is one, else (or where brackets do not close) by looking for where items start."""
    driver = _driver()
    if driver is not None:
        words = driver.words(source.text, 0, len(source.text))
        chunks = None if words is None or len(words.kinds) > budget else _by_words(source.text, words)
        if chunks is not None:
            yield from chunks
            return
    for found in _chunks(source, budget):
        yield found if isinstance(found, Diagnostic) else _Chunk(*found)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A top-level item: its places in the text, how many words it has, and which (first, behind the last) where they are known."""

    start: int
    end: int
    words: int
    known: tuple[Words, int, int] | None = None


_OPENS: Final = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB"}
_CLOSES: Final = frozenset(_OPENS.values())


def _by_words(text: str, words: Words) -> list[_Chunk] | None:
    """What `_chunks` answers for a text without fault; None when it would find one, or the last item does not end."""
    kinds, starts, ends = words.kinds, words.starts, words.ends
    made: list[_Chunk] = []
    stack: list[str] = []
    first, known, braced, skip = -1, False, False, False
    at, count = 0, len(kinds)
    while at < count:
        kind = kinds[at]
        if first < 0:
            first, known, braced, skip = at, False, False, False
        if stack:
            begin = starts[at]
            if (begin == 0 or text[begin - 1] == "\n") and _ITEM_START.match(text, begin) is not None:
                return None
        if kind in _OPENS:
            stack.append(_OPENS[kind])
            if len(stack) > MAX_NESTING:
                return None
        elif kind in _CLOSES:
            if not stack or stack.pop() != kind:
                return None
            if not stack and braced:
                if at + 1 < count and kinds[at + 1] == "SEMICOLON" and _LAYOUT_ONLY.fullmatch(text, ends[at], starts[at + 1]):
                    at += 1
                made.append(_Chunk(starts[first], ends[at], at + 1 - first, (words, first, at + 1)))
                first = -1
        elif not stack:
            if kind == "SEMICOLON":
                made.append(_Chunk(starts[first], ends[at], at + 1 - first, (words, first, at + 1)))
                first = -1
            elif kind == "AT":
                skip = True
            elif text[starts[at]].isidentifier():
                if not known and not skip:
                    known, braced = True, text[starts[at] : ends[at]] not in _ENDED
                skip = False
        at += 1
    return made if first < 0 else None


def _chunks(source: Source, budget: int) -> Iterator[tuple[int, int, int] | Diagnostic]:
    """Top-level items as (start, end, words): a braced item ends at its `}`, the others at `;`."""
    text, size = source.text, len(source.text)
    start, words, total, braced, skip_name = -1, 0, 0, False, False
    kind_known, complaint = False, None
    stack: list[tuple[str, int]] = []
    at = 0
    while at < size:
        match = _WORDS.match(text, at)
        if match is None:
            break
        kind, begin = match.lastgroup, at
        at = match.end()
        if kind == "space":
            continue
        total += 1
        if total > budget:
            message = f"the set has more than {MAX_TOKENS:,} words"
            yield Diagnostic(
                code="limit.tokens", message=message, span=source.span(begin, at), help="split it into packs"
            )
            return
        if start < 0:
            start, words, braced, kind_known, complaint = begin, 0, False, False, None
        words += 1
        if stack and stack[0][0] == "{" and _starts_item(text, begin):
            opened, where = stack[0]
            yield complaint or Diagnostic(
                code="parse.unclosed",
                message=f"this `{opened}` is never closed",
                span=source.span(where, where + 1),
                help=f"add `{_PAIRS[opened]}` before the next item",
            )
            stack.clear()
            start, words, braced, kind_known, complaint = begin, 1, False, False, None
        if kind == "name":
            if not stack and not kind_known and not skip_name:
                kind_known, braced = True, match.group() not in _ENDED
            skip_name = False
        elif kind == "at":
            skip_name = True
        elif kind == "quote" and complaint is None:
            complaint = Diagnostic(
                code="parse.string", message="this string is not closed on its line", span=source.span(begin, begin + 1),
                help='close it with `"`; write a line break inside a string as `\\n`',
            )  # fmt: skip
        elif kind == "open":
            stack.append((match.group(), begin))
            if len(stack) > MAX_NESTING and complaint is None:
                message = f"brackets are nested deeper than {MAX_NESTING}"
                complaint = Diagnostic(code="limit.nesting", message=message, span=source.span(begin, begin + 1))
        elif kind == "close":
            if not stack or _PAIRS[stack[-1][0]] != match.group():
                complaint = complaint or Diagnostic(
                    code="parse.unclosed", message=f"this `{match.group()}` closes nothing that is open", span=source.span(begin, at),
                    label=f"`{_PAIRS[stack[-1][0]]}` is awaited" if stack else "",
                )  # fmt: skip
            if stack:
                stack.pop()
        done = not stack and (kind == "end" or (kind == "close" and (braced or match.group() == "}") and braced))
        if done:
            if kind == "close":
                at = _after_semicolon(text, at)
            yield complaint or (start, at, words)
            start = -1
    if start >= 0:
        if stack and complaint is None:
            opened, opened_at = stack[-1]
            complaint = Diagnostic(
                code="parse.unclosed", message=f"this `{opened}` is never closed", span=source.span(opened_at, opened_at + 1),
                help=f"add `{_PAIRS[opened]}`",
            )  # fmt: skip
        yield complaint or (start, size, words)


def _starts_item(text: str, at: int) -> bool:
    """Whether a line starts here, unindented, with what only an item starts with."""
    return (at == 0 or text[at - 1] == "\n") and _ITEM_START.match(text, at) is not None


def _after_semicolon(text: str, at: int) -> int:
    found = re.compile(r"[ \t\r\n]*;").match(text, at)
    return at if found is None else found.end()


def _pack_place(items: Sequence[ast.Item], *, before: bool) -> list[Diagnostic]:
    return [
        Diagnostic(
            code="clause.misplaced",
            message="`policy pack` stands first in a file",
            span=item.span,
            help="move it to the top",
        )
        for item in items
        if before and isinstance(item, ast.PackDecl)
    ]


def _parse_chunk(source: Source, transform: Transform, chunk: _Chunk) -> tuple[ast.Item, ...] | Diagnostic:
    start, end = chunk.start, chunk.end
    try:
        driver = _driver()
        if driver is not None:
            words, first, last = chunk.known or (driver.words(source.text, start, end), 0, -1)
            node = None if words is None else driver.parse(source.text, words, first, len(words.kinds) if last < 0 else last)
            if node is not None:
                return transform.items(node)
            _plain_lark().parse(TextSlice(source.text, start, end))  # raises, and says what does not fit
        tree: Tree[Token] = _lark().parse(TextSlice(source.text, start, end))
        return transform.items(tree)
    except TreeError as error:
        return Diagnostic(code=error.code, message=str(error), span=error.span, help=error.advice)
    except UnexpectedInput as error:
        return _unexpected(source, error, end)
    except (RecursionError, MemoryError):
        message = "this item needs more depth or memory than loading may use"
        return Diagnostic(code="limit.memory", message=message, span=source.span(start, start + 1))


_SHOWN: Final = {
    "NAME": "a name", "STRING": "a string", "INT": "a number", "DECIMAL": "a decimal", "DURATION": "a duration", "TIME": "a time",
    "DATE": "a date", "$END": "the end of the file", "SEMICOLON": "`;`", "LBRACE": "`{`", "RBRACE": "`}`", "LPAR": "`(`",
    "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "COLON": "`:`", "COMMA": "`,`", "EQUAL": "`=`", "DOT": "`.`", "AT": "`@`",
    "OPT": "`?`", "PARTIAL": "`partial`",
}  # fmt: skip
_VALUE_STARTS: Final = frozenset({"NAME", "STRING", "INT", "DECIMAL", "LSQB", "TRUE"})
_CONTINUES: Final = frozenset({"DOT", "LSQB", "AND", "OR"})


def _unexpected(source: Source, error: UnexpectedInput, end: int) -> Diagnostic:
    position: Any = error.pos_in_stream
    at: int = position if isinstance(position, int) and position >= 0 else end
    if isinstance(error, UnexpectedCharacters):
        char = source.text[at] if at < len(source.text) else ""
        if char == '"':
            message = "this string has an escape that the language does not know"
            known = 'known escapes are `\\"`, `\\\\`, `\\n`, `\\r`, `\\t` and `\\u{…}`'
            return Diagnostic(code="parse.string", message=message, span=source.span(at, at + 1), help=known)
        if char.isascii() and char.isprintable():
            expected = _expected(set(error.allowed or ()))
            message = f"`{char}` does not fit here"
            return Diagnostic(
                code="parse.character", message=message, span=source.span(at, at + 1), help=_one_of(expected)
            )
        message = f"U+{ord(char):04X} is not used in names or operators" if char else "the text ends too early"
        advice = "names are ASCII letters, digits and _; write other text inside strings"
        return Diagnostic(code="parse.character", message=message, span=source.span(at, at + 1), help=advice)
    if isinstance(error, UnexpectedToken):
        token = error.token
        names = set(error.accepts or error.expected or ())
        expected = _expected(names)
        if token.type == "$END":
            last = len(source.text[:end].rstrip())
            message = "the item ends too early"
            return Diagnostic(
                code="parse.unexpected", message=message, span=source.span(last - 1, last), help=_one_of(expected)
            )
        word = str(token)
        begin = token.start_pos if token.start_pos is not None else at
        hint = suggest(word, [name.lower() for name in names if name.isalpha()] or []) if word.isidentifier() else ""
        shown = word if len(word) <= 40 else word[:40] + "…"
        return Diagnostic(
            code="parse.unexpected", message=f"`{shown}` does not fit here", span=source.span(begin, begin + max(1, len(word))),
            help=hint or _one_of(expected),
        )  # fmt: skip
    return Diagnostic(code="parse.unexpected", message="this does not follow the grammar", span=source.span(at, at + 1))


def _expected(names: set[str]) -> list[str]:
    shown: list[str] = []
    if names >= _VALUE_STARTS:
        shown.append("a value")
        names = names - {"NAME", "STRING", "INT", "DECIMAL", "DURATION", "TIME", "DATE", "LSQB", "LBRACE", "LPAR"}
        names = {name for name in names if not name.isalpha() or name in _SHOWN}
    if names >= _CONTINUES:
        shown.append("an operator")
        names = names & {"SEMICOLON", "COMMA", "RPAR", "RSQB", "RBRACE"}
    words = sorted(_SHOWN.get(name) or f"`{name.lower()}`" for name in names if not name.startswith("__"))
    return shown + words


def _one_of(expected: list[str]) -> str:
    if not expected:
        return ""
    if len(expected) == 1:
        return f"{expected[0]} is expected"
    if len(expected) > 9:
        return ""
    return f"one of these is expected: {', '.join(expected)}"
