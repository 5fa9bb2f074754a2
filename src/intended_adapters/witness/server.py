"""Two small ASGI applications and what serves them: a witness of our own, and a log's tiles as files, read-only.

uvicorn does the HTTP (`pip install intended[witness]`); in front of it stands whatever does TLS and limits rates.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeAlias

from intended_adapters.witness.memory import FileMemory
from intended_core import CosigningWitness, WitnessReply
from intended_core.errors import AssemblyError, IntendedError

__all__ = ["TileServer", "WitnessServer", "tiles_app", "tiles_server", "witness_app", "witness_server"]

App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
MAX_REQUEST_BYTES: Final = 64 * 1024
_FILE: Final = re.compile(r"/(checkpoint|tile/(?:entries|[0-5])/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[1-9][0-9]{0,2})?)")
_PLAIN: Final = "text/plain; charset=utf-8"


def witness_app(witness: CosigningWitness) -> App:
    """POST /add-checkpoint, and nothing else."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if (scope["method"], scope["path"]) != ("POST", "/add-checkpoint"):
            await _answer(send, 404, b"there is only POST /add-checkpoint\n")
            return
        request = await _body(receive)
        if request is None:
            await _answer(send, 413, b"a request has at most 64 KiB\n")
            return
        try:
            # remembering waits for the disk
            reply: WitnessReply = await asyncio.get_running_loop().run_in_executor(None, witness.answer, request)
        except (OSError, IntendedError):
            await _answer(send, 500, b"nothing was cosigned\n")
            return
        await _answer(send, reply.status, reply.body, reply.media_type)

    return app


def tiles_app(folder: Path) -> App:
    """GET of a log's checkpoint, tiles and entry bundles in `folder` (C2SP tlog-tiles); no other path leads anywhere."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        found = _FILE.fullmatch(scope["path"])
        if scope["method"] != "GET" or found is None:
            await _answer(send, 404, b"there are checkpoint and tile/ only\n")
            return
        try:
            data = await asyncio.get_running_loop().run_in_executor(None, (folder / found[1]).read_bytes)
        except OSError:
            await _answer(send, 404, b"not there\n")
            return
        if found[1] == "checkpoint":
            await _answer(send, 200, data, _PLAIN, b"no-cache")
        else:
            await _answer(send, 200, data, "application/octet-stream", b"max-age=31536000, immutable")

    return app


async def _body(receive: Any) -> bytes | None:
    """The whole request body; None as soon as it is too long."""
    body = b""
    while True:
        message: dict[str, Any] = await receive()
        if message["type"] != "http.request":
            return None
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MAX_REQUEST_BYTES:
            return None
        if not message.get("more_body", False):
            return body


async def _answer(send: Any, status: int, body: bytes, media_type: str = _PLAIN, cache: bytes = b"no-store") -> None:
    headers = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(body)), (b"cache-control", cache)]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class _Server:
    """An application and how to serve it."""

    __slots__ = ("app",)

    def __init__(self, app: App) -> None:
        self.app: Final = app

    def serve(self, *, host: str, port: int) -> None:
        """Serve until interrupted. AssemblyError when uvicorn is not installed."""
        try:
            uvicorn: Any = import_module("uvicorn")
        except ImportError:
            raise AssemblyError("serving needs uvicorn: pip install 'intended[witness]'") from None
        uvicorn.run(
            self.app, host=host, port=port, lifespan="off", access_log=False, log_level="warning", server_header=False,
            limit_concurrency=256, timeout_keep_alive=5,
        )  # fmt: skip


class WitnessServer(_Server):
    """A witness of our own, with the folder that it remembers in. A context manager."""

    __slots__ = ("_memory", "witness")

    def __init__(
        self,
        *,
        name: str,
        secret: bytes,
        logs: Sequence[str],
        folder: str | os.PathLike[str],
        clock_s: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        self._memory: Final = FileMemory(folder)
        try:
            self.witness: Final = CosigningWitness(
                name=name, secret=secret, logs=logs, memory=self._memory, clock_s=clock_s
            )
        except BaseException:
            self._memory.close()
            raise
        super().__init__(witness_app(self.witness))

    def close(self) -> None:
        """Let another process be this witness."""
        self._memory.close()


class TileServer(_Server):
    """A log's files, read-only."""

    __slots__ = ()

    def __init__(self, *, folder: str | os.PathLike[str]) -> None:
        super().__init__(tiles_app(Path(folder)))


def witness_server(*, witness: str, secret: bytes, logs: Sequence[str], folder: str) -> WitnessServer:
    """The factory that is registered as server `witness`; `witness` is its name."""
    return WitnessServer(name=witness, secret=secret, logs=logs, folder=folder)


def tiles_server(*, folder: str) -> TileServer:
    """The factory that is registered as server `tiles`."""
    return TileServer(folder=folder)
