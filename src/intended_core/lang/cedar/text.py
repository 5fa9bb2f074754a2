"""Cedar's words: names, string literals, patterns, and where to find the grammars."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from intended_core.errors import AssemblyError
from intended_core.lang.diagnostics import Diagnostic, suggest
from intended_core.lang.source import Source

__all__ = [
    "MAX_NESTING",
    "RESERVED",
    "TextError",
    "check_name",
    "depth_problem",
    "grammar",
    "pattern",
    "unescape",
    "unexpected",
]

RESERVED: Final = frozenset({"true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"})
MAX_NESTING: Final = 64  # brackets within each other, as in the native language
_ESCAPE: Final = re.compile(r"\\(?:([nrt0\\'\"*])|x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f][0-9A-Fa-f_]{0,10})\})", re.DOTALL)
_PLAIN: Final = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", "'": "'", '"': '"'}
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|[({\[]|[)}\]]', re.DOTALL)


class TextError(Exception):
    """A word that Cedar refuses, with its place in the text."""

    def __init__(self, code: str, message: str, at: int, end: int, advice: str = "") -> None:
        super().__init__(message)
        self.code, self.at, self.end, self.advice = code, at, end, advice


@lru_cache(maxsize=4)
def grammar(name: str) -> str:
    """The text of `name`.lark: package data of the wheel, else the source tree's; raises AssemblyError when neither is there."""
    packaged = resources.files("intended_core.lang.cedar").joinpath(f"{name}.lark")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    in_tree = Path(__file__).resolve().parents[4] / "grammar" / f"{name}.lark"
    if in_tree.is_file():
        return in_tree.read_text(encoding="utf-8")
    raise AssemblyError(f"the grammar {name}.lark is missing from the installation: install the package again")


def check_name(token: Token) -> str:
    """A name that is not one of Cedar's reserved words."""
    if token in RESERVED:
        at = token.start_pos or 0
        raise TextError("name.invalid", f"`{token}` is reserved and cannot be a name here", at, at + len(token))
    return str(token)


def unescape(token: Token) -> str:
    """The text of a string literal."""
    return "".join(part for part, _ in _parts(token, star=False))


def pattern(token: Token) -> tuple[str, ...]:
    """The texts between the stars of a `like` pattern; an escaped star is text."""
    found = [""]
    for part, escaped in _parts(token, star=True):
        pieces = [part] if escaped else part.split("*")
        found[-1] += pieces[0]
        found.extend(pieces[1:])
    return tuple(found)


def _parts(token: Token, *, star: bool) -> list[tuple[str, bool]]:
    inner, start = str(token)[1:-1], (token.start_pos or 0) + 1
    if "\\" not in inner:
        return [(inner, False)]
    parts: list[tuple[str, bool]] = []
    at = 0
    while at < len(inner):
        slash = inner.find("\\", at)
        if slash < 0:
            parts.append((inner[at:], False))
            break
        if slash > at:
            parts.append((inner[at:slash], False))
        found = _ESCAPE.match(inner, slash)
        char = None if found is None else _char(found, star=star)
        if found is None or char is None:
            shown = inner[slash : slash + 2]
            raise TextError(
                "parse.string", f"`{shown}` is not an escape that Cedar knows", start + slash, start + slash + 2
            )
        parts.append((char, True))
        at = found.end()
    return parts


def _char(found: re.Match[str], *, star: bool) -> str | None:
    plain, byte, point = found.groups()
    if plain is not None:
        return _PLAIN.get(plain, "*" if star else None)
    number = int(byte, 16) if byte is not None else int(point.replace("_", ""), 16)
    if (byte is not None and number > 0x7F) or number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        return None
    return chr(number)


def depth_problem(source: Source) -> Diagnostic | None:
    """The bracket at which the text nests deeper than the limit, if any: told before a tree is built."""
    depth = 0
    for found in _BRACKETS.finditer(source.text):
        char = found.group()
        if char in "({[":
            depth += 1
            if depth > MAX_NESTING:
                message = f"brackets are nested deeper than {MAX_NESTING}"
                return Diagnostic(code="limit.nesting", message=message, span=source.span(found.start(), found.end()))
        elif char in ")}]":
            depth -= 1
    return None


_SHOWN: Final = {
    "IDENT": "a name", "STRING": "a string", "INT": "a number", "$END": "the end of the file", "EQ": "`==`", "LPAR": "`(`",
    "RPAR": "`)`", "LBRACE": "`{`", "RBRACE": "`}`", "LSQB": "`[`", "RSQB": "`]`", "SEMICOLON": "`;`", "COMMA": "`,`",
    "DOT": "`.`", "COLON": "`:`", "EFFECT": "`permit` or `forbid`", "CLAUSE": "`when` or `unless`",
    "AT": "`@`", "BANG": "`!`", "DASH": "`-`", "LESSTHAN": "`<`", "MORETHAN": "`>`", "PLUS": "`+`", "STAR": "`*`", "EQUAL": "`=`",
    "OPTIONAL": "`?`", "SLOT": "`?principal` or `?resource`", "APPLIESTO": "`appliesTo`", "SET": "`Set`",
}  # fmt: skip


def unexpected(source: Source, error: UnexpectedInput) -> Diagnostic:
    """What does not follow the grammar, in the author's words."""
    position: Any = error.pos_in_stream
    at: int = position if isinstance(position, int) and position >= 0 else len(source.text)
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        word = str(error.token)
        begin = error.token.start_pos if error.token.start_pos is not None else at
        names = sorted(_SHOWN.get(name) or f"`{name.lower()}`" for name in error.expected if not name.startswith("__"))
        hint = suggest(word, [name.lower() for name in error.expected if name.isalpha()]) if word.isidentifier() else ""
        advice = hint or (f"one of these is expected: {', '.join(names)}" if 0 < len(names) <= 9 else "")
        shown = word if len(word) <= 40 else word[:40] + "…"
        return Diagnostic(
            code="parse.unexpected", message=f"`{shown}` does not fit here",
            span=source.span(begin, begin + max(1, len(word))), help=advice,
        )  # fmt: skip
    if isinstance(error, UnexpectedCharacters):
        char = source.text[at] if at < len(source.text) else ""
        if char == '"':
            message = "this string is never closed"
            return Diagnostic(code="parse.string", message=message, span=source.span(at, at + 1))
        shown = f"`{char}`" if char.isprintable() else f"U+{ord(char):04X}" if char else "the end of the file"
        return Diagnostic(code="parse.character", message=f"{shown} does not fit here", span=source.span(at, at + 1))
    last = len(source.text.rstrip())
    return Diagnostic(
        code="parse.unexpected", message="the text ends too early", span=source.span(max(0, last - 1), last)
    )
