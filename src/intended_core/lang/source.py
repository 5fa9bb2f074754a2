"""A policy file's text, taken in only when nothing in it can show a reader something else than the parser sees."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Final

from intended_core.errors import PolicyError
from intended_core.lang.diagnostics import Diagnostic, render
from intended_core.lang.typed import Span

__all__ = ["MAX_SOURCE_BYTES", "Source"]

MAX_SOURCE_BYTES: Final = 4 * 1024 * 1024  # 10,000 rules of 300 bytes and room; larger is refused before it is decoded
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_BREAKS: Final = frozenset("\x0b\x0c\x85\u2028\u2029")


@dataclass(frozen=True, slots=True)
class Source:
    """One file. Made by `from_bytes`, which refuses what could hide a rule from a reader."""

    name: str
    text: str
    _lines: tuple[int, ...] = field(repr=False, compare=False, default=())

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> Source:
        """The source in `data` (UTF-8); raises PolicyError with a diagnostic that names line and column."""
        if len(data) > MAX_SOURCE_BYTES:
            raise _refuse(cls(name, "", (0,)), 0, "source-too-large", f"this file has {len(data)} bytes; at most {MAX_SOURCE_BYTES} are read", "split it into several files of one pack")
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8")
            made = cls(name, before + "?", _line_starts(before))
            raise _refuse(made, len(before), "source-not-utf8", "this byte is not UTF-8", "save the file as UTF-8") from None
        made = cls(name, text, _line_starts(text))
        for at, char in enumerate(text):
            if char in "\n\t" or " " <= char <= "~":
                continue
            problem = _problem(text, at, char)
            if problem:
                raise _refuse(made, at, "source-hidden-text", problem, "remove it; where a string needs it, write \\u{…}")
        return made

    def position(self, offset: int) -> tuple[int, int]:
        """1-based line and column (code points) of a character offset."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        """The span of characters [start, end)."""
        line, column = self.position(start)
        end_line, end_column = self.position(max(start, end - 1))
        return Span(self.name, line, column, end_line, end_column)


def _line_starts(text: str) -> tuple[int, ...]:
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return tuple(starts)


def _problem(text: str, at: int, char: str) -> str:
    if char == "\r":
        return "" if text[at + 1 : at + 2] == "\n" else "a carriage return that does not end a line hides what follows"
    if char in _LINE_BREAKS:
        return f"U+{ord(char):04X} looks like a line end to some readers and not to others"
    if char in _BIDI:
        return f"U+{ord(char):04X} changes the order in which text is shown"
    category = unicodedata.category(char)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return f"U+{ord(char):04X} is not visible"
    return ""


def _refuse(source: Source, at: int, code: str, message: str, help_: str) -> PolicyError:
    found = Diagnostic(code=code, severity="error", message=message, span=source.span(at, at + 1), label="here", help=help_)
    return PolicyError(render(found, source.text), diagnostics=(found,))
