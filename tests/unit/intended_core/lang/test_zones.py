"""Time zones: the pinned data, clock changes, the ends of the calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.lang.faults import EvaluationError
from intended_core.lang.zones import TZDATA_VERSION, date_of, known_zones, moment_of, time_of, weekday_of, zone

PARIS = "Europe/Paris"
HOUR = 3_600_000


def ms(*parts: int) -> int:
    return round((datetime(*parts, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)  # type: ignore[arg-type, misc]


def test_the_data_has_a_version_and_zones() -> None:
    assert TZDATA_VERSION[:2] == "20"
    assert {PARIS, "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+12"} <= known_zones()


@pytest.mark.parametrize("name", ["", "Europe/Nowhere", "../UTC", "/UTC", "europe/paris", "localtime", "Europe", "UTC\0", "zones"])
def test_other_zones_are_errors(name: str) -> None:
    with pytest.raises(EvaluationError):
        zone(name)


def test_parts_of_a_moment() -> None:
    late = ms(2026, 11, 22, 23, 30)
    assert (weekday_of(late, "UTC"), weekday_of(late, PARIS)) == ("sun", "mon")
    assert (time_of(late, "UTC"), time_of(late, PARIS)) == (23 * HOUR + HOUR // 2, HOUR // 2)
    assert date_of(late, PARIS) == date_of(late, "UTC") + 1


def test_a_local_time_that_the_clocks_skip_or_repeat_is_an_error() -> None:
    spring, autumn = date_of(ms(2026, 3, 29), "UTC"), date_of(ms(2026, 10, 25), "UTC")
    for day in (spring, autumn):
        with pytest.raises(EvaluationError):
            moment_of(day, 2 * HOUR + HOUR // 2, PARIS)
    assert moment_of(spring, 4 * HOUR, PARIS) == ms(2026, 3, 29, 2)
    assert moment_of(autumn, 4 * HOUR, PARIS) == ms(2026, 10, 25, 3)


@pytest.mark.parametrize("millis", [10**18, -(10**18), ms(9999, 12, 31, 23, 59)])
def test_moments_outside_the_calendar_are_errors(millis: int) -> None:
    with pytest.raises(EvaluationError):
        weekday_of(millis, "Pacific/Kiritimati")


@given(st.integers(-(10**12), 4 * 10**12), st.sampled_from([PARIS, "UTC", "Asia/Kathmandu", "America/New_York"]))
def test_a_moment_is_where_its_parts_say(millis: int, name: str) -> None:
    try:
        assert moment_of(date_of(millis, name), time_of(millis, name), name) == millis
    except EvaluationError:
        assert name not in ("UTC", "Asia/Kathmandu")
