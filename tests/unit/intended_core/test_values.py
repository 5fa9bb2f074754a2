from __future__ import annotations

import copy
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.errors import IntentError
from intended_core.values import (
    DECIMAL_MAX,
    DECIMAL_SCALE,
    Record,
    format_date,
    format_datetime,
    format_decimal,
    format_time,
    parse_date,
    parse_datetime,
    parse_decimal,
    parse_time,
)


@given(st.integers(-DECIMAL_MAX, DECIMAL_MAX))
def test_a_decimal_comes_back_as_it_was(scaled: int) -> None:
    assert parse_decimal(format_decimal(scaled)) == scaled


@given(st.integers(-DECIMAL_MAX, DECIMAL_MAX))
def test_a_decimal_means_what_arithmetic_says(scaled: int) -> None:
    assert Decimal(format_decimal(scaled)) == Decimal(scaled).scaleb(-9, None)


@pytest.mark.parametrize(
    ("text", "scaled"),
    [
        ("0", 0),
        ("-0", 0),
        ("12.50", 12_500_000_000),
        ("-0.000000001", -1),
        ("9" * 18, DECIMAL_MAX // DECIMAL_SCALE * DECIMAL_SCALE),
    ],
)
def test_decimals(text: str, scaled: int) -> None:
    assert parse_decimal(text) == scaled


@pytest.mark.parametrize(
    "text",
    ["", "+1", "01", "1.", ".5", "1e3", "1E3", "0x1", "1_000", "1,5", " 1", "1 ", "1\n", "NaN", "Infinity", "--1", "9" * 19, "0.0000000001", "١", "1.٠", 1, 1.5, True, None, b"1"],
)  # fmt: skip
def test_what_is_no_decimal(text: object) -> None:
    with pytest.raises(IntentError):
        parse_decimal(text)  # type: ignore[arg-type]


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001
def test_a_moment_comes_back_as_it_was(moment: datetime) -> None:
    moment = moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
    if moment.year < 1000:
        return
    millis = parse_datetime(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    assert parse_datetime(format_datetime(millis)) == millis
    assert datetime.fromtimestamp(millis // 1000, UTC) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2000-02-29T12:00:00Z", 951_825_600_000),
    ],
)
def test_moments(text: str, millis: int) -> None:
    assert parse_datetime(text) == millis


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-23", "2026-11-23T10:00:00", "2026-11-23T10:00:00+00:00", "2026-11-23t10:00:00z", "2026-11-23 10:00:00Z", "2026-02-30T10:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T10:00:60Z", "2026-11-23T10:00:00.12Z", "2026-11-23T10:00:00Z\n", "٢026-11-23T10:00:00Z", 0, None],
)  # fmt: skip
def test_what_is_no_moment(text: object) -> None:
    with pytest.raises(IntentError):
        parse_datetime(text)  # type: ignore[arg-type]


def test_a_record_does_not_change() -> None:
    record = Record({"a": 1})
    attempts = [
        lambda: record.__setitem__("a", 2),
        lambda: record.__delitem__("a"),
        lambda: record.update(a=2),
        lambda: record.pop("a"),
        lambda: record.popitem(),
        lambda: record.setdefault("b", 2),
        lambda: record.clear(),
        lambda: record.__ior__({"a": 2}),
    ]
    for attempt in attempts:
        with pytest.raises(TypeError):
            attempt()
    assert record == {"a": 1}


def test_equal_records_are_one_member_of_a_set() -> None:
    one, two = (
        Record({"a": 1, "b": Record({"c": frozenset({1})})}),
        Record({"b": Record({"c": frozenset({1})}), "a": 1}),
    )
    assert len({one, two}) == 1
    assert len({one, Record({"a": 1})}) == 2
    assert copy.deepcopy(one) == one
    assert isinstance(copy.deepcopy(one), Record)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "0999-12-31T23:59:59.001Z", "9999-12-31T23:59:59.999Z"])
def test_moments_at_the_ends_of_the_calendar_read_and_write_the_same(text: str) -> None:
    assert format_datetime(parse_datetime(text)) == text


@pytest.mark.parametrize(("text", "days"), [("1970-01-01", 0), ("0001-01-01", -719_162), ("2028-02-29", 21_243)])
def test_days(text: str, days: int) -> None:
    assert parse_date(text) == days
    assert format_date(days) == text


@pytest.mark.parametrize(("text", "millis"), [("00:00:00", 0), ("23:59:59.999", 86_399_999), ("09:00:00.250", 32_400_250)])
def test_times(text: str, millis: int) -> None:
    assert parse_time(text) == millis
    assert format_time(millis) == text


@pytest.mark.parametrize("text", ["9:00:00", "24:00:00", "09:60:00", "09:00", "09:00:00.000", "09:00:00Z", "٠٩:00:00", ""])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(IntentError):
        parse_time(text)
