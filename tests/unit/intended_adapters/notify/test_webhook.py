"""A webhook on a real server of this machine: signed, bounded, and taken only when it was answered so."""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from intended_adapters.notify.webhook import WebhookNotifier, webhook_notifier
from intended_core.clock import ManualClock
from intended_core.errors import AdapterError, AssemblyError
from intended_core.ports import Notification

SECRET = bytes(range(32))
NOTE = Notification(id="evt_abc", kind="approval.requested", at_us=1_800_000_000_250_000, data=b'{"approval":"A"}')


class Server:
    """What was posted, and how to answer."""

    def __init__(self) -> None:
        self.status = 204
        self.location = ""
        self.seen: list[tuple[str, dict[str, str], bytes]] = []


@contextmanager
def serving() -> Iterator[tuple[Server, int]]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            state.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(state.status)
            if state.location:
                self.send_header("location", state.location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state, server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def secret_file(folder: Path, secret: bytes = SECRET, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_text("whsec_" + b64encode(secret).decode() + "\n")
    path.chmod(mode)
    return path


def made(folder: Path, url: str, **options: Any) -> WebhookNotifier:
    return webhook_notifier(url=url, secret_file=secret_file(folder), clock=ManualClock(1_800_000_010_900_000), **options)


def test_a_receiver_can_check_what_it_gets(tmp_path: Path) -> None:
    with serving() as (server, port):
        receipt = made(tmp_path, f"http://127.0.0.1:{port}/hooks/approvals?team=ops").send(NOTE)
    assert receipt.status == 204
    [(path, headers, body)] = server.seen
    assert path == "/hooks/approvals?team=ops"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("evt_abc", "1800000010")
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    expected = "v1," + b64encode(hmac.digest(SECRET, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == expected
    assert json.loads(body) == {
        "type": "approval.requested", "timestamp": "2027-01-15T08:00:00.250000Z", "data": {"approval": "A"},
    }  # fmt: skip


@pytest.mark.parametrize("status", [199 + 101, 302, 307, 400, 410, 500, 503])
def test_everything_but_a_2xx_is_not_taken(tmp_path: Path, status: int) -> None:
    with serving() as (server, port):
        server.status, server.location = status, f"http://127.0.0.1:{port}/elsewhere"
        with pytest.raises(AdapterError, match=str(status)):
            made(tmp_path, f"http://127.0.0.1:{port}/").send(NOTE)
    assert [path for path, _, _ in server.seen] == ["/"], "a redirect is not followed"


def test_nobody_answers_or_too_late(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(AdapterError, match="does not answer"):
            made(tmp_path, f"http://127.0.0.1:{port}/").send(NOTE)
        closed.listen()
        with pytest.raises(AdapterError, match="does not answer"):
            made(tmp_path, f"http://127.0.0.1:{port}/", timeout_seconds=0.2).send(NOTE)


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "ftp://127.0.0.1/", "https://user@example.com/", "https:///x", "https://example.com/#a", "https://a:99999/",
     "https://example.com/\r\nx: y", "", "http://127.0.0.1.example.com/"],
)  # fmt: skip
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    with pytest.raises(AssemblyError):
        made(tmp_path, url)


@pytest.mark.parametrize("answer", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "::1", "fe80::1%eth0", "fd00::1", "0.0.0.0"])  # noqa: S104
def test_a_name_that_leads_inside_is_not_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    called: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (answer, 443))])
    monkeypatch.setattr(socket, "create_connection", lambda *given, **__: called.append(given))
    with pytest.raises(AdapterError, match="no public address"):
        made(tmp_path, "https://hooks.example.com/").send(NOTE)
    assert called == []


def test_the_address_that_was_checked_is_the_one_that_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []

    def refuse(address: object, **_: object) -> None:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.0.0.1", 443)), (2, 1, 6, "", ("1.1.1.1", 443))])
    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(AdapterError, match="does not answer"):
        made(tmp_path, "https://hooks.example.com/").send(NOTE)
    assert called == [("1.1.1.1", 443)]


def _short(path: Path) -> Path:
    return secret_file(path, b"x" * 23)


def _shared(path: Path) -> Path:
    return secret_file(path, mode=0o640)


def _bare(path: Path) -> Path:
    found = secret_file(path)
    found.write_text("secret")
    return found


def _odd(path: Path) -> Path:
    found = secret_file(path)
    found.write_text("whsec_!!!!")
    return found


@pytest.mark.parametrize("make", [_short, _shared, _bare, _odd, lambda path: path / "none"])
def test_a_secret_that_is_none_or_that_others_may_read(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(AssemblyError) as raised:
        webhook_notifier(url="https://example.com/", secret_file=make(tmp_path))
    assert "eHh4" not in str(raised.value)


def test_the_secret_never_shows(tmp_path: Path) -> None:
    hook = made(tmp_path, "https://hooks.example.com/path?token=hidden")
    for shown in (repr(hook), str(hook)):
        assert "hidden" not in shown
        assert str(SECRET) not in shown
    with pytest.raises(TypeError):
        pickle.dumps(hook)


def test_a_secret_out_of_the_store_signs_as_one_out_of_a_file(tmp_path: Path) -> None:
    text = b"whsec_" + b64encode(SECRET) + b"\n"
    assert webhook_notifier(url="https://example.com/", secret=text)._secret == made(tmp_path, "https://example.com/")._secret
    for wrong in (b"", SECRET, b"whsec_", b"whsec_!!", None):
        with pytest.raises(AssemblyError) as raised:
            webhook_notifier(url="https://example.com/", secret=wrong)
        assert "eHh4" not in str(raised.value)
    with pytest.raises(AssemblyError):
        webhook_notifier(url="https://example.com/", secret=text, secret_file=secret_file(tmp_path))
