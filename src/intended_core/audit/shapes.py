"""Bodies and their fields recognised by their shape: what was once found good is a pattern for all that differ in their values only.

A shape is a body with a hole for each text and number outside its keys, and beside it the fields in the same manner. Keys, order, brackets
and commas are those of a record that was parsed, re-encoded and compared; a hole takes nothing but a text or number in its one spelling,
and each field is compared with its digest in the body. So whatever fits is good too: this room cannot take what the parsers refuse. Several
times faster than parsing; what fits no shape is parsed as before.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import orjson

from intended_core.audit.fields import FIELDS, field_begun
from intended_core.audit.record import MAX_BODY_BYTES

__all__ = ["BESIDE", "MAX_SHAPE_BYTES", "Shape", "Shapes", "line_of", "pattern_of"]

BESIDE: Final = b"\t"  # between a body and its fields on one line: no canonical JSON holds it
MAX_SHAPES: Final = 8  # of one kind of record
MAX_SHAPE_BYTES: Final = 4096  # larger bodies are rare, and their patterns costly to make
PATIENCE: Final = 24  # lines of one shape before it is learnt: making it costs as much as parsing some hundred
_AGAIN: Final = 80  # times as patient with a shape that was learnt before and did not last
_COUNTED: Final = 512  # shapes whose lines are counted
_TRIED: Final = 64  # a shape that was tried on so many lines at once and did not take one in
_WORTH: Final = 12  # so many of them costs more than it saves

# ASCII from space to tilde, quote and backslash escaped as RFC 8785 § 3.2.2.2 has it; other escapes and DEL are left to the parser.
_TEXT: Final = rb'"[ !#-\[\]-~]*+(?:\\["\\bfnrt][ !#-\[\]-~]*+)*+"'
_NUMBER: Final = rb"(?:0|-?(?:[1-8][0-9]{15}|[1-9][0-9]{0,14}))(?![0-9])"  # within ±(2**53 - 1) whatever the digits are
_SALT_TEXT: Final = rb'"[A-Za-z0-9_-]{21}[AQgw]"'
_SALT_KEY: Final = b'"salt":'
_FIELD_SALT: Final = rb'"[A-Za-z0-9_-]{22}"'
_DIGEST: Final = rb'"((?s:.{43}))"'  # whatever stands there is compared with a digest that is computed
_PARTS: Final = re.compile(rb'(?P<key>"(?:[^"\\]|\\.)*":)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?[0-9]+)|[^"0-9-]+')
_KEYS: Final = re.compile(rb'("(?:[^"\\]|\\.)*+":)|"(?:[^"\\]|\\.)*+"')
_WORDS: Final = bytes(sign for sign in range(256) if sign not in b'"[]{}:,')
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


def line_of(body: bytes, fields: bytes) -> bytes:
    """A body and its fields on one line; a body without any is a line itself."""
    return body + BESIDE + fields if fields else body


def pattern_of(body: bytes) -> re.Pattern[bytes]:
    """The shape of a body that was found to be in its one spelling, with only small integers and a salt."""
    return re.compile(_holes(body))


def _holes(data: bytes) -> bytes:
    parts: list[bytes] = []
    salt = False
    for found in _PARTS.finditer(data):
        if found.lastgroup == "text":
            parts.append(_SALT_TEXT if salt and re.fullmatch(_SALT_TEXT, found[0]) else _TEXT)
        else:
            parts.append(_NUMBER if found.lastgroup == "number" else re.escape(found[0]))
        salt = found[0] == _SALT_KEY
    return b"".join(parts)


class Shape:
    """The shape of a line that was found good: `body` with the `fields` beside it, all that it commits to in its order, or without any."""

    __slots__ = ("_begun", "_lines", "_whole")

    def __init__(self, body: bytes, fields: bytes = b"") -> None:
        said, given = orjson.loads(body), orjson.loads(fields or b"{}")
        line = _holes(body)
        if given:
            # A body's members stand in the order of their names, each with its shape; the digests of its fields are to be compared.
            digests = b",".join(_key(path) + _DIGEST for path in given)
            members = [_key(name) + (rb"\{" + digests + rb"\}" if name == FIELDS else _holes(_json(said[name]))) for name in sorted(said)]
            members[sorted(said).index("salt")] = re.escape(_SALT_KEY) + _SALT_TEXT
            beside = b",".join(_key(path) + rb"(\[" + _FIELD_SALT + b"," + _holes(_json(held[1])) + rb"\])" for path, held in given.items())
            line = rb"\{" + b",".join(members) + rb"\}" + BESIDE + rb"\{" + beside + rb"\}"
        self._begun: Final = tuple(map(field_begun, given))
        self._whole: Final = re.compile(line).fullmatch
        self._lines: Final = re.compile(rb"(\{)" + line.removeprefix(rb"\{") + rb"\n|[^\n]*+\n").findall

    def fits(self, line: bytes) -> bool:
        """Whether `line` has this shape, and its fields are those that its body commits to."""
        found = self._whole(line)
        return found is not None and self._holds([(text,) for text in found.groups()])

    def among(self, lines: Sequence[bytes]) -> Sequence[bytes] | None:
        """For each line `{` where it has this shape, else nothing. None where a field is not what its body commits to."""
        # Every match ends with a newline, and each line has one: as many matches as lines, and no line has another within.
        found = self._lines(b"\n".join((*lines, b"")))
        if len(found) != len(lines):
            return None
        if not self._begun:
            return found
        fitting, *columns = zip(*found, strict=True)
        if b"" in fitting:
            columns = list(zip(*[texts[1:] for texts in found if texts[0]], strict=True))
        return fitting if self._holds(columns) else None

    def _holds(self, columns: Sequence[tuple[bytes, ...]]) -> bool:
        """Whether disclosures are those that bodies commit to: of all bodies the first digests, the second ..., then their disclosures."""
        fields = len(self._begun)
        for begun, digests, disclosures in zip(self._begun, columns[:fields], columns[fields:], strict=False):
            # One zero byte after each digest makes its text 43 characters and an A: all of them are compared at once.
            hashed = b"\x00".join([sha256(begun + disclosure).digest() for disclosure in disclosures]) + b"\x00"
            if b2a_base64(hashed, newline=False).translate(_TO_URL) != b"A".join(digests) + b"A":
                return False
        return True


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _key(name: str) -> bytes:
    return re.escape(orjson.dumps(name) + b":")


class Shapes:
    """The shapes of each kind, the most used first. May be shared between logs and threads: a shape says nothing about any log."""

    __slots__ = ("_known", "_learnt", "_missed")

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Shape, ...]] = {}
        self._missed: dict[tuple[bytes, bytes], int] = {}
        self._learnt: dict[tuple[bytes, ...], int] = {}

    def fits(self, kind: bytes, line: bytes) -> bool:
        """Whether `line` has a shape that is known of this kind, and its fields are those that its body commits to."""
        if len(line) > MAX_BODY_BYTES:
            return False
        known = self._known.get(kind, ())
        for place, shape in enumerate(known):
            if shape.fits(line):
                if place:
                    self._known[kind] = (shape, *known[:place], *known[place + 1 :])
                return True
        return False

    def strangers(self, kind: bytes, lines: list[bytes]) -> list[int] | None:
        """The places of the lines that have no shape that is known of this kind; None where a field is not what its body commits to."""
        known = self._known.get(kind, ())
        if max(map(len, lines)) > MAX_BODY_BYTES:
            return None
        places, kept = list(range(len(lines))), []
        for number, shape in enumerate(known):
            fitting = shape.among(lines)
            if fitting is None:
                return None
            taken = len(lines) - fitting.count(b"")
            if len(lines) < _TRIED or taken * _WORTH >= len(lines):
                kept.append((-taken, number))
            if taken == len(lines):
                kept += [(0, later) for later in range(number + 1, len(known))]
                places = []
                break
            lines = [line for line, fits in zip(lines, fitting, strict=True) if not fits]
            places = [place for place, fits in zip(places, fitting, strict=True) if not fits]
        order = [number for _, number in sorted(kept)]
        if order != list(range(len(known))):
            self._known[kind] = tuple(known[number] for number in order)
        return places

    def learn(self, kind: bytes, body: bytes, fields: bytes = b"") -> None:
        """The line of these fitted no shape and was found good by the parser: its shape may be worth keeping."""
        if max(len(body), len(fields)) > MAX_SHAPE_BYTES:
            return
        line = line_of(body, fields)
        rough = (kind, line.translate(None, _WORDS))
        missed = self._missed.pop(rough, 0) + 1
        for counts in (self._missed, self._learnt):
            if len(counts) >= _COUNTED:
                counts.clear()
        if missed < PATIENCE:
            self._missed[rough] = missed
            return
        exact = (*rough, *_KEYS.findall(line))
        wait = self._learnt.get(exact, 0)
        self._learnt[exact] = wait - 1 if wait else _AGAIN
        if not wait:
            self._known[kind] = (Shape(body, fields), *self._known.get(kind, ())[: MAX_SHAPES - 1])
