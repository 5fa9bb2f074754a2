"""Cedar's extension types: how their texts read. Values: decimal = integer of 1/10,000; ipaddr = canonical text `address/prefix`;
datetime and duration = milliseconds. Specification: Cedar's reference, "Extension data types".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from intended_core.values import INT_MAX, INT_MIN

__all__ = [
    "CONSTRUCTORS",
    "DAY",
    "FUNCTIONS",
    "METHODS",
    "ExtensionError",
    "network",
    "parse_datetime",
    "parse_decimal",
    "parse_duration",
    "parse_ip",
    "to_date",
    "to_time",
]

FUNCTIONS: Final = frozenset({"ip", "decimal", "datetime", "duration"})
METHODS: Final[Mapping[str, int]] = {
    "isIpv4": 0, "isIpv6": 0, "isLoopback": 0, "isMulticast": 0, "isInRange": 1, "lessThan": 1, "lessThanOrEqual": 1,
    "greaterThan": 1, "greaterThanOrEqual": 1, "offset": 1, "durationSince": 1, "toDate": 0, "toTime": 0,
    "toMilliseconds": 0, "toSeconds": 0, "toMinutes": 0, "toHours": 0, "toDays": 0,
}  # fmt: skip
DAY: Final = 24 * 3600 * 1000
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DECIMAL: Final = re.compile(r"(-?)([0-9]+)\.([0-9]{1,4})")
_PREFIX: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_DURATION: Final = re.compile(r"(-?)(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m(?!s))?(?:([0-9]+)s)?(?:([0-9]+)ms)?")
_DATETIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{3}))?(?:Z|([+-])([0-9]{2})([0-9]{2})))?"
)
_UNITS: Final = (DAY, 3600 * 1000, 60 * 1000, 1000, 1)
_MONTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class ExtensionError(Exception):
    """A text that is no value of the extension type."""


def _long(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise ExtensionError("the value does not fit")
    return value


def parse_decimal(text: str) -> int:
    """Units of 1/10,000; raises ExtensionError."""
    found = _DECIMAL.fullmatch(text)
    if found is None or len(found[2]) > 40:
        raise ExtensionError("a decimal has 1 to 4 digits after its point")
    value = int(found[2]) * 10_000 + int(found[3].ljust(4, "0"))
    return _long(-value if found[1] else value)


def parse_ip(text: str) -> str:
    """Canonical `address/prefix`; raises ExtensionError. Host bits stay: `10.0.0.1/24` is not `10.0.0.0/24`."""
    address, slash, prefix = text.partition("/")
    if len(text) > 43 or "%" in text or (":" in text and "." in text):
        raise ExtensionError("not an address or range")
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        raise ExtensionError("not an address or range") from None
    if not slash:
        return f"{found}/{found.max_prefixlen}"
    if _PREFIX.fullmatch(prefix) is None or int(prefix) > found.max_prefixlen:
        raise ExtensionError("not a prefix length")
    return f"{found}/{prefix}"


@lru_cache(maxsize=4096)
def network(value: str) -> Network:
    """The range that a canonical ipaddr text names."""
    return ipaddress.ip_network(value, strict=False)


def parse_duration(text: str) -> int:
    """Milliseconds; raises ExtensionError."""
    found = _DURATION.fullmatch(text)
    if found is None or len(text) > 200:
        raise ExtensionError("a duration is written like 1d2h3m4s5ms")
    amounts = found.groups()[1:]
    if all(amount is None for amount in amounts):
        raise ExtensionError("a duration names at least one unit")
    total = sum(int(amount) * unit for amount, unit in zip(amounts, _UNITS, strict=True) if amount is not None)
    return _long(-total if found[1] else total)


def parse_datetime(text: str) -> int:
    """UTC milliseconds since 1970 of a date or a date and time with `Z` or an offset; raises ExtensionError."""
    found = _DATETIME.fullmatch(text)
    if found is None:
        raise ExtensionError("a datetime is written like 2024-10-15 or 2024-10-15T11:38:02Z")
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= month <= 12 or not 1 <= day <= _MONTHS[month - 1] + (1 if leap and month == 2 else 0):
        raise ExtensionError("not a day of the calendar")
    total = _days(year, month, day) * DAY
    if found[4] is None:
        return total
    hour, minute, second = int(found[4]), int(found[5]), int(found[6])
    if hour > 23 or minute > 59 or second > 59:
        raise ExtensionError("not a time of day")
    total += (hour * 3600 + minute * 60 + second) * 1000 + int(found[7] or "0")
    if found[8] is not None:
        hours, minutes = int(found[9]), int(found[10])
        if hours > 23 or minutes > 59:
            raise ExtensionError("not an offset")
        shift = (hours * 60 + minutes) * 60 * 1000
        total += shift if found[8] == "-" else -shift
    return total


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the proleptic Gregorian calendar; years before 1 too, which Python's dates do not have."""
    shifted = year - 1 if month <= 2 else year
    era, of_era = divmod(shifted, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def to_date(moment: int) -> int:
    """Midnight (UTC) at or before the moment; raises ExtensionError below the smallest."""
    return _long(moment - moment % DAY)


def to_time(moment: int) -> int:
    """Milliseconds since midnight (UTC)."""
    return moment % DAY


CONSTRUCTORS: Final[Mapping[str, tuple[str, Callable[[str], int | str]]]] = {
    "ip": ("ipaddr", parse_ip),
    "decimal": ("decimal", parse_decimal),
    "datetime": ("datetime", parse_datetime),
    "duration": ("duration", parse_duration),
}
