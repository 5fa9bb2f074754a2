from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from intended_core.canonical import (
    b64url,
    canonical_json,
    digest,
    frame,
    pack,
    parse_canonical,
    parse_strict,
    unb64url,
)
from intended_core.errors import IntentError
from intended_core.values import SAFE_INT

LIMIT = 1 << 20
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
PROFILE: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE_INT, SAFE_INT) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(PROFILE)
def test_the_bytes_are_those_of_rfc_8785(value: object) -> None:
    assert canonical_json(value) == pack(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(PROFILE)
def test_what_was_written_is_read_back(value: object) -> None:
    data = canonical_json(value)
    assert parse_canonical(data, max_bytes=LIMIT) == value
    assert parse_strict(data, max_bytes=LIMIT) == value


@given(PROFILE)
def test_any_other_spelling_is_not_canonical(value: object) -> None:
    data = canonical_json(value)
    for other in (data + b" ", b" " + data, json.dumps(value, indent=1).encode(), b"\xef\xbb\xbf" + data):
        if other != data:
            with pytest.raises(IntentError):
                parse_canonical(other, max_bytes=LIMIT)


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), {"a": 0.5}, SAFE_INT + 1, -SAFE_INT - 1, {"é": 1}, {1: 2}, "\ud800", {"a": "\udfff"}, b"x", {1, 2}, object(), nested(40)],
    ids=lambda one: type(one).__name__,
)  # fmt: skip
def test_what_has_no_canonical_form(value: object) -> None:
    with pytest.raises(IntentError):
        canonical_json(value)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"nul", b'{"a":1,"a":1}', b'{"a":1,"a":2}', b'{"x":{"a":1,"\\u0061":2}}', b"1.0", b"1e2", b"-0.0", b"NaN", b"Infinity", b"-Infinity",
        b"9007199254740992", b"1" * 5000, b'"\\ud800"', b"\xff", b'"\xed\xa0\x80"', b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"a":1}x', b"'a'", b"// c\n1", b"[1,]",
    ],
    ids=lambda data: repr(data[:16]),
)  # fmt: skip
def test_hostile_json_is_refused(data: bytes) -> None:
    with pytest.raises(IntentError):
        parse_strict(data, max_bytes=LIMIT)


def test_more_bytes_than_allowed() -> None:
    assert parse_strict(b'"aa"', max_bytes=4) == "aa"
    for parse in (parse_strict, parse_canonical):
        with pytest.raises(IntentError, match="larger than 3 bytes"):
            parse(b'"aa"', max_bytes=3)


@given(st.lists(st.binary(max_size=12), max_size=4), st.lists(st.binary(max_size=12), max_size=4))
def test_no_two_lists_have_the_same_frame(one: list[bytes], two: list[bytes]) -> None:
    assert (frame(*one) == frame(*two)) == (one == two)


def test_the_label_keeps_digests_apart() -> None:
    assert digest("a", b"bc") != digest("ab", b"c")
    assert digest("a", b"b", b"c") != digest("a", b"bc")
    assert digest("a", b"b") == hashlib.sha256(b"\0" * 7 + b"\1a" + b"\0" * 7 + b"\1b").digest()


@given(st.binary())
def test_base64url_is_that_of_rfc_7515(data: bytes) -> None:
    assert b64url(data) == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert unb64url(b64url(data)) == data


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA==", "AA=", "AB", "AAB", "A+", "A/", "AA\n", " AA", "AÄ", "AA.AA"])
def test_base64url_has_one_spelling(text: str) -> None:
    with pytest.raises(IntentError):
        unb64url(text)
