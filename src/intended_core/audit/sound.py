"""Whether bodies and their fields are surely good, whatever a header says of them: by their shape, else by parsing them.

In the least doubt the answer is no, and the caller judges the record itself. What commits to a body is the caller's to compare.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import NoneType
from typing import Any, Final

import orjson

from intended_core.audit.fields import sound_fields
from intended_core.audit.record import MAX_BODY_BYTES
from intended_core.audit.shapes import BESIDE, Shapes, line_of

__all__ = ["sound_body", "sound_page", "sound_record"]

_SALT: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_ONE_WAY: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER  # beyond 2**53-1 it refuses, as the profile does
_PLAIN: Final = frozenset({str, int, bool, NoneType})
_LEVELS: Final = 16  # of brackets within a body, half of what the profile allows
_BODIES: Final = Shapes()  # of bodies alone: what they commit to is not looked at
_WHOLE: Final = Shapes()  # of bodies with all that they commit to


def sound_body(kind: bytes, body: bytes) -> bool:
    """Whether these bytes are surely a body in its one spelling."""
    return _BODIES.fits(kind, body) or _parsed(kind, body, None)


def sound_record(kind: bytes, body: bytes, fields: bytes) -> bool:
    """Whether these bytes are surely a body in its one spelling, and all that it commits to, each value the one that it commits to."""
    if type(body) is not bytes or type(fields) is not bytes:
        return False
    return _WHOLE.fits(kind, line_of(body, fields)) or _parsed(kind, body, fields)


def _parsed(kind: bytes, body: bytes, fields: bytes | None) -> bool:
    """As the two above, of what has no shape that is known."""
    if not _body(body) or not (fields is None or sound_fields(body, fields)):
        return False
    (_BODIES if fields is None else _WHOLE).learn(kind, body, fields or b"")
    return True


def sound_page(kinds: Sequence[bytes], bodies: list[bytes], fields: list[bytes] | None) -> bool:
    """As `sound_record` of each; where `fields` are None as `sound_body`."""
    if any(held is not None and set(map(type, held)) != {bytes} for held in (bodies, fields)):
        return False
    shapes = _BODIES if fields is None else _WHOLE
    lines = bodies if fields is None else [body + BESIDE + held if held else body for body, held in zip(bodies, fields, strict=True)]
    by_kind: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for kind, line in zip(kinds, lines, strict=True):
        by_kind[kind].append(line)
    for kind, some in by_kind.items():
        strangers = shapes.strangers(kind, some)
        if strangers is None:
            return False
        at = [place for place, other in enumerate(kinds) if other == kind] if strangers else []
        for number in strangers:
            place = at[number]
            if not _parsed(kind, bodies[place], None if fields is None else fields[place]):
                return False
    return True


def _body(data: bytes) -> bool:
    """Whether these bytes are surely a body in its one spelling: ASCII, few levels, no number but small integers, a salt."""
    if not data.isascii() or len(data) > MAX_BODY_BYTES:
        return False
    try:
        value: Any = orjson.loads(data)
        if type(value) is not dict or orjson.dumps(value, option=_ONE_WAY) != data:
            return False
    except (TypeError, ValueError):  # orjson cannot write or cannot read it
        return False
    salt = value.get("salt")
    return type(salt) is str and _SALT.fullmatch(salt) is not None and _plain(value.values(), _LEVELS)


def _plain(values: Iterable[Any], levels: int) -> bool:
    """No float and few levels: larger integers did not survive the writing, and keys are ASCII because the bytes are."""
    for kind in set(map(type, values)):
        if kind in _PLAIN:
            continue
        if levels == 0:
            return False
        if kind is list:
            for value in values:
                if type(value) is list and value and not _plain(value, levels - 1):
                    return False
        elif kind is dict:
            for value in values:
                if type(value) is dict and value and not _plain(value.values(), levels - 1):
                    return False
        else:
            return False
    return True
