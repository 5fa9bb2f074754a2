"""The interpreter's own methods and patterns agree with the table on generated values."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.engine.meanings import Nothing, calendar_window, covers, matches, method, runs
from intended_core.lang.builtins import METHODS, apply_method
from intended_core.lang.faults import EvaluationError
from intended_core.lang.netforms import parse_ip, parse_url
from intended_core.lang.operations import ip_in
from intended_core.lang.patterns import glob, path_like, url_like
from intended_core.lang.types import DATE, DATETIME, HOST, INT, PATH, STRING, URL
from intended_core.lang.windows import window_at

PATHS = st.lists(st.sampled_from(["a", "b", "ab", "x.txt"]), max_size=5).map(lambda parts: "/" + "/".join(parts)) | st.sampled_from(["/", "/a/", "/a/b/"])
PATTERNS = st.lists(st.sampled_from(["a", "*", "**", "*b", "*.txt", "a*", "x.*t"]), min_size=1, max_size=5).map(lambda parts: "/" + "/".join(parts))
HOSTS = st.sampled_from(["a.example", "b.a.example", "ba.example", "example", "10.0.0.1", "0.0.1.example", "[::1]", "1.a.example"])
ZONES = st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Nowhere/At_All", "Pacific/Apia"])


@given(st.text("ab*", max_size=8), st.lists(st.text("ab", max_size=2), min_size=1, max_size=4))
def test_runs(text: str, parts: list[str]) -> None:
    assert runs(text, parts) == glob(text, parts)


@given(PATHS, PATTERNS)
def test_patterns_of_paths(path: str, pattern: str) -> None:
    assert matches(("text", path), pattern) == path_like(path, pattern)


@given(HOSTS, st.sampled_from(["", ":81"]), PATHS, st.sampled_from(["*", "**.example", "*.example", "a.example", "[::1]"]), st.sampled_from(["", ":81"]), PATTERNS)
def test_patterns_of_urls(host: str, port: str, path: str, wanted: str, wanted_port: str, pattern: str) -> None:
    url, whole = f"https://{host}{port}{path}", f"https://{wanted}{wanted_port}{pattern}"
    assert matches(("url", url), whole) == url_like(parse_url(url), whole)


@given(HOSTS, HOSTS, PATHS, PATHS)
def test_below(host: str, above: str, path: str, root: str) -> None:
    assert method("under", ("text", host), [("text", above)]) == ("bool", apply_method(HOST, "under", host, above))
    assert method("under", ("text", path), [("text", root)]) == ("bool", apply_method(PATH, "under", path, root))
    assert method("is_address", ("text", host), []) == ("bool", apply_method(HOST, "is_address", host))
    assert method("depth", ("text", path), []) == ("int", apply_method(PATH, "depth", path))
    assert method("name", ("text", path), []) == ("text", apply_method(PATH, "name", path))


@given(HOSTS, st.sampled_from(["http", "wss", "x"]), st.sampled_from(["", ":81"]), st.sampled_from(["", "?a=b"]))
def test_parts_of_urls(host: str, scheme: str, port: str, query: str) -> None:
    text = f"{scheme}://{host}{port}/p{query}"
    for name in ("scheme", "host", "port", "path", "query"):
        assert method(name, ("url", text), [])[1] == apply_method(URL, name, parse_url(text))


@given(st.integers(-(10**13), 10**14), ZONES, st.integers(-1_000_000, 3_000_000), st.integers(0, 86_399_999))
def test_times(millis: int, name: str, days: int, part: int) -> None:
    for word in ("weekday", "time", "date"):
        assert _same(DATETIME, word, ("datetime", millis), millis, name)
    assert _same(DATE, "weekday", ("date", days), days) or abs(days) > 700_000
    try:
        fast: object = apply_method(DATE, "at", days, part, name)
    except EvaluationError:
        fast = None
    try:
        slow = method("at", ("date", days), [("time", part), ("text", name)])[1]
    except Nothing:
        slow = None
    assert fast == slow


@pytest.mark.parametrize("millis", [part * 900_000 for part in range(96)])
@pytest.mark.parametrize(("day", "name"), [(20_541, "Europe/Paris"), (20_751, "Europe/Paris"), (20_731, "Australia/Lord_Howe"), (15_338, "Pacific/Apia"), (2_932_896, "UTC"), (2_932_896, "Asia/Tokyo"), (2_932_896, "America/New_York"), (-719_162, "UTC"), (-719_162, "Europe/Paris")])
def test_clock_changes(day: int, name: str, millis: int) -> None:
    try:
        fast: object = apply_method(DATE, "at", day, millis, name)
    except EvaluationError:
        fast = None
    try:
        slow = method("at", ("date", day), [("time", millis), ("text", name)])[1]
    except Nothing:
        slow = None
    assert fast == slow


def _same(kind: object, word: str, tagged: object, value: object, *args: str) -> bool:
    try:
        fast: object = apply_method(kind, word, value, *args)  # type: ignore[arg-type]
    except EvaluationError:
        fast = None
    try:
        slow: object = method(word, tagged, [("text", arg) for arg in args])[1]
    except Nothing:
        slow = None
    return fast == slow


@given(st.text("ab", max_size=4), st.text("ab", max_size=2))
def test_texts(text: str, part: str) -> None:
    for word in ("starts_with", "ends_with", "contains"):
        assert method(word, ("text", text), [("text", part)]) == ("bool", apply_method(STRING, word, text, part))


def test_numbers_and_addresses() -> None:
    assert method("decimal", ("int", 5), [])[1] * 10**9 == apply_method(INT, "decimal", 5)
    with pytest.raises(Nothing):
        method("decimal", ("int", 10**18), [])
    one, wide = parse_ip("10.1.2.3"), parse_ip("10.0.0.0/8")
    assert covers(tuple(wide), tuple(one)) is ip_in(one, wide) is True  # type: ignore[arg-type]
    assert covers(tuple(one), tuple(wide)) is ip_in(wide, one) is False  # type: ignore[arg-type]


def test_every_method_has_a_second_meaning() -> None:
    shapes = {
        "Set": ("set", frozenset()), "List": ("list", ()), "Map": ("map", ()), "String": ("text", "a"), "Int": ("int", 1), "Email": ("text", "a@b.example"),
        "Host": ("text", "a.example"), "Url": ("url", "https://a.example/"), "Path": ("text", "/a"), "Ip": ("ip", (4, 1, 1)),
        "Digest": ("text", "sha256:00"), "Datetime": ("datetime", 0), "Date": ("date", 0),
    }  # fmt: skip
    for kind, name in METHODS:
        args = {"at": [("time", 0), ("text", "UTC")], "contains_all": [("set", frozenset())], "contains_any": [("set", frozenset())]}
        assert len(method(name, shapes[kind], args.get(name, [("text", "UTC")]))) == 2


@pytest.mark.parametrize("kind", ["calendar_day", "calendar_month"])
@pytest.mark.parametrize("name", ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Paris"])
def test_windows_of_the_calendar_are_the_ledgers(kind: str, name: str) -> None:
    for now_ms in (-1, 0, 1_774_745_999_999, 1_774_746_000_000, 1_795_000_000_000):
        wanted = window_at(kind, now_ms, zone=name)
        first, after = calendar_window(kind, name, now_ms)
        assert wanted.name.split(" ")[0] == first.isoformat()[: len(wanted.name.split(" ")[0])]
        assert wanted.start_ms <= now_ms < (wanted.end_ms or 0)
        assert 1 <= (after - first).days <= 31
        assert calendar_window(kind, name, wanted.start_ms)[0] == first
        assert calendar_window(kind, name, wanted.end_ms or 0)[0] == after
    for now_ms in (-62_135_596_800_001, -62_135_596_800_000, -62_135_500_000_000, 253_399_708_799_999, 253_402_214_399_999, 253_402_214_400_000):
        assert _there(window_at, kind, now_ms, zone=name) is _there(calendar_window, kind, name, now_ms)


def _there(ask: Callable[..., object], *given: object, **named: object) -> bool:
    try:
        ask(*given, **named)
    except (EvaluationError, Nothing):
        return False
    return True
