"""Texts of decimal, ipaddr, datetime and duration: what they mean and what is none."""

from __future__ import annotations

import pytest

from intended_core.lang.cedar.extensions import (
    ExtensionError,
    network,
    parse_datetime,
    parse_decimal,
    parse_duration,
    parse_ip,
    to_date,
    to_time,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.0", 10_000), ("-0.0001", -1), ("00.5", 5000), ("922337203685477.5807", 2**63 - 1), ("-922337203685477.5808", -(2**63))],
)
def test_decimals(text: str, value: int) -> None:
    assert parse_decimal(text) == value


@pytest.mark.parametrize("text", ["", "1", "1.", ".5", "1.00000", "+1.0", "1.0 ", "922337203685477.5808", "1e1", "١.٠"])
def test_no_decimals(text: str) -> None:
    with pytest.raises(ExtensionError):
        parse_decimal(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("10.0.0.1", "10.0.0.1/32"), ("10.0.0.1/24", "10.0.0.1/24"), ("::1", "::1/128"), ("FF00::/8", "ff00::/8"), ("0:0:0:0:0:0:0:1", "::1/128")],
)
def test_addresses(text: str, value: str) -> None:
    assert parse_ip(text) == value


@pytest.mark.parametrize("text", ["", "1.2.3", "01.2.3.4", "1.2.3.4/33", "1.2.3.4/08", "1.2.3.4/", "::ffff:1.2.3.4", "fe80::1%eth0", "::/129", "a"])
def test_no_addresses(text: str) -> None:
    with pytest.raises(ExtensionError):
        parse_ip(text)


def test_a_range_is_wider_than_its_text() -> None:
    assert network("10.0.0.1/24") == network("10.0.0.0/24")
    assert parse_ip("10.0.0.1/24") != parse_ip("10.0.0.0/24")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1970-01-01", 0), ("1969-12-31", -86_400_000), ("2024-02-29", 1_709_164_800_000), ("0000-01-01", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999), ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00+0100", 0),
        ("1970-01-01T00:00:00.001-0030", 1_800_001),
    ],
)  # fmt: skip
def test_datetimes(text: str, value: int) -> None:
    assert parse_datetime(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "2023-02-29", "2024-13-01", "2024-1-1", "2024-01-01T24:00:00Z", "2024-01-01T00:00:60Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.1Z",
     "2024-01-01T00:00:00+2400", "2024-01-01T00:00:00+01:00", "2024-01-01 00:00:00Z", "2024-00-01", "2024-01-00"],
)  # fmt: skip
def test_no_datetimes(text: str) -> None:
    with pytest.raises(ExtensionError):
        parse_datetime(text)


@pytest.mark.parametrize(("text", "value"), [("1d2h3m4s5ms", 93_784_005), ("-1s", -1000), ("5ms", 5), ("0d", 0), ("-9223372036854775808ms", -(2**63))])
def test_durations(text: str, value: int) -> None:
    assert parse_duration(text) == value


@pytest.mark.parametrize("text", ["", "-", "1", "1h1d", "1s1s", "1 s", "9223372036854775808ms", "106751991168d", "+1s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ExtensionError):
        parse_duration(text)


def test_dates_and_times_of_moments_before_1970() -> None:
    assert (to_date(-1), to_time(-1)) == (-86_400_000, 86_399_999)
    assert (to_date(86_400_001), to_time(86_400_001)) == (86_400_000, 1)
    with pytest.raises(ExtensionError):
        to_date(-(2**63))
