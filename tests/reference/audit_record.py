"""A record's header a second time: JSON with a schema, read with the standard library. It judges the pattern in `audit.record`."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from intended_core.audit.record import EventKind

MEMBERS = {"$", "b", "e", "g", "k", "o", "p", "pv", "s", "t", "th", "ts", "w", "x"}


class NoHeaderError(Exception):
    """These bytes are no header."""


def need(truth: bool) -> None:
    if not truth:
        raise NoHeaderError


def digest(value: Any) -> bytes:
    need(type(value) is str and re.fullmatch("[A-Za-z0-9_-]{43}", value) is not None)
    raw = base64.urlsafe_b64decode(value + "=")
    need(base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == value)
    return raw


def number(value: Any) -> int:
    need(type(value) is int and 0 <= value < 2**53)
    return int(value)


def word(value: Any) -> str:
    need(type(value) is str and re.fullmatch("[\x21-\x7e]{1,255}", value) is not None and not {'"', "\\"} & set(value))
    return str(value)


def read(data: bytes) -> dict[str, Any]:
    """The members of a header; raises NoHeaderError."""
    need(len(data) <= 2048)
    try:
        value = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError):
        raise NoHeaderError from None
    need(type(value) is dict and value.keys() == MEMBERS)
    need(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == data)
    need(value["$"] == "intended.audit/rec.v1" and value["k"] in [kind.value for kind in EventKind])
    need(type(value["t"]) is str and re.fullmatch("[0-9a-f]{32}", value["t"]) is not None)
    for name in ("e", "g", "s", "ts"):
        number(value[name])
    for name in ("o", "w"):
        word(value[name])
    for name in ("b", "p"):
        digest(value[name])
    if value["pv"] is not None:
        digest(value["pv"])
    if value["x"] is not None:
        word(value["x"])
    if value["th"] is not None:
        need(type(value["th"]) is list and len(value["th"]) == 3)
        commitment, n, previous = value["th"]
        digest(commitment)
        need((number(n) == 0) == (previous is None))
        need(previous is None or number(previous) < value["s"])
    return dict(value)
