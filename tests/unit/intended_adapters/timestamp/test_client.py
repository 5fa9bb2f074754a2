"""The client meets authorities of every kind on real sockets, and takes from them bytes within its bounds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from asn1crypto import tsp

from intended_adapters.timestamp.client import MAX_RESPONSE_BYTES, HttpTimeAuthority, http_time_authority
from intended_core.errors import AdapterError, AssemblyError
from tests.reference.time_authority import PlainAuthority, fixed, serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\n"


@contextmanager
def saying(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that says these bytes to each caller, whatever it is asked."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller:
                caller.recv(65_536)
                try:
                    for part in parts:
                        caller.sendall(part)
                        time.sleep(pause)
                except OSError:
                    pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.close()


def test_each_request_has_a_nonce_of_its_own_and_asks_for_the_certificate() -> None:
    one = PlainAuthority(fixed(datetime(2026, 1, 1, tzinfo=UTC)))
    seen: list[bytes] = []
    honest = one.answer

    def answer(request: bytes) -> bytes:
        seen.append(request)
        return honest(request)

    one.answer = answer  # type: ignore[method-assign]
    with serving(one) as url:
        first, second = (http_time_authority(url=url).stamp(b"note") for _ in range(2))
    requests = [tsp.TimeStampReq.load(data) for data in seen]
    assert [each["nonce"].native for each in requests] == [first.nonce, second.nonce]
    assert first.nonce != second.nonce
    assert min(first.nonce, second.nonce).bit_length() > 40
    assert all(each["cert_req"].native for each in requests)
    assert first.response != second.response


def test_another_status_or_another_kind_of_answer_is_no_answer() -> None:
    one = PlainAuthority(fixed(datetime(2026, 1, 1, tzinfo=UTC)))
    with serving(one, status=503) as url, pytest.raises(AdapterError, match="status 503"):
        HttpTimeAuthority(url).stamp(b"note")
    with serving(one, media_type="text/html") as url, pytest.raises(AdapterError, match="something else"):
        HttpTimeAuthority(url).stamp(b"note")


@pytest.mark.parametrize(
    "parts",
    [
        (HEAD + b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000,),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"x" * 65_535 + b"\r\n" * 3),
        (b"not http\r\n\r\n",), (b"",), (HEAD + b"Content-Length: 9\r\n\r\nshort",), (HEAD + b"X: y\r\n" * 5000,),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",),
    ],
)  # fmt: skip
def test_cut_oversized_and_foreign_answers_are_none(parts: tuple[bytes, ...]) -> None:
    with saying(*parts) as url, pytest.raises(AdapterError):
        HttpTimeAuthority(url, timeout_seconds=2.0).stamp(b"note")


def test_an_authority_that_keeps_talking_slowly_is_left() -> None:
    begin = time.monotonic()
    with saying(HEAD + b"Content-Length: 30000\r\n\r\n", *[b"x"] * 200, pause=0.02) as url, pytest.raises(AdapterError):
        HttpTimeAuthority(url, timeout_seconds=0.2).stamp(b"note")
    assert time.monotonic() - begin < 60


def test_nobody_there_and_addresses_that_are_none() -> None:
    with saying(b"") as url:
        port = url.rsplit(":", 1)[1]
    with pytest.raises(AdapterError):
        HttpTimeAuthority(f"http://127.0.0.1:{port}").stamp(b"note")
    for bad in ("ftp://tsa.example", "https://", "https://u@tsa.example", "http://tsa.example/#x", "http://tsa.example:x", "tsa.example"):
        with pytest.raises(AssemblyError):
            HttpTimeAuthority(bad)
    with pytest.raises(AssemblyError):
        HttpTimeAuthority("https://tsa.example", timeout_seconds=0.0)
    assert "secret" not in repr(HttpTimeAuthority("https://tsa.example/tsr?key=secret"))
    assert MAX_RESPONSE_BYTES == 32 * 1024
