"""Canonical bytes (RFC 8785 on our profile) and labelled digests.

Profile: objects with ASCII keys, strings of valid Unicode (bytes as given, no normalisation), integers |n| <= 2**53-1, booleans, null,
arrays; no floats. On it orjson with sorted keys equals RFC 8785. Anything else is refused, at writing and at reading.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from binascii import b2a_base64
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NoReturn, TypeAlias

import orjson

from intended_core.errors import IntentError
from intended_core.values import SAFE_INT

__all__ = [
    "Json",
    "Labelled",
    "b64url",
    "b64url_kept",
    "canonical_json",
    "digest",
    "frame",
    "pack",
    "parse_canonical",
    "parse_strict",
    "unb64url",
]

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

MAX_DEPTH: Final = 32  # deepest legal intent is below 16 levels (language.md caps record nesting)
_B64URL: Final = re.compile(r"[A-Za-z0-9_-]*")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


def canonical_json(value: object) -> bytes:
    """RFC 8785 bytes of `value`; raises IntentError for a float, a non-ASCII key, a large integer or a lone surrogate."""
    _walk(value, 0)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise IntentError("text must be valid Unicode (no lone surrogates)") from None


def pack(value: object) -> bytes:
    """`canonical_json` without the walk, for values that the core put together itself from texts and bounded integers.

    Raises IntentError for text that is not valid Unicode. Never given anything that came from outside unchecked.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise IntentError("text must be valid Unicode (no lone surrogates)") from None


def _walk(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise IntentError(f"nested deeper than {MAX_DEPTH} levels")
    kind = type(value)
    if kind is dict:
        for key in value:
            if type(key) is not str or not key.isascii():
                raise IntentError("member names are ASCII strings")
        items = value.values()
    elif kind is list or kind is tuple:
        items = value
    else:
        items = (value,)
    for item in items:
        # Scalars are judged here and not by a call of their own: this walk stands on the path of every record.
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if not -SAFE_INT <= item <= SAFE_INT:
                raise IntentError("an integer beyond 2**53-1 does not survive JSON")
        elif kind is dict or kind is list or kind is tuple:
            _walk(item, depth + 1)
        else:
            raise IntentError(f"canonical JSON holds no {kind.__name__}")


def _no_float(_text: str) -> NoReturn:
    raise IntentError("a number with a fraction or exponent: give a Decimal as a string")


def _no_constant(_text: str) -> NoReturn:
    raise IntentError("NaN and Infinity are not JSON")


def _integer(text: str) -> int:
    if len(text) > 20:
        raise IntentError("an integer beyond 2**53-1 does not survive JSON")
    return int(text)


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise IntentError(f"the member {twice[:80]!r} stands twice")
    return result


def parse_strict(data: bytes, *, max_bytes: int) -> Json:
    """JSON from outside: UTF-8 without BOM, no duplicate key, float, NaN, large integer or deep nesting; raises IntentError."""
    if len(data) > max_bytes:
        raise IntentError(f"larger than {max_bytes} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise IntentError("not valid UTF-8") from None
    if text.startswith("\ufeff"):
        raise IntentError("starts with a byte order mark")
    try:
        value: Json = json.loads(
            text, object_pairs_hook=_pairs, parse_float=_no_float, parse_constant=_no_constant, parse_int=_integer
        )
    except RecursionError:
        raise IntentError(f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise IntentError(f"not JSON: {error}") from None
    _walk(value, 0)
    canonical_json(value)
    return value


def parse_canonical(data: bytes, *, max_bytes: int) -> Json:
    """JSON that must already be canonical: parsed, re-encoded and compared, so it has exactly one spelling; raises IntentError."""
    if len(data) > max_bytes:
        raise IntentError(f"larger than {max_bytes} bytes")
    try:
        value: Json = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise IntentError("not canonical JSON") from None
    if canonical_json(value) != data:
        raise IntentError("not canonical JSON")
    return value


def frame(*parts: bytes) -> bytes:
    """Each part behind its length as 8 big-endian bytes: no two lists of parts give the same bytes."""
    return b"".join([len(part).to_bytes(8, "big") + part for part in parts])


def digest(label: str, *parts: bytes) -> bytes:
    """SHA-256 over the framed label and parts; the label keeps digests of different things apart."""
    return sha256(frame(label.encode("ascii"), *parts)).digest()


class Labelled:
    """`digest(label, *begun, part)` for many different parts: the beginning is framed once."""

    __slots__ = ("_begun",)

    def __init__(self, label: str, *begun: bytes) -> None:
        self._begun: Final = frame(label.encode("ascii"), *begun)

    def digest(self, part: bytes) -> bytes:
        """The digest with this one part after the beginning, 32 bytes."""
        # To hash so few bytes again costs less than to copy a hash that has taken them in.
        return sha256(self._begun + len(part).to_bytes(8, "big") + part).digest()


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 § 2)."""
    return b2a_base64(data).translate(_TO_URL, b"=\n").decode()


# For the few digests that many calls write: a policy set's, an entity snapshot's.
b64url_kept: Final = lru_cache(maxsize=4096)(b64url)


def unb64url(text: str) -> bytes:
    """Strict inverse of `b64url`: alphabet only, canonical tail bits; raises IntentError."""
    if _B64URL.fullmatch(text) is None or len(text) % 4 == 1:
        raise IntentError("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise IntentError("not base64url") from None
    if b64url(data) != text:
        raise IntentError("not canonical base64url")
    return data
