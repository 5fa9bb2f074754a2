"""The notifier `webhook`: one signed POST for each notification, in the form of Standard Webhooks.

Headers `webhook-id`, `webhook-timestamp` (whole seconds) and `webhook-signature: v1,<base64>`: HMAC-SHA256 over `id.timestamp.body` with
the shared secret. Only a 2xx answer counts as taken. https to a public address, no redirect, no proxy, bounded time and size; http only to
this machine. The address is checked when it is resolved, and that very address is connected to.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import os
import socket
import ssl
from base64 import b64decode, b64encode
from binascii import Error as BinasciiError
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from intended_core.clock import Clock, SystemClock
from intended_core.errors import AdapterError, AssemblyError
from intended_core.ports import Notification, NotificationReceipt

__all__ = ["WebhookNotifier", "webhook_notifier"]

MAX_ANSWER_BYTES: Final = 16 * 1024  # read and thrown away, so that the other side ends its answer
MIN_SECRET_BYTES: Final = 24  # Standard Webhooks: 24 to 64 bytes
MAX_SECRET_BYTES: Final = 64
_PREFIX: Final = b"whsec_"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class WebhookNotifier:
    """A `ports.Notifier`. A connection a notification; safe to share between threads. The secret never shows."""

    __slots__ = ("_clock", "_host", "_path", "_port", "_private", "_seconds", "_secret", "_tls", "_trust")

    def __init__(
        self, *, url: str, secret: bytes, timeout_seconds: float, clock: Clock, trust: ssl.SSLContext | None = None,
        unsafe_private_address: bool = False,
    ) -> None:  # fmt: skip
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise AssemblyError("a webhook has an https address") from None
        host = parts.hostname or ""
        here = host in _LOOPBACK
        if (
            not host
            or parts.scheme not in ("http", "https")
            or (parts.scheme == "http" and not here)
            or parts.username is not None
            or parts.fragment
            or any(not 0x20 < ord(char) < 0x7F for char in url)
            or not 0.1 <= timeout_seconds <= 60
        ):
            raise AssemblyError("a webhook has an https address (http on this machine only) without user or fragment")
        if not MIN_SECRET_BYTES <= len(secret) <= MAX_SECRET_BYTES:
            raise AssemblyError("a webhook's secret has 24 to 64 bytes")
        self._tls: Final = parts.scheme == "https"
        self._host: Final = host
        self._port: Final = port or (443 if self._tls else 80)
        self._path: Final = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._private: Final = here or unsafe_private_address
        self._seconds: Final = timeout_seconds
        self._secret: Final = secret
        self._clock: Final = clock
        self._trust: Final = trust

    def __repr__(self) -> str:
        return f"WebhookNotifier({self._host!r})"

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("a webhook holds a secret and is not pickled")

    def send(self, notification: Notification) -> NotificationReceipt:
        """POST one notification; AdapterError unless it was answered with 2xx in time."""
        body = _body(notification)
        stamp = str(self._clock.now_us() // 1_000_000)
        headers = {
            "content-type": "application/json", "webhook-id": notification.id, "webhook-timestamp": stamp,
            "webhook-signature": _signature(self._secret, notification.id, stamp, body), "user-agent": "intended-webhook",
            "connection": "close",
        }  # fmt: skip
        connection: http.client.HTTPConnection | None = None
        try:
            connection = self._connect()
            connection.request("POST", self._path, body=body, headers=headers)
            response = connection.getresponse()
            response.read(MAX_ANSWER_BYTES)
            status = response.status
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise AdapterError(f"the webhook at {self._host} does not answer ({type(error).__name__})") from None
        finally:
            if connection is not None:
                connection.close()
        if not 200 <= status < 300:
            raise AdapterError(f"the webhook at {self._host} answered {status}")
        return NotificationReceipt(status=status)

    def _connect(self) -> http.client.HTTPConnection:
        """Connected to an address that was checked: a name that is answered differently a moment later leads nowhere else."""
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        addresses = [str(item[4][0]) for item in found]
        if not self._private:
            addresses = [each for each in addresses if ipaddress.ip_address(each.partition("%")[0]).is_global]
        if not addresses:
            raise AdapterError(f"the webhook at {self._host} has no public address")
        plain = socket.create_connection((addresses[0], self._port), timeout=self._seconds)
        try:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
            connection.sock = self._context().wrap_socket(plain, server_hostname=self._host) if self._tls else plain
        except BaseException:
            plain.close()
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._trust is not None:
            return self._trust
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def _body(notification: Notification) -> bytes:
    # Canonical already: `data` is, and the two members before it sort after it only by name, which JSON does not ask for.
    at = datetime.fromtimestamp(notification.at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    at += f".{notification.at_us % 1_000_000:06d}Z"
    return b'{"type":"%b","timestamp":"%b","data":%b}' % (notification.kind.encode("ascii"), at.encode("ascii"), notification.data)


def _signature(secret: bytes, name: str, stamp: str, body: bytes) -> str:
    made = hmac.new(secret, b".".join((name.encode("ascii"), stamp.encode("ascii"), body)), hashlib.sha256)
    return "v1," + b64encode(made.digest()).decode("ascii")


def _of_file(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise AssemblyError(f"{path} may be read by others: give it mode 0600")
        return path.read_bytes()
    except OSError as error:
        raise AssemblyError(f"the webhook's secret in {path} is not readable ({type(error).__name__})") from None


def webhook_notifier(
    *, url: str, secret: bytes | None = None, secret_file: str | os.PathLike[str] | None = None, timeout_seconds: float = 5.0,
    clock: Clock | None = None, unsafe_private_address: bool = False,
) -> WebhookNotifier:  # fmt: skip
    """The factory that is registered as notifier `webhook`. `secret`: one line `whsec_<base64>`, or a file with it (`secret_file`), which
    nobody else may read.

    `unsafe_private_address`: also an address of a private network. Raises AssemblyError.
    """
    if (secret is None) == (secret_file is None):
        raise AssemblyError("a webhook has one secret: sealed in the store, or in a file")
    where = "the webhook's secret" if secret_file is None else str(secret_file)
    text = _of_file(Path(secret_file)).strip() if secret_file is not None else bytes(secret or b"").strip()
    try:
        key = b64decode(text.removeprefix(_PREFIX), validate=True) if text.startswith(_PREFIX) else b""
    except BinasciiError:
        key = b""
    del text, secret  # no frame of ours shows it, should anything below raise
    if not key:
        raise AssemblyError(f"{where} is one line: whsec_ and the secret in base64")
    return WebhookNotifier(
        url=url, secret=key, timeout_seconds=timeout_seconds, clock=clock or SystemClock(),
        unsafe_private_address=unsafe_private_address,
    )  # fmt: skip
