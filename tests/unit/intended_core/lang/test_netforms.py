"""Canonical forms: one spelling each, everything else refused. The named attacks are in tests/attacks/policy/test_spellings.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.errors import IntentError
from intended_core.lang import netforms as nf
from intended_core.values import IpValue, UrlValue


@pytest.mark.parametrize("text", ["0.0.0.1", "10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::", "::1", "2001:db8::/32", "2001:db8::1:0:0:1", "::/0"])
def test_addresses_read_and_write_the_same(text: str) -> None:
    assert nf.format_ip(nf.parse_ip(text)) == text


@given(st.integers(0, 2**32 - 1), st.integers(1, 31))
def test_ranges_read_and_write_the_same(number: int, bits: int) -> None:
    low = number >> (32 - bits) << (32 - bits)
    value = IpValue(4, low, low + 2 ** (32 - bits) - 1)
    assert nf.parse_ip(nf.format_ip(value)) == value


@pytest.mark.parametrize("text", ["a.example", "localhost", "127.0.0.1", "[::1]", "xn--bcher-kva.example", "a-b.c1", "1.a", "x" * 63 + ".example"])
def test_hosts(text: str) -> None:
    assert nf.parse_host(text) == text
    assert nf.host_is_address(text) is (text in ("127.0.0.1", "[::1]"))


@pytest.mark.parametrize("text", ["/", "/a", "/a/", "/a.b/c d", "/a%20b", "/%C3%A9", "/é", "/a:b@c", "/~x/.hidden"])
def test_paths(text: str) -> None:
    assert nf.parse_path(text) == text


def test_urls() -> None:
    assert nf.parse_url("http://[::1]:8080/a%20b?x=1&y=%2F") == UrlValue(
        "http://[::1]:8080/a%20b?x=1&y=%2F", "http", "[::1]", 8080, "/a%20b", "x=1&y=%2F"
    )
    assert nf.parse_url("custom+x://a.example/").port == 0


@pytest.mark.parametrize("text", ["a@b.example", "A.b+c@x-y.example", "o'neil@mail.b.example"])
def test_emails(text: str) -> None:
    assert nf.parse_email(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "a", "a@", "@b.example", "a@b", "a@B.example", "a..b@c.example", ".a@c.example", "a.@c.example", '"a b"@c.example', "a@b.example\n",
     "é@b.example", "a@[1.2.3.4]", "a@1.2.3.4", "a@b.example.", "a@-b.example", "a@b@c.example", "x" * 65 + "@b.example", "a@" + "b." * 130 + "example"],
)  # fmt: skip
def test_what_is_not_a_canonical_address(text: str) -> None:
    with pytest.raises(IntentError):
        nf.parse_email(text)


@pytest.mark.parametrize(("text", "good"), [("sha256:" + "0a" * 32, True), ("sha512:" + "0a" * 64, True), ("sha256:" + "0A" * 32, False), ("md5:" + "0" * 32, False)])
def test_digests(text: str, good: bool) -> None:
    if good:
        assert nf.parse_digest(text) == text
    else:
        with pytest.raises(IntentError):
            nf.parse_digest(text)


@given(st.text(max_size=40) | st.text("/.%2eE;aA:@[]0x-\\\0 ?#", max_size=24))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    for parse in (nf.parse_ip, nf.parse_host, nf.parse_path, nf.parse_url, nf.parse_email, nf.parse_digest):
        try:
            parse(text)
        except IntentError:
            continue
