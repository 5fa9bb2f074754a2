"""Patterns of paths and URLs: `*` is one segment, or a part of one; `**` is any number of segments. Checked when a set is loaded.

A pattern is canonical like the values it matches, so that `..` or an escaped letter in a pattern is a mistake that is told, never a rule
that matches nothing. Matching walks the segments once and goes back only to the last `**`: no pattern is slow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from intended_core.errors import IntentError
from intended_core.lang.netforms import parse_host, parse_path, parse_url
from intended_core.values import UrlValue

__all__ = ["check_path_pattern", "check_url_pattern", "glob", "path_like", "url_like"]

MAX_SEGMENTS: Final = 32  # with a path of 4 KiB at most 65,000 comparisons
_SPLIT: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/]*)(/.*)?", re.DOTALL)


def check_path_pattern(text: str) -> None:
    """Raises IntentError unless the text is a pattern of canonical paths."""
    if text.count("/") > MAX_SEGMENTS:
        raise IntentError(f"a pattern has at most {MAX_SEGMENTS} segments")
    for segment in text.split("/"):
        if "**" in segment and segment != "**":
            raise IntentError("`**` stands alone between two /")
    parse_path(text.replace("*", "x"))


def check_url_pattern(text: str) -> None:
    """Raises IntentError unless the text is `scheme://host[:port]/path`, with `*` for a whole label of the host and `**` first of all."""
    found = _SPLIT.fullmatch(text)
    if found is None or "?" in text or found.group(3) is None:
        raise IntentError("a pattern of a Url is scheme://host/path; it does not speak of the query")
    host = found.group(2).rpartition(":")[0] if ":" in found.group(2) and found.group(2)[-1] != "]" else found.group(2)
    for at, label in enumerate(host.split(".")):
        if "*" in label and label != "*" and not (label == "**" and at == 0):
            raise IntentError("in a host `*` is a whole label, and `**` (any number of labels) stands first")
    if host not in ("*", "**"):
        parse_host(host.replace("**", "x").replace("*", "x"))
    check_path_pattern(found.group(3))
    parse_url(f"{found.group(1)}://{found.group(2).replace('*', 'x')}{found.group(3).replace('*', 'x')}")


def glob(text: str, parts: Sequence[str]) -> bool:
    """Whole text; between two parts stands any run of characters. The first fit of each part is enough."""
    if len(parts) == 1:
        return text == parts[0]
    first, last = parts[0], parts[-1]
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in parts[1:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


@lru_cache(maxsize=4096)
def _segments(pattern: str, separator: str) -> tuple[tuple[str, ...] | None, ...]:
    return tuple(None if part == "**" else tuple(part.split("*")) for part in pattern.split(separator))


def _fits(text: str, parts: tuple[str, ...]) -> bool:
    """One segment: `*` alone is any segment that is not empty."""
    return text != "" if parts == ("", "") else glob(text, parts)


def _walk(texts: Sequence[str], pattern: tuple[tuple[str, ...] | None, ...]) -> bool:
    at = place = 0
    back, resume = -1, 0
    while at < len(texts):
        part = pattern[place] if place < len(pattern) else ()
        if place < len(pattern) and part is None:
            back, resume = place, at
            place += 1
        elif part and _fits(texts[at], part):
            at, place = at + 1, place + 1
        elif back >= 0:
            resume += 1
            at, place = resume, back + 1
        else:
            return False
    return all(part is None for part in pattern[place:])


def path_like(path: str, pattern: str) -> bool:
    """Whether a canonical path matches."""
    return _walk(path.split("/"), _segments(pattern, "/"))


def url_like(url: UrlValue, pattern: str) -> bool:
    """Whether scheme, host, port and path match; the query is not looked at."""
    scheme, host, port, path = _url_pattern(pattern)
    if url.scheme != scheme or _port(url) != port:
        return False
    labels = (url.host,) if url.host[0] == "[" else url.host.split(".")
    return _walk(labels, host) and _walk(url.path.split("/"), _segments(path, "/"))


@lru_cache(maxsize=4096)
def _url_pattern(pattern: str) -> tuple[str, tuple[tuple[str, ...] | None, ...], str, str]:
    scheme, _, rest = pattern.partition("://")
    authority, slash, path = rest.partition("/")
    host, port = authority, ""
    if ":" in authority and authority[-1] != "]":
        host, _, port = authority.rpartition(":")
    labels = ((host,),) if host[0] == "[" else _segments(host, ".")
    return scheme, labels, port, slash + path


def _port(url: UrlValue) -> str:
    authority = url.text[len(url.scheme) + 3 :].partition("/")[0]
    return "" if len(authority) == len(url.host) else authority[len(url.host) + 1 :]
