"""Windows of time by the calendar of a place, also where its clock jumps."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from intended_core.lang.operations import EvaluationError
from intended_core.lang.windows import Window, window_at


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "zone", "name", "start", "end"),
    [
        ("2026-11-23T10:00:00", "UTC", "2026-11-23 UTC", "2026-11-23T00:00:00", "2026-11-24T00:00:00"),
        ("2026-11-22T23:30:00", "Europe/Paris", "2026-11-23 Europe/Paris", "2026-11-22T23:00:00", "2026-11-23T23:00:00"),
        # the day on which Paris sets its clocks back has 25 hours, the one on which it sets them forward 23
        ("2026-10-25T12:00:00", "Europe/Paris", "2026-10-25 Europe/Paris", "2026-10-24T22:00:00", "2026-10-25T23:00:00"),
        ("2026-03-29T12:00:00", "Europe/Paris", "2026-03-29 Europe/Paris", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),
        # in Beirut the clock jumps over midnight: the day begins at 01:00 local time
        ("2024-03-31T12:00:00", "Asia/Beirut", "2024-03-31 Asia/Beirut", "2024-03-30T22:00:00", "2024-03-31T21:00:00"),
    ],
)
def test_days(moment: str, zone: str, name: str, start: str, end: str) -> None:
    assert window_at("calendar_day", ms(moment), zone=zone) == Window(name, ms(start), ms(end))


def test_the_first_and_last_millisecond_of_a_day() -> None:
    midnight = ms("2026-11-23T00:00:00")
    assert window_at("calendar_day", midnight).name == "2026-11-23 UTC"
    assert window_at("calendar_day", midnight - 1).name == "2026-11-22 UTC"


def test_months() -> None:
    found = window_at("calendar_month", ms("2026-12-31T23:30:00"), zone="Europe/Paris")
    assert found == Window("2027-01 Europe/Paris", ms("2026-12-31T23:00:00"), ms("2027-01-31T23:00:00"))


def test_a_year_has_four_digits_whatever_the_year() -> None:
    """A name is a key in the store: the same month must be named alike on every platform."""
    assert window_at("calendar_month", ms("0999-12-31T12:00:00")).name == "0999-12 UTC"
    assert window_at("calendar_month", ms("0007-02-03T12:00:00")).name == "0007-02 UTC"
    assert window_at("calendar_day", ms("0007-02-03T12:00:00")).name == "0007-02-03 UTC"


def test_windows_without_a_calendar() -> None:
    assert window_at("sliding", 1000, length_ms=60) == Window("", 940, None)
    assert window_at("lifetime", 1000) == window_at("session", 5) == Window("", 0, None)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "Europe/Paris\x00"])
def test_an_unknown_zone_is_an_error(zone: str) -> None:
    with pytest.raises(EvaluationError):
        window_at("calendar_day", 0, zone=zone)


def test_a_moment_outside_the_calendar_is_an_error() -> None:
    with pytest.raises(EvaluationError):
        window_at("calendar_day", 10**18)
