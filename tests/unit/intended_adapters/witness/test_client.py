"""The client meets witnesses of every kind on real sockets, and takes from them status and bytes within its bounds."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from intended_adapters.witness.client import HttpWitness, http_witness
from intended_core.errors import AdapterError, AssemblyError


@contextmanager
def speaking(*parts: bytes, pause: float = 0.0, hold: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """A server that says these bytes to each caller, whatever it is asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def run() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller:
                heard.append(caller.recv(65_536))
                try:
                    for part in parts:
                        caller.sendall(part)
                        time.sleep(pause)
                    if hold:
                        caller.recv(1)
                except OSError:
                    pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/log/", heard
    finally:
        listener.close()


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_status_and_body_come_back_and_the_request_goes_to_its_place() -> None:
    with speaking(answer(b"12\n", b"409 Conflict")) as (url, heard):
        found = http_witness(url=url).add_checkpoint(b"old 0\n\nnote")
    assert (found.status, found.body) == (409, b"12\n")
    assert heard[0].startswith(b"POST /log/add-checkpoint HTTP/1.1\r\n")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with speaking(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as (url, heard):
        assert HttpWitness(url).add_checkpoint(b"x").status == 302
    assert len(heard) == 1


@pytest.mark.parametrize(
    "parts",
    [
        (answer(b"x" * 70_000),), (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + b"x" * 65_535 + b"\r\n" * 3),
        (b"not http\r\n\r\n",), (b"",), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000,), (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,),
    ],
)  # fmt: skip
def test_what_is_no_small_answer_is_no_answer(parts: tuple[bytes, ...]) -> None:
    with speaking(*parts) as (url, _), pytest.raises(AdapterError):
        HttpWitness(url, timeout_seconds=2.0).add_checkpoint(b"x")


def test_a_witness_that_keeps_talking_or_says_nothing_is_left() -> None:
    begin = time.monotonic()
    with speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", *[b"x"] * 200, pause=0.02) as (url, _), pytest.raises(AdapterError):
        HttpWitness(url, timeout_seconds=0.3).add_checkpoint(b"x")
    with speaking(hold=True) as (url, _), pytest.raises(AdapterError):
        HttpWitness(url, timeout_seconds=0.2).add_checkpoint(b"x")
    assert time.monotonic() - begin < 60, "no answer is waited for without end"


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(AdapterError):
        HttpWitness(f"http://127.0.0.1:{port}").add_checkpoint(b"x")


@pytest.mark.parametrize(
    "url",
    [
        "", "witness.example", "ftp://witness.example", "http://witness.example", "https://user@witness.example", "https://w.example/?a=b",
        "https://w.example/#f", "https://w.example:port", "https://", "http://127.0.0.1.example/", "https://[::1",
    ],
)  # fmt: skip
def test_an_address_is_https_or_this_machine(url: str) -> None:
    with pytest.raises(AssemblyError):
        HttpWitness(url)


def test_tls_is_checked() -> None:
    with speaking(answer(b"")) as (url, _), pytest.raises(AdapterError):
        HttpWitness(url.replace("http:", "https:"), timeout_seconds=2.0).add_checkpoint(b"x")
    assert "w.example" in repr(HttpWitness("https://w.example/secret-path"))
    assert "secret" not in repr(HttpWitness("https://w.example/secret-path"))
    for seconds in (0.0, 61.0):
        with pytest.raises(AssemblyError):
            HttpWitness("https://w.example", timeout_seconds=seconds)
