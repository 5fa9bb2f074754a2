"""Time zones from the pinned `tzdata` package, never from the machine: the same version gives the same answer everywhere.

A zone that the package does not have, a local time that a clock change skips or repeats, and a moment outside years 1 to 9999 are errors.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]

from intended_core.lang.faults import EvaluationError

__all__ = ["TZDATA_VERSION", "date_of", "known_zones", "moment_of", "time_of", "weekday_of", "zone"]

TZDATA_VERSION: Final[str] = tzdata.IANA_VERSION
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9][A-Za-z0-9_+-]*){0,3}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """The names that the pinned data has."""
    text = resources.files("tzdata").joinpath("zones").read_text(encoding="ascii")
    return frozenset(line for line in text.split("\n") if _KEY.fullmatch(line) is not None)


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """The zone of that name; raises EvaluationError when the pinned data has none."""
    if name not in known_zones():
        raise EvaluationError(f"{name[:64]!r} is not a time zone of the pinned data")
    if name == "UTC":
        return UTC
    place = resources.files("tzdata.zoneinfo")
    for part in name.split("/"):
        place = place.joinpath(part)
    with place.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _local(millis: int, name: str) -> datetime:
    where = zone(name)
    try:
        return (_EPOCH + timedelta(milliseconds=millis)).astimezone(where)
    except OverflowError:
        raise EvaluationError("a Datetime outside the years 1 to 9999 has no place in a calendar") from None


def weekday_of(millis: int, name: str) -> str:
    """`mon` to `sun` of a moment in a zone; raises EvaluationError."""
    return _WEEKDAYS[_local(millis, name).weekday()]


def date_of(millis: int, name: str) -> int:
    """The day of a moment in a zone, in days since 1970-01-01; raises EvaluationError."""
    return _local(millis, name).toordinal() - _EPOCH_DAY


def time_of(millis: int, name: str) -> int:
    """The time of day of a moment in a zone, in milliseconds since midnight; raises EvaluationError."""
    local = _local(millis, name)
    return ((local.hour * 60 + local.minute) * 60 + local.second) * 1000 + local.microsecond // 1000


def moment_of(days: int, millis: int, name: str) -> int:
    """The moment of a local day and time, in UTC milliseconds; raises EvaluationError when clocks skip or repeat that time."""
    where = zone(name)
    try:
        naive = datetime.fromordinal(days + _EPOCH_DAY) + timedelta(milliseconds=millis)
        early, late = naive.replace(tzinfo=where, fold=0), naive.replace(tzinfo=where, fold=1)
        if early.utcoffset() != late.utcoffset():
            raise EvaluationError(f"{naive.isoformat()} is skipped or repeated in {name}")
        return round((early.astimezone(UTC) - _EPOCH) / timedelta(milliseconds=1))
    except (OverflowError, ValueError):
        raise EvaluationError("a day outside the years 1 to 9999 is not in the calendar") from None
