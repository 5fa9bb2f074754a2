"""Methods and patterns a second time, on the interpreter's tagged values: obvious rather than fast, no code of `lang.builtins`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from intended_core.lang.faults import EvaluationError
from intended_core.lang.zones import zone

__all__ = ["Nothing", "calendar_window", "covers", "matches", "method", "runs"]

_URL: Final = re.compile(r"(?P<scheme>[^:]+)://(?P<host>\[[^\]]*\]|[^/:]*)(:(?P<port>[0-9]+))?(?P<path>/[^?]*)(\?(?P<query>.*))?")
_PORTS: Final = {"ftp": "21", "http": "80", "https": "443", "ws": "80", "wss": "443"}
_DAYS: Final = {0: "mon", 1: "tue", 2: "wed", 3: "thu", 4: "fri", 5: "sat", 6: "sun"}
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Nothing(Exception):
    """A call that has no value."""


def runs(text: str, parts: Sequence[str]) -> bool:
    """Every way to place the parts, by dynamic programming over positions."""
    if len(parts) == 1:
        return text == parts[0]
    places = {len(parts[0])} if text.startswith(parts[0]) else set()
    for part in parts[1:-1]:
        first = min(places, default=len(text) + 1)
        places = {at + len(part) for at in range(first, len(text) + 1) if text.startswith(part, at)}
    start = min(places, default=len(text) + 1)
    return any(text[at:] == parts[-1] for at in range(start, len(text) + 1))


def covers(wide: tuple[int, int, int], narrow: tuple[int, int, int]) -> bool:
    """Whether every address of `narrow` is one of `wide`."""
    return wide[0] == narrow[0] and wide[1] <= narrow[1] <= narrow[2] <= wide[2]


def _url(text: str) -> dict[str, str]:
    found = _URL.fullmatch(text)
    if found is None:
        raise Nothing("not a URL")
    return {name: part or "" for name, part in found.groupdict().items()}


def matches(tagged: Any, pattern: str) -> bool:
    """Whether a path or URL matches a pattern, trying every length for each `**`."""
    if tagged[0] != "url":
        return _all_ways(tagged[1].split("/"), pattern.split("/"))
    url, wanted = _url(tagged[1]), _url(pattern)
    whole = url["host"].startswith("[") or wanted["host"].startswith("[")
    hosts = ([url["host"]], [wanted["host"]]) if whole else (url["host"].split("."), wanted["host"].split("."))
    return (
        url["scheme"] == wanted["scheme"]
        and url["port"] == wanted["port"]
        and _all_ways(*hosts)
        and _all_ways(url["path"].split("/"), wanted["path"].split("/"))
    )


def _all_ways(texts: list[str], pattern: list[str]) -> bool:
    reached = {0}
    for part in pattern:
        if part == "**":
            reached = {at for start in reached for at in range(start, len(texts) + 1)}
        elif part == "*":
            reached = {at + 1 for at in reached if at < len(texts) and texts[at] != ""}
        else:
            reached = {at + 1 for at in reached if at < len(texts) and runs(texts[at], part.split("*"))}
    return len(texts) in reached


def method(name: str, base: Any, args: list[Any]) -> Any:
    """The tagged value of `base.name(args)`; raises Nothing."""
    kind, held = base
    if name == "size":
        return ("int", len(held))
    if kind in ("set", "list") and name == "contains":
        return ("bool", any(item == args[0] for item in held))
    if name == "contains_all":
        return ("bool", all(any(item == mine for mine in held) for item in args[0][1]))
    if name == "contains_any":
        return ("bool", any(item == mine for item in args[0][1] for mine in held))
    if kind == "text":
        return _text_method(name, held, args)
    if kind == "url":
        return _url_method(name, held)
    if kind == "int" and name == "decimal":
        if abs(held) >= 10**18:
            raise Nothing("a Decimal overflows")
        return ("decimal", Fraction(held))
    if kind == "ip":
        return ("int", held[0]) if name == "version" else ("bool", held[1] != held[2])
    return _time_method(name, kind, held, args)


def _text_method(name: str, text: str, args: list[Any]) -> Any:
    other = args[0][1] if args else ""
    if name == "starts_with":
        return ("bool", text[: len(other)] == other)
    if name == "ends_with":
        return ("bool", len(other) <= len(text) and text[len(text) - len(other) :] == other)
    if name == "contains":
        return ("bool", text.find(other) >= 0)
    if name == "domain":
        return ("text", text.split("@")[-1])
    if name == "algorithm":
        return ("text", text.split(":")[0])
    if name == "name":
        return ("text", text.split("/")[-1])
    if name == "depth":
        return ("int", len([part for part in text.split("/") if part]))
    if name == "is_address":
        return ("bool", _is_address(text))
    if name == "under" and text.startswith("/"):
        mine, above = text.split("/"), other.split("/")
        while len(above) > 1 and above[-1] == "":
            above.pop()
        return ("bool", mine[: len(above)] == above or text == other)
    if name == "under":
        labels, wanted = text.split("."), other.split(".")
        return ("bool", text == other or (labels[-len(wanted) :] == wanted and not _is_address(text)))
    raise Nothing("an unknown method")


def _is_address(host: str) -> bool:
    return host.startswith("[") or all(part.isdigit() for part in host.split("."))


def _url_method(name: str, text: str) -> Any:
    parts = _url(text)
    if name == "port":
        return ("int", int(parts["port"] or _PORTS.get(parts["scheme"], "0")))
    if name in ("scheme", "host", "path", "query"):
        return ("text", parts[name])
    raise Nothing("an unknown method")


def _time_method(name: str, kind: str, number: int, args: list[Any]) -> Any:
    try:
        if kind == "date":
            day = date(1970, 1, 1) + timedelta(days=number)
            if name == "weekday":
                return ("text", _DAYS[day.weekday()])
            return ("datetime", _moment(day, args[0][1], args[1][1]))
        moment = _FIRST + timedelta(milliseconds=number)
        offset = zone(args[0][1]).utcoffset(moment.astimezone(zone(args[0][1])))
        local = moment.replace(tzinfo=None) + (offset or timedelta(0))
    except (OverflowError, ValueError, EvaluationError):
        raise Nothing("no such moment or zone") from None
    if name == "weekday":
        return ("text", _DAYS[local.weekday()])
    if name == "date":
        return ("date", (local.date() - date(1970, 1, 1)).days)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return ("time", (local - midnight) // timedelta(milliseconds=1))


def calendar_window(kind: str, name: str, now_ms: int) -> tuple[date, date]:
    """The first day of the local day or month of a moment, and of the one after it; raises Nothing where the calendar lacks one of them."""
    try:
        where = zone(name)
        day = (_FIRST + timedelta(milliseconds=now_ms)).astimezone(where).date()
        first = day if kind == "calendar_day" else date(day.year, day.month, 1)
        after = day + timedelta(days=1)
        while kind != "calendar_day" and after.day != 1:
            after += timedelta(days=1)
        for bound in (first, after):
            datetime(bound.year, bound.month, bound.day, tzinfo=where).astimezone(UTC)
    except (OverflowError, ValueError, EvaluationError):
        raise Nothing("no such moment or zone") from None
    return first, after


def _moment(day: date, millis: int, name: str) -> int:
    """The one moment whose local form this is: of all offsets that the zone has around it, exactly one must read back."""
    local = datetime.fromisoformat(f"{day.isoformat()}T00:00:00") + timedelta(milliseconds=millis)
    where = zone(name)
    offsets = set()
    for hours in (-26, 0, 26):
        try:
            near = (local.replace(tzinfo=UTC) + timedelta(hours=hours)).astimezone(where)
        except OverflowError:  # the first and the last day of the calendar have neighbours on one side only
            continue
        offsets.add(near.utcoffset() or timedelta(0))
    found = []
    for offset in offsets:
        moment = local.replace(tzinfo=UTC) - offset
        if moment.astimezone(where).replace(tzinfo=None) == local:
            found.append(moment)
    if len(found) != 1:
        raise ValueError("skipped or repeated")
    return (found[0] - _FIRST) // timedelta(milliseconds=1)
