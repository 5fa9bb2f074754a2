"""Windows of time that a meter counts over: which one a moment falls into, by name and by bounds in UTC milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from intended_core.lang.faults import EvaluationError
from intended_core.lang.zones import zone as zone_of

__all__ = ["Window", "window_at"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """`name` tells windows of one kind apart. `end_ms` is exclusive, None for a window that does not end by itself."""

    name: str
    start_ms: int
    end_ms: int | None


def window_at(kind: str, now_ms: int, *, zone: str = "UTC", length_ms: int = 0) -> Window:
    """The window that `now_ms` falls into; raises EvaluationError for an unknown zone or a moment outside the calendar."""
    if kind == "sliding":
        return Window("", now_ms - length_ms, None)
    if kind not in ("calendar_day", "calendar_month"):
        return Window("", 0, None)
    where = zone_of(zone)
    try:
        day = (_EPOCH + timedelta(milliseconds=now_ms)).astimezone(where).date()
        if kind == "calendar_day":
            return Window(f"{day.isoformat()} {zone}", _first_moment(day, where), _first_moment(day + timedelta(1), where))
        first = day.replace(day=1)
        following = (first + timedelta(32)).replace(day=1)
        return Window(f"{first.isoformat()[:7]} {zone}", _first_moment(first, where), _first_moment(following, where))
    except (OverflowError, ValueError):
        raise EvaluationError("the moment lies outside the calendar") from None


def _first_moment(day: date, where: tzinfo) -> int:
    """UTC milliseconds of the first moment whose local date is `day`, also where midnight is skipped or comes twice."""
    guess = datetime.combine(day, time(), tzinfo=where).astimezone(UTC)
    if guess.astimezone(where).date() < day:  # midnight is skipped: the clock jumps over it
        guess = datetime.combine(day, time(), tzinfo=where).replace(fold=1).astimezone(UTC)
        while guess.astimezone(where).date() < day:
            guess += timedelta(minutes=15)
    return (guess - _EPOCH) // timedelta(milliseconds=1)
