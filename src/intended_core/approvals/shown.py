"""What an approver reads: one line for each value, with nothing in it that a terminal, a browser or an eye could take for something else.

Escaped as `\\u{...}`: control and format characters (ANSI sequences, bidirectional marks, zero-width signs, line separators), marks that
combine, what is unassigned, and the signs that markup begins with. A line that holds letters outside ASCII says which. The canonical
bytes stand beside it, and they are what is signed.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from intended_core.canonical import Json, parse_canonical

__all__ = ["escaped", "shown_intent"]

_MARKUP: Final = frozenset("<>&`[]|\\")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Mc", "Me"})
MAX_LINES: Final = 4_096  # an intent of 256 KiB has fewer members that a person could read
MAX_WIRE_BYTES: Final = 1024 * 1024


def escaped(text: str) -> str:
    """`text` with everything that is not plainly visible, or begins markup, as `\\u{hex}`."""
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char in _MARKUP or unicodedata.category(char) in _HIDDEN or (char.isspace() and char != " "):
        return f"\\u{{{ord(char):x}}}"
    return char


def shown_intent(wire: bytes) -> str:
    """The intent in its canonical bytes, as lines `path = value`. Raises IntentError when they are not canonical."""
    lines: list[str] = []
    _lines(parse_canonical(wire, max_bytes=MAX_WIRE_BYTES), "", lines)
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"... and {len(lines) - MAX_LINES} more: read the canonical bytes"]
    return "\n".join(lines)


def _lines(value: Json, path: str, lines: list[str]) -> None:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            _lines(item, f"{path}.{escaped(name)}" if path else escaped(name), lines)
    elif isinstance(value, list) and value:
        for number, item in enumerate(value, 1):
            _lines(item, f"{path}.{number}", lines)
    else:
        lines.append(f"{path} = {_scalar(value)}")


def _scalar(value: Json) -> str:
    if isinstance(value, str):
        foreign = sorted({char for char in value if not char.isascii()})
        note = f"   (not ASCII: {', '.join(f'U+{ord(char):04X}' for char in foreign[:8])})" if foreign else ""
        return f'"{escaped(value).replace(chr(34), chr(92) + "u{22}")}"{note}'
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    return str(value) if isinstance(value, int) else "empty"
