"""The first look at a token's bytes: strict form, nothing believed.

A token is a compact JWS (RFC 7515 § 7.1) of at most 8 KiB in exactly one spelling: three segments of canonical
base64url, a header of exactly `alg`, `kid` and `typ` in canonical JSON. The result shows the kid as a hint, and nothing
else.

    {"alg":"RS256","kid":"<thumbprint>","typ":"authority+jwt"} . <claims> . <signature>
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import Final, NoReturn

from intended_core.errors import TokenError

__all__ = [
    "MAX_TOKEN_BYTES",
    "TYPE",
    "UnverifiedToken",
    "decode_segment",
    "header_segment",
    "parse",
    "split",
]

MAX_TOKEN_BYTES: Final = 8 * 1024  # authority.md § 2
MAX_HEADER_BYTES: Final = 512
TYPE: Final = "authority+jwt"  # RFC 8725 § 3.11: a media type of its own
_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_TAIL: Final = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")  # by length modulo 4; a remainder of 1 is never base64
_PADDING: Final = (b"", b"", b"==", b"=")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_HEADER: Final = re.compile(rb'\{"alg":"(RS256|PS256|ES256|Ed25519)","kid":"([A-Za-z0-9_-]{43})","typ":"authority\+jwt"\}')


class UnverifiedToken:
    """A token of the right form. It has proven nothing; `kid_hint` says which key to look up and identifies nobody."""

    __slots__ = ("_algorithm", "_kid", "_payload", "_signature", "_signing_input")

    def __init__(self, algorithm: str, kid: str, signing_input: bytes, payload: bytes, signature: bytes) -> None:
        self._algorithm = algorithm
        self._kid = kid
        self._signing_input = signing_input
        self._payload = payload
        self._signature = signature

    @property
    def kid_hint(self) -> str:
        """The header's kid, 43 base64url characters."""
        return self._kid

    def parts_for_verifier(self) -> tuple[str, str, bytes, bytes, bytes]:
        """Algorithm, kid, signing input, payload and signature, for the numbered checks of `tokens.verifier` only."""
        return self._algorithm, self._kid, self._signing_input, self._payload, self._signature

    def __repr__(self) -> str:
        return f"UnverifiedToken(kid_hint={self._kid!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is not pickled: keep its text")


def split(data: bytes) -> tuple[bytes, bytes, bytes]:
    """The three segments in the standard alphabet, after size and characters were checked.

    Raises TokenError `token.size`, `token.base64` or `token.segments`.
    """
    if len(data) > MAX_TOKEN_BYTES:
        raise TokenError("token.size")
    if data.translate(None, _ALPHABET) != b"..":
        # Everything but two dots was the alphabet, or it is refused before any decoding (RFC 8725bis § 3.14).
        raise TokenError("token.segments" if not data.translate(None, _ALPHABET + b".") else "token.base64")
    header, payload, signature = data.translate(_TO_STANDARD).split(b".")
    return header, payload, signature


def decode_segment(segment: bytes) -> bytes:
    """Bytes of one segment whose characters were checked; raises TokenError `token.base64` when it is empty or not
    canonical.
    """
    return _decode(segment.translate(_TO_STANDARD))


def _decode(standard: bytes) -> bytes:
    rest = len(standard) % 4
    # The last character of a short group has unused bits, and must have them zero: the segment's only spelling.
    if not standard or (rest and standard[-1] not in _TAIL[rest]):
        raise TokenError("token.base64")
    return binascii.a2b_base64(standard + _PADDING[rest])


@lru_cache(maxsize=1024)
def _header(standard: bytes) -> tuple[str, str]:
    if len(standard) > MAX_HEADER_BYTES:
        raise TokenError("token.header")
    found = _HEADER.fullmatch(_decode(standard))
    if found is None:
        raise TokenError("token.header")
    return found[1].decode("ascii"), found[2].decode("ascii")


def parse(text: str | bytes) -> UnverifiedToken:
    """The token in `text`; steps 1 to 3 of the verification.

    Raises TokenError: `token.size`, `token.base64`, `token.segments` or `token.header`. No message repeats any of the
    input.
    """
    if type(text) is str:
        if not text.isascii():
            raise TokenError("token.base64" if len(text) <= MAX_TOKEN_BYTES else "token.size")
        data = text.encode("ascii")
    elif type(text) is bytes:
        data = text
    else:
        raise TokenError("token.segments")
    header, payload, signature = split(data)
    algorithm, kid = _header(header)
    return UnverifiedToken(algorithm, kid, data[: -len(signature) - 1], _decode(payload), _decode(signature))


@lru_cache(maxsize=1024)
def header_segment(*, algorithm: str, kid: str) -> bytes:
    """The one header segment of a key; raises TokenError `token.header` when `parse` would refuse it."""
    data = f'{{"alg":"{algorithm}","kid":"{kid}","typ":"{TYPE}"}}'.encode("utf-8", "replace")
    if _HEADER.fullmatch(data) is None:
        raise TokenError("token.header")
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)
