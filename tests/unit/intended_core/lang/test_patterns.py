"""Patterns: whole values, segment by segment, never slow, canonical themselves."""

from __future__ import annotations

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.errors import IntentError
from intended_core.lang.netforms import parse_url
from intended_core.lang.patterns import check_path_pattern, check_url_pattern, glob, path_like, url_like


@given(st.text("ab*?[", max_size=8), st.lists(st.text("ab?[", max_size=2), min_size=1, max_size=4))
def test_a_pattern_matches_the_whole_string(text: str, parts: list[str]) -> None:
    plain = "*".join(part.replace("[", "[[]").replace("?", "[?]") for part in parts)
    assert glob(text, tuple(parts)) == fnmatch.fnmatchcase(text, plain)


def test_a_pattern_does_not_reuse_letters() -> None:
    assert not glob("aba", ("ab", "ba"))
    assert glob("abba", ("ab", "ba"))
    assert not glob("abc", ("b",))
    assert glob("a\nb", ("a", "b"))


def test_a_hostile_pattern_takes_no_long_time() -> None:
    assert not glob("a" * 4096, (*["a"] * 2000, "b"))


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("/public/**", ["/public", "/public/", "/public/a", "/public/a/b"], ["/publi", "/publica", "/x/public/a", "/"]),
        ("/public/*", ["/public/a"], ["/public", "/public/", "/public/a/b"]),
        ("/a/**/z", ["/a/z", "/a/b/z", "/a/b/c/z"], ["/a/b", "/az", "/a/z/b"]),
        ("/a/*.txt", ["/a/b.txt", "/a/.txt"], ["/a/b/c.txt", "/a/b.txta"]),
        ("/**/a/**/b", ["/a/b", "/x/a/y/a/b"], ["/b/a", "/a/b/c"]),
        ("/**", ["/", "/a", "/a/b/"], []),
    ],
)  # fmt: skip
def test_paths(pattern: str, fits: list[str], others: list[str]) -> None:
    check_path_pattern(pattern)
    assert [path_like(path, pattern) for path in fits] == [True] * len(fits)
    assert [path_like(path, pattern) for path in others] == [False] * len(others)


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("https://a.example/public/**", ["https://a.example/public/x", "https://a.example/public/x?q=/admin"],
         ["http://a.example/public/x", "https://b.a.example/public/x", "https://a.example:444/public/x", "https://x.example/https:/a.example/public/x"]),
        ("https://*.example/", ["https://a.example/"], ["https://a.b.example/", "https://example/", "https://a.example/x"]),
        ("https://**.example/**", ["https://a.b.example/x", "https://example/"], ["https://aexample/", "https://a.example.evil/"]),
        ("https://a.example:8443/*", ["https://a.example:8443/x"], ["https://a.example/x"]),
        ("https://[::1]/**", ["https://[::1]/a"], ["https://[::2]/a"]),
    ],
)  # fmt: skip
def test_urls(pattern: str, fits: list[str], others: list[str]) -> None:
    check_url_pattern(pattern)
    assert [url_like(parse_url(url), pattern) for url in fits] == [True] * len(fits)
    assert [url_like(parse_url(url), pattern) for url in others] == [False] * len(others)


@pytest.mark.parametrize("text", ["", "a", "a/*", "/a**", "/../*", "/a//b", "/%2e%2e/*", "/a;b/*", "/**b/c", "/a" * 33])
def test_what_is_no_pattern_of_a_path(text: str) -> None:
    with pytest.raises(IntentError):
        check_path_pattern(text)


@pytest.mark.parametrize(
    "text",
    ["*", "/a", "https://a.example", "https://*a.example/", "https://a.**.example/", "https://a.example/?x", "https://A.example/",
     "*://a.example/", "https://a.example:443/", "https://a.example:*/", "https://u@a.example/", "https://*/../"],
)  # fmt: skip
def test_what_is_no_pattern_of_a_url(text: str) -> None:
    with pytest.raises(IntentError):
        check_url_pattern(text)


def test_a_hostile_pattern_of_a_path_takes_no_long_time() -> None:
    assert not path_like("/a" * 2_000, "/**" + "/a" * 30 + "/b")
    assert not path_like("/a" * 2_000, "/**/a" * 15 + "/b")
