"""A real HTTP server of this machine that remembers what was posted, and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

__all__ = ["Posted", "receiving"]


class Posted:
    """What was posted. `answer`: from headers and body to a status."""

    def __init__(self) -> None:
        self.answer: Callable[[dict[str, str], bytes], int] = lambda headers, body: 204
        self.seen: list[tuple[dict[str, str], bytes]] = []


@contextmanager
def receiving() -> Iterator[tuple[Posted, str]]:
    """The server's memory and its address, while the block runs."""
    state = Posted()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.seen.append((headers, body))
            self.send_response(state.answer(headers, body))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state, f"http://127.0.0.1:{server.server_port}/slots"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
