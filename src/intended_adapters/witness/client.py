"""A witness asked over HTTP (C2SP tlog-witness add-checkpoint): one bounded POST, no redirect, TLS unless it is this machine.

Promise: `add_checkpoint` answers status and body within the deadline, or raises AdapterError. Nothing of the answer is believed here.
"""

from __future__ import annotations

import http.client
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

from intended_core.errors import AdapterError, AssemblyError
from intended_core.ports import WitnessAnswer

__all__ = ["HttpWitness", "http_witness"]

MAX_BODY_BYTES: Final = 64 * 1024  # signature lines
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_CHUNK: Final = 8192


class HttpWitness:
    """A `ports.Witness` at a submission prefix. A connection a request; safe to share between threads."""

    __slots__ = ("_host", "_path", "_port", "_seconds", "_tls")

    def __init__(self, url: str, *, timeout_seconds: float = 3.0) -> None:
        """`url`: the submission prefix, https, or http to this machine. AssemblyError for anything else."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise AssemblyError("a witness has an https address") from None
        host = parts.hostname or ""
        if (
            not host
            or parts.scheme not in ("http", "https")
            or (parts.scheme == "http" and host not in _LOOPBACK)
            or parts.username is not None
            or parts.query
            or parts.fragment
            or not 0.1 <= timeout_seconds <= 60
        ):
            raise AssemblyError("a witness has an https address (http on this machine only) without user, query or fragment")
        self._host: Final = host
        self._port: Final = port
        self._tls: Final = parts.scheme == "https"
        self._path: Final = parts.path.rstrip("/") + "/add-checkpoint"
        self._seconds: Final = timeout_seconds

    def __repr__(self) -> str:
        return f"HttpWitness({self._host!r})"

    def add_checkpoint(self, request: bytes) -> WitnessAnswer:
        """Submit one request. AdapterError when there is no answer in time, or one of more than 64 KiB."""
        end = time.monotonic() + self._seconds
        connection = self._connection()
        try:
            headers = {"Content-Type": "text/plain; charset=utf-8", "Accept-Encoding": "identity", "Connection": "close"}
            connection.request("POST", self._path, body=request, headers=headers)
            response = connection.getresponse()
            body = b""
            while chunk := response.read1(_CHUNK):
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise AdapterError(f"the witness at {self._host} answers more than 64 KiB")
                if time.monotonic() > end:
                    raise AdapterError(f"the witness at {self._host} takes longer than {self._seconds} s")
            if response.length:
                raise AdapterError(f"the witness at {self._host} broke off its answer")
            return WitnessAnswer(status=response.status, body=body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AdapterError(f"the witness at {self._host} does not answer ({type(error).__name__})") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self._tls:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._seconds, context=context)


def http_witness(*, url: str, timeout_seconds: float = 3.0) -> HttpWitness:
    """The factory that is registered as witness `http`."""
    return HttpWitness(url, timeout_seconds=timeout_seconds)
