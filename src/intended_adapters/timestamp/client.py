"""A time-stamping authority asked over HTTP (RFC 3161 § 3.4): one bounded POST, no redirect; nothing of the answer is believed here.

An answer is signed and names what it answers, so a plain http address is allowed, as most of these authorities have only that.
"""

from __future__ import annotations

import http.client
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

from intended_core.errors import AdapterError, AssemblyError
from intended_core.ports import TimeAnswer

__all__ = ["MAX_RESPONSE_BYTES", "HttpTimeAuthority", "http_time_authority"]

MAX_RESPONSE_BYTES: Final = 32 * 1024  # a token with a chain of certificates has 2 to 8 KiB
_CHUNK: Final = 8192
_MEDIA_TYPE: Final = "application/timestamp-reply"  # RFC 3161 § 3.4


class HttpTimeAuthority:
    """A `ports.TimeAuthority` at an address. A connection a request; safe to share between threads."""

    __slots__ = ("_host", "_path", "_port", "_seconds", "_tls")

    def __init__(self, url: str, *, timeout_seconds: float = 5.0) -> None:
        """`url`: where requests are posted. AssemblyError for anything but http or https without user or fragment."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise AssemblyError("a time-stamping authority has an http or https address") from None
        host = parts.hostname or ""
        if (
            not host
            or parts.scheme not in ("http", "https")
            or parts.username is not None
            or parts.fragment
            or not 0.1 <= timeout_seconds <= 60
        ):
            raise AssemblyError("a time-stamping authority has an http or https address without user or fragment")
        self._host: Final = host
        self._port: Final = port
        self._tls: Final = parts.scheme == "https"
        self._path: Final = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._seconds: Final = timeout_seconds

    def __repr__(self) -> str:
        return f"HttpTimeAuthority({self._host!r})"

    def stamp(self, message: bytes) -> TimeAnswer:
        """Ask for a token over `message`. AdapterError when there is none in time, or an answer of more than 32 KiB."""
        request, nonce = _request(message)
        end = time.monotonic() + self._seconds
        connection = self._connection()
        try:
            headers = {"Content-Type": "application/timestamp-query", "Accept-Encoding": "identity", "Connection": "close"}
            connection.request("POST", self._path, body=request, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                raise AdapterError(f"the time-stamping authority at {self._host} refused with status {response.status}")
            if response.headers.get_content_type() != _MEDIA_TYPE:
                raise AdapterError(f"the time-stamping authority at {self._host} answers something else than a time stamp")
            body = b""
            while chunk := response.read1(_CHUNK):
                body += chunk
                if len(body) > MAX_RESPONSE_BYTES:
                    raise AdapterError(f"the time-stamping authority at {self._host} answers more than 32 KiB")
                if time.monotonic() > end:
                    raise AdapterError(f"the time-stamping authority at {self._host} takes longer than {self._seconds} s")
            if response.length:
                raise AdapterError(f"the time-stamping authority at {self._host} broke off its answer")
            return TimeAnswer(response=body, nonce=nonce)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AdapterError(f"the time-stamping authority at {self._host} does not answer ({type(error).__name__})") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._seconds, context=context)


def _request(message: bytes) -> tuple[bytes, int]:
    """The request's bytes, with a nonce of the library's own randomness, and that nonce."""
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder
    except ImportError:
        raise AssemblyError("time stamps need pip install 'intended[time]'") from None
    made = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA512).build()
    if made.nonce is None:
        raise AdapterError("the request for a time stamp has no nonce")
    return made.as_bytes(), made.nonce


def http_time_authority(*, url: str, timeout_seconds: float = 5.0) -> HttpTimeAuthority:
    """The factory that is registered as time authority `http`."""
    return HttpTimeAuthority(url, timeout_seconds=timeout_seconds)
