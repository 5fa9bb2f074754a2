"""Values of the policy language at run time, as plain immutable Python values under static types.

| language type | Python value |
| --- | --- |
| Bool | bool |
| Int, Datetime (UTC milliseconds), Duration (milliseconds) | int |
| Date, Time | int (days since 1970-01-01, milliseconds since midnight) |
| Decimal | int, scaled by 10**9 (`DECIMAL_SCALE`) |
| String, Email, Host, Path, Digest, enum | str |
| lattice | int, the label's rank |
| Ip, Url | `IpValue`, `UrlValue` |
| entity | EntityRef |
| Set<T>, List<T> | frozenset, tuple |
| Map<K,V> (tables only) | dict, never changed |
| record | Record (absent optional member = absent key) |

The type is never carried by the value: only code that knows the checked type may read one. So `True == 1` cannot arise, because
no checked expression compares values of two types.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final, NamedTuple, NoReturn, TypeAlias

from intended_core.errors import IntentError
from intended_core.ids import EntityRef

__all__ = [
    "DECIMAL_DIGITS",
    "DECIMAL_MAX",
    "DECIMAL_SCALE",
    "INT_MAX",
    "INT_MIN",
    "SAFE_INT",
    "IpValue",
    "Record",
    "UrlValue",
    "Value",
    "format_date",
    "format_datetime",
    "format_decimal",
    "format_time",
    "parse_date",
    "parse_datetime",
    "parse_decimal",
    "parse_time",
]

DECIMAL_DIGITS: Final = 9
DECIMAL_SCALE: Final = 10**DECIMAL_DIGITS
INT_MIN, INT_MAX = -(2**63), 2**63 - 1  # language.md: Int is 64-bit, overflow is an error
DECIMAL_MAX: Final = 10**18 * DECIMAL_SCALE - 1  # 18 integer digits; beyond it is an overflow
SAFE_INT: Final = 2**53 - 1  # RFC 7493: integers that every JSON reader keeps

_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:\.([0-9]{3}))?")
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
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




class IpValue(NamedTuple):
    """An address (`low` equals `high`) or a range: IP version and the first and last address as numbers."""

    version: int
    low: int
    high: int


class UrlValue(NamedTuple):
    """A canonical URL and its parts; `port` is the one in effect (0: the scheme has none); `query` without `?`, empty for none."""

    text: str
    scheme: str
    host: str
    port: int
    path: str
    query: str


Value: TypeAlias = (
    "bool | int | str | EntityRef | IpValue | UrlValue | frozenset[Value] | tuple[Value, ...] | dict[Value, Value] | Record"
)


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
    stamp = datetime.fromtimestamp(seconds, tz=UTC).isoformat()[:19]  # strftime writes the year 1 as "1"
    return f"{stamp}.{rest:03d}Z" if rest else f"{stamp}Z"


def parse_date(text: str) -> int:
    """Days since 1970-01-01 of `2026-11-23`; raises IntentError otherwise."""
    if not isinstance(text, str) or _DATE.fullmatch(text) is None:
        raise IntentError('a Date is a string such as "2026-11-23"')
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH_DAY
    except ValueError:
        raise IntentError(f"{text} is not a day of the calendar") from None


def format_date(days: int) -> str:
    """`2026-11-23` of days since 1970-01-01."""
    return date.fromordinal(days + _EPOCH_DAY).isoformat()


def parse_time(text: str) -> int:
    """Milliseconds since midnight of `09:00:00` (or `09:00:00.250`); raises IntentError otherwise."""
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None or found.group(4) == "000":
        raise IntentError('a Time is a string such as "09:00:00" or "09:00:00.250"')
    hours, minutes, seconds, rest = (int(part or 0) for part in found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def format_time(millis: int) -> str:
    """`09:00:00` (with `.250` when not a whole second) of milliseconds since midnight."""
    seconds, rest = divmod(millis, 1000)
    stamp = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{stamp}.{rest:03d}" if rest else stamp
