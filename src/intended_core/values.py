"""Values of the policy language at run time, as plain immutable Python values under static types.

| language type | Python value |
| --- | --- |
| Bool | bool |
| Int, Datetime (UTC milliseconds), Duration (milliseconds) | int |
| Decimal | int, scaled by 10**9 (`DECIMAL_SCALE`) |
| String, Email, enum | str |
| entity | EntityRef |
| Set<T> | frozenset |
| record | Record (absent optional member = absent key) |

The type is never carried by the value: only code that knows the checked type may read one. So `True == 1` cannot arise, because
no checked expression compares values of two types.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final, NoReturn, TypeAlias

from intended_core.errors import IntentError
from intended_core.ids import EntityRef

__all__ = [
    "DECIMAL_DIGITS",
    "DECIMAL_MAX",
    "DECIMAL_SCALE",
    "INT_MAX",
    "INT_MIN",
    "SAFE_INT",
    "Record",
    "Value",
    "format_datetime",
    "format_decimal",
    "parse_datetime",
    "parse_decimal",
]

DECIMAL_DIGITS: Final = 9
DECIMAL_SCALE: Final = 10**DECIMAL_DIGITS
INT_MIN, INT_MAX = -(2**63), 2**63 - 1  # language.md: Int is 64-bit, overflow is an error
DECIMAL_MAX: Final = 10**18 * DECIMAL_SCALE - 1  # 18 integer digits; beyond it is an overflow
SAFE_INT: Final = 2**53 - 1  # RFC 7493: integers that every JSON reader keeps

_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?")
_DATETIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z")


class Record(dict[str, "Value"]):
    """An immutable record of the language: a dict without mutators, hashable, equal by content."""

    __slots__ = ("_hash",)

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("a Record is immutable")

    __setitem__ = __delitem__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse
    __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        try:
            return self._hash
        except AttributeError:
            self._hash: int = hash(frozenset(self.items()))
            return self._hash

    def __reduce__(self) -> tuple[type[Record], tuple[dict[str, Value]]]:
        return (Record, (dict(self),))




Value: TypeAlias = "bool | int | str | EntityRef | frozenset[Value] | Record"


def parse_decimal(text: str) -> int:
    """Scaled integer of a decimal string with at most 18 integer and 9 fraction digits; raises IntentError otherwise."""
    if not isinstance(text, str) or _DECIMAL.fullmatch(text) is None:
        raise IntentError('a Decimal is a string such as "12.50": no exponent, no float, at most 9 fraction digits')
    sign = -1 if text[0] == "-" else 1
    whole, _, fraction = text.lstrip("-").partition(".")
    return sign * (int(whole) * DECIMAL_SCALE + int(fraction.ljust(DECIMAL_DIGITS, "0")))


def format_decimal(scaled: int) -> str:
    """Shortest decimal text of a scaled integer: `12.5`, `12`, `-0.000000001`."""
    sign = "-" if scaled < 0 else ""
    whole, fraction = divmod(abs(scaled), DECIMAL_SCALE)
    digits = f"{fraction:09d}".rstrip("0")
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"


def parse_datetime(text: str) -> int:
    """UTC milliseconds of `2026-11-23T10:00:00Z` (optionally `.123`); raises IntentError otherwise."""
    if not isinstance(text, str) or _DATETIME.fullmatch(text) is None:
        raise IntentError('a Datetime is a UTC string such as "2026-11-23T10:00:00Z"')
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise IntentError(f"{text} is not a moment of the calendar") from None
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 1)
    return seconds * 1000 + moment.microsecond // 1000


def format_datetime(millis: int) -> str:
    """`2026-11-23T10:00:00Z` (with `.123` when not a whole second) of UTC milliseconds."""
    seconds, rest = divmod(millis, 1000)
    stamp = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{stamp}.{rest:03d}Z" if rest else f"{stamp}Z"
