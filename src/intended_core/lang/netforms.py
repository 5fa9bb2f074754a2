"""Canonical forms of addresses, hosts, URLs, paths, e-mail addresses and digests: parsed once at the door, refused when not canonical.

Nothing is normalised: two spellings of one thing must not exist, or a rule that was written for one misses the other. A host is ASCII in
lower case; an internationalised one stands in its `xn--` form, which must decode. A path starts at the root and has no empty, dot, matrix
or doubly encoded parts. A URL has a scheme, a host, a path, no user, no default port and no fragment.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import Final

from intended_core.errors import IntentError
from intended_core.values import IpValue, UrlValue

__all__ = [
    "DEFAULT_PORTS",
    "format_ip",
    "host_is_address",
    "parse_digest",
    "parse_email",
    "parse_host",
    "parse_ip",
    "parse_path",
    "parse_url",
]

MAX_TEXT: Final = 4096  # bytes; language.md § 1
DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")
_URL: Final = re.compile(r"([a-z][a-z0-9+.-]{0,31})://([^/?#]*)([^?#]*)(\?[^#]*)?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_URL_CHARS: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@/?%;\[\]-]*")
_PATH_CHARS: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,=:@/%-]*")
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CONTROLS: Final = frozenset(range(32)) | {127}
_NEVER_IN_PATH: Final = _UNRESERVED | _CONTROLS | frozenset(b"/\\%;")
_ESCAPES: Final = re.compile(r"%([0-9A-F]{2})?")


def parse_ip(text: str) -> IpValue:
    """An address `192.0.2.1`, `2001:db8::1` or a range `192.0.2.0/24`; raises IntentError for any other spelling."""
    if not isinstance(text, str) or len(text) > 49 or not text.isascii():
        raise IntentError("an Ip is an address or a range, such as 192.0.2.1 or 2001:db8::/32")
    try:
        if "/" in text:
            network = ipaddress.ip_network(text)
            shown, single = str(network), network.num_addresses == 1
            low, high = int(network.network_address), int(network.broadcast_address)
        else:
            address = ipaddress.ip_address(text)
            shown, single = str(address), False
            low = high = int(address)
    except ValueError:
        raise IntentError(f"{text!r} is not an address, or a range whose host bits are zero") from None
    if shown != text or single:
        raise IntentError(f"{text!r} is not the canonical form of an address or range")
    version = 6 if ":" in text else 4
    if "%" in text or (version == 6 and low >> 32 == 0xFFFF):
        raise IntentError("an Ip has no zone, and an IPv4 address is written as one")
    return IpValue(version, low, high)


def format_ip(value: IpValue) -> str:
    """The text that `parse_ip` reads."""
    kind = ipaddress.IPv4Address if value.version == 4 else ipaddress.IPv6Address
    if value.low == value.high:
        return str(kind(value.low))
    bits = (32 if value.version == 4 else 128) - (value.high - value.low).bit_length()
    return f"{kind(value.low)}/{bits}"


def host_is_address(host: str) -> bool:
    """Whether a canonical host is an IP address."""
    return host[0] == "[" or (host[-1] in "0123456789" and _NUMBER.fullmatch(host.rpartition(".")[2]) is not None)


def parse_host(text: str) -> str:
    """The host when it is canonical: a name of lower-case labels, an IPv4 address, or `[…]` around an IPv6 one; raises IntentError."""
    if not isinstance(text, str) or not 1 <= len(text) <= 253 or not text.isascii():
        raise IntentError("a Host is 1-253 ASCII characters; an international name stands in its xn-- form")
    if text[0] == "[" and text[-1] == "]":
        if ":" not in text:
            raise IntentError(f"{text!r} is not a Host")
        address = parse_ip(text[1:-1])
        if address.version != 6 or address.low != address.high:
            raise IntentError(f"{text!r} is not a Host")
        return text
    labels = text.split(".")
    for label in labels:
        if _LABEL.fullmatch(label) is None:
            raise IntentError(f"{text[:80]!r} is not a Host in canonical form: lower-case labels, no dot at the end")
        if label[2:4] == "--":
            _international(label)
    # WHATWG URL § 3.5: a name that ends in a number is an IPv4 address, in whatever base it is written.
    if _NUMBER.fullmatch(labels[-1]) is not None and parse_ip(text).version != 4:
        raise IntentError(f"{text[:80]!r} is not a Host")
    return text


def _international(label: str) -> None:
    try:
        plain = label[4:].encode("ascii").decode("punycode") if label.startswith("xn--") else ""
        good = bool(plain) and not plain.isascii() and plain.encode("punycode").decode("ascii") == label[4:]
    except (UnicodeError, OverflowError, ValueError):
        good, plain = False, ""
    good = good and unicodedata.is_normalized("NFC", plain) and plain == plain.lower()
    if not good or any(unicodedata.category(char)[0] not in "LMN" and char != "-" for char in plain):
        raise IntentError(f"{label!r} is not the canonical form of an international label")


def parse_path(text: str) -> str:
    """The path as it is when it is canonical, percent escapes unread; raises IntentError."""
    if not isinstance(text, str) or not text.startswith("/"):
        raise IntentError("a Path starts with /")
    return _path(text)


def _path(text: str) -> str:
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise IntentError("text must be valid Unicode (no lone surrogates)") from None
    if size > MAX_TEXT:
        raise IntentError(f"a Path has at most {MAX_TEXT} bytes")
    if not text.isprintable() or not unicodedata.is_normalized("NFC", text) or any(char in text for char in "\\;?#"):
        raise IntentError("a Path is printable text in NFC without \\ ; ? and #")
    segments = text[1:].split("/")
    for at, segment in enumerate(segments):
        if not segment and at < len(segments) - 1:
            raise IntentError("a Path has no empty segments")
        if segment[-1:] in (".", " ") or segment[:1] == " ":
            raise IntentError("no segment of a Path is . or .., ends with a dot, or has a space at its ends")
    _escapes(text, "a Path", _NEVER_IN_PATH)
    return text


def _escapes(text: str, what: str, never: frozenset[int]) -> None:
    if "%" not in text:
        return
    raw = bytearray()
    at = 0
    for match in _ESCAPES.finditer(text):
        raw += text[at : match.start()].encode("utf-8")
        at = match.end()
        code = match.group(1)
        if code is None or int(code, 16) in never:
            raise IntentError(f"{what} has only escapes that are needed, in capitals, and never of letters, dots and controls")
        raw.append(int(code, 16))
    try:
        bytes(raw + text[at:].encode("utf-8")).decode("utf-8")
    except UnicodeDecodeError:
        raise IntentError(f"the escapes of {what[2:]} are not UTF-8") from None


def parse_url(text: str) -> UrlValue:
    """The parts of a canonical URL `scheme://host[:port]/path[?query]`; raises IntentError."""
    if not isinstance(text, str) or len(text) > MAX_TEXT or not text.isascii():
        raise IntentError(f"a Url is at most {MAX_TEXT} ASCII characters")
    found = _URL.fullmatch(text)
    if found is None:
        raise IntentError("a Url is scheme://host/path in lower case, without a fragment")
    scheme, authority, path, query = found.groups()
    if "@" in authority:
        raise IntentError("a Url names no user")
    host, port = authority, ""
    if authority[-1:] != "]" and ":" in authority:
        host, _, port = authority.rpartition(":")
        if _PORT.fullmatch(port) is None or int(port) > 65535 or int(port) == DEFAULT_PORTS.get(scheme):
            raise IntentError("the port of a Url is 1-65535, without zeros before it, and not the scheme's own")
    parse_host(host)
    if not path.startswith("/"):
        raise IntentError("the path of a Url starts with /")
    if _PATH_CHARS.fullmatch(path) is None or _URL_CHARS.fullmatch(query or "") is None or query == "?":
        raise IntentError("a Url has a character that must be escaped, a `;` in its path, or an empty query")
    _path(path)
    _escapes(query or "", "a Url", _UNRESERVED | _CONTROLS)
    number = int(port) if port else DEFAULT_PORTS.get(scheme, 0)
    return UrlValue(text, scheme, host, number, path, (query or "?")[1:])


def parse_email(text: str) -> str:
    """An address in its one accepted form: ASCII, at most 254 bytes, no quoting, the domain a canonical host name with a dot."""
    if not isinstance(text, str) or len(text) > 254 or not text.isascii():
        raise IntentError("an Email is at most 254 ASCII characters")
    local, at, domain = text.rpartition("@")
    if not at or not 1 <= len(local) <= 64 or _LOCAL.fullmatch(local) is None or "." not in domain:
        raise IntentError("an Email in canonical form is needed (ASCII, lower-case domain)")
    try:
        parse_host(domain)
    except IntentError:
        raise IntentError("an Email in canonical form is needed (ASCII, lower-case domain)") from None
    if host_is_address(domain):
        raise IntentError("the domain of an Email is a name")
    return text


def parse_digest(text: str) -> str:
    """`sha256:`, `sha384:` or `sha512:` and lower-case hexadecimal digits; raises IntentError."""
    if not isinstance(text, str) or _DIGEST.fullmatch(text) is None:
        raise IntentError("a Digest is sha256:, sha384: or sha512: and lower-case hexadecimal digits")
    return text
