"""Policy text as it comes in: bounded bytes that read the same to a person and to the parser.

`Source.from_bytes` is the only way in for bytes. It refuses everything that can make a text look different from what it says:
a CR that does not stand before an LF and other line separators (they hide a rule behind a comment), bidirectional and other
format controls, control characters, bytes that are not UTF-8. See language.md § 1, "Totality and cost".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from intended_core.errors import PolicyError
from intended_core.lang.diagnostics import Diagnostic, render
from intended_core.lang.typed import Span
from intended_core.quick import maker

__all__ = ["MAX_SOURCES", "MAX_SOURCE_BYTES", "Source", "read_source"]

MAX_SOURCE_BYTES: Final = 1024 * 1024  # language.md: a text of this size is thousands of rules
_span: Final = maker(Span)
MAX_SOURCES: Final = 256  # files of one policy set
_NAME: Final = re.compile(r"[A-Za-z0-9_.@+-][A-Za-z0-9_.@+/-]{0,254}")
_HIDDEN: Final = re.compile(
    "\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)
_LINE_BREAKS: Final = frozenset("\r\x0b\x0c\x85\u2028\u2029")
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Source:
    """One policy file: its name (a relative path) and its text.

    Made by `from_bytes` (or `from_text`), which raise PolicyError with a diagnostic when the text may not be read.
    """

    name: str
    text: str
    _starts: list[int] = field(default_factory=list, repr=False, compare=False)

    @staticmethod
    def from_bytes(name: str, data: bytes) -> Source:
        """The source of these bytes (at most 1 MiB of UTF-8); raises PolicyError."""
        source, diagnostics = read_source(name, data)
        if source is None:
            raise PolicyError("\n\n".join(render(item, None) for item in diagnostics), diagnostics=diagnostics)
        return source

    @staticmethod
    def from_text(name: str, text: str) -> Source:
        """The source of this text, under the same rules as bytes; raises PolicyError."""
        return Source.from_bytes(name, text.encode("utf-8", "surrogatepass"))

    def span(self, start: int, end: int) -> Span:
        """The place between two code-point offsets; `end` is exclusive, the span names the last character."""
        starts = self._starts
        if not starts:
            starts.extend(_line_starts(self.text))
        last = max(start, end - 1)
        line = end_line = bisect_right(starts, start)
        if line < len(starts) and last >= starts[line]:
            end_line = bisect_right(starts, last)
        return _span(self.name, line, start - starts[line - 1] + 1, end_line, last - starts[end_line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line (1-based), without its line break; empty when there is none."""
        if not self._starts:
            self._starts.extend(_line_starts(self.text))
        if not 1 <= number <= len(self._starts):
            return ""
        start = self._starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")


def _line_starts(text: str) -> Iterable[int]:
    yield 0
    at = text.find("\n")
    while at >= 0:
        yield at + 1
        at = text.find("\n", at + 1)


def read_source(name: str, data: bytes) -> tuple[Source | None, tuple[Diagnostic, ...]]:
    """The source, or None and why not."""
    if _NAME.fullmatch(name) is None or ".." in name.split("/"):
        shown = ascii(name)[:80]
        return None, (
            _problem(
                "source.name",
                "policy",
                f"{shown} is not a policy file name",
                "letters, digits and . _ - + @ /, no `..`",
            ),
        )
    if len(data) > MAX_SOURCE_BYTES:
        message = f"the file has {len(data):,} bytes; a policy file has at most {MAX_SOURCE_BYTES:,}"
        return None, (_problem("source.too-large", name, message, "split the pack into several files"),)
    try:
        text = bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8")
        span = Source(name, good + " ").span(len(good), len(good) + 1)
        shown = f"byte 0x{data[error.start]:02x} at offset {error.start} is not UTF-8"
        return None, (Diagnostic(code="source.encoding", message=shown, span=span, help="save the file as UTF-8"),)
    found = _HIDDEN.search(text)
    if found is not None:
        return None, (_hidden(Source(name, text), found.start()),)
    return Source(name, text), ()


def _problem(code: str, name: str, message: str, advice: str) -> Diagnostic:
    return Diagnostic(code=code, message=message, span=Span(name, 1, 1, 1, 1), help=advice)


def _hidden(source: Source, at: int) -> Diagnostic:
    char = source.text[at]
    shown = f"U+{ord(char):04X}"
    if char in _LINE_BREAKS:
        code, what = "source.line-break", f"{shown} ends a line for some readers and not for others"
        advice = "end lines with LF or CR LF; what follows could otherwise hide behind a comment"
    elif char in _BIDI:
        code, what = "source.bidi", f"{shown} changes the direction in which the text is shown"
        advice = "remove it: what people read would differ from what is enforced"
    else:
        code, what = "source.control", f"{shown} is invisible or a control character"
        advice = 'remove it; inside a string write it as "\\u{' + f"{ord(char):x}" + '}"'
    return Diagnostic(code=code, message=what, span=source.span(at, at + 1), label="here", help=advice)
