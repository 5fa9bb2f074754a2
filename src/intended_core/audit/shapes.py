"""Bodies recognised by their shape: what was once found to be in its one spelling is a pattern for all that differ in their values only.

A shape is a body with a hole for each text and number outside its keys. Keys, order, brackets and commas are those of a body that was
parsed, re-encoded and compared; a hole takes nothing but a text or number in its one spelling. So whatever fits is in its one spelling too,
and has its salt: this room cannot take what the parser refuses. Several times faster than parsing; what fits no shape is parsed as before.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

__all__ = ["MAX_SHAPE_BYTES", "Shapes", "pattern_of"]

MAX_SHAPES: Final = 8  # of one kind of record
MAX_SHAPE_BYTES: Final = 4096  # larger bodies are rare, and their patterns costly to make
PATIENCE: Final = 24  # bodies of a kind that fit no shape before the next is learnt: making one costs as much as parsing some hundred

# ASCII from space to tilde, quote and backslash escaped as RFC 8785 § 3.2.2.2 has it; other escapes and DEL are left to the parser.
_TEXT: Final = rb'"[ !#-\[\]-~]*+(?:\\["\\bfnrt][ !#-\[\]-~]*+)*+"'
_NUMBER: Final = rb"(?:0|-?(?:[1-8][0-9]{15}|[1-9][0-9]{0,14}))(?![0-9])"  # within ±(2**53 - 1) whatever the digits are
_SALT_TEXT: Final = rb'"[A-Za-z0-9_-]{21}[AQgw]"'
_SALT_KEY: Final = b'"salt":'
_PARTS: Final = re.compile(rb'(?P<key>"(?:[^"\\]|\\.)*":)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?[0-9]+)|[^"0-9-]+')

_Fits = Callable[[bytes], object]


def pattern_of(body: bytes) -> re.Pattern[bytes]:
    """The shape of a body that was found to be in its one spelling, with only small integers and a salt."""
    parts: list[bytes] = []
    salt = False
    for found in _PARTS.finditer(body):
        if found.lastgroup == "text":
            parts.append(_SALT_TEXT if salt and re.fullmatch(_SALT_TEXT, found[0]) else _TEXT)
        else:
            parts.append(_NUMBER if found.lastgroup == "number" else re.escape(found[0]))
        salt = found[0] == _SALT_KEY
    return re.compile(b"".join(parts))


class Shapes:
    """The shapes of each kind, the last used first. May be shared between logs and threads: a shape says nothing about any log."""

    __slots__ = ("_known", "_missed")

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[_Fits, ...]] = {}
        self._missed: dict[bytes, int] = {}

    def fits(self, kind: bytes, body: bytes) -> bool:
        """Whether `body` has a shape that is known of this kind."""
        known = self._known.get(kind, ())
        for place, fits in enumerate(known):
            if fits(body):
                if place:
                    self._known[kind] = (fits, *known[:place], *known[place + 1 :])
                return True
        return False

    def learn(self, kind: bytes, body: bytes) -> None:
        """`body` fitted no shape and was found good by the parser: its shape may be worth keeping."""
        missed = self._missed.get(kind, 0) + 1
        self._missed[kind] = missed % PATIENCE
        if missed == PATIENCE and len(body) <= MAX_SHAPE_BYTES:
            self._known[kind] = (pattern_of(body).fullmatch, *self._known.get(kind, ())[: MAX_SHAPES - 1])
