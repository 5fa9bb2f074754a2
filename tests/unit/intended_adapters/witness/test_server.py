"""Our witness and our tiles over real HTTP: what one process seals, another cosigns, and a third reads as files."""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from intended_adapters.witness.client import HttpWitness
from intended_adapters.witness.server import TileServer, WitnessServer, tiles_app, tiles_server, witness_server
from intended_core import Grade, check_proof, export_anchor, export_record_proof, parse_cosigner
from intended_core.audit.checkpoint import open_checkpoint
from intended_core.audit.tiles import read_log
from intended_core.errors import AuditError
from tests.reference.anchor_world import honest_anchor
from tests.reference.sealed_world import SealedWorld


@contextmanager
def serving(app: Any) -> Iterator[int]:
    """The application behind a real uvicorn on a free port; answers the port."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        thread.join(0.01)
    assert server.started
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)


def get(port: int, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body=body)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_a_log_is_sealed_here_and_cosigned_there(tmp_path: Path) -> None:
    world = SealedWorld()
    anchor = world.authority.anchor
    anchor.seal()
    logs = [str(anchor.key())]

    def clock_s() -> int:
        return world.clock.now_us() // 1_000_000

    one = WitnessServer(name="w.example/1", secret=b"1" * 32, logs=logs, folder=tmp_path, clock_s=clock_s)
    key = parse_cosigner(str(one.witness.key))
    with serving(one.app) as port:
        client = HttpWitness(f"http://127.0.0.1:{port}", timeout_seconds=30.0)
        assert anchor.cosign(client, key).size == 1
        anchor.seal()
        assert anchor.cosign(client, key).size == 2
        assert get(port, "/add-checkpoint")[0] == 404
        assert get(port, "/", "POST", b"x")[0] == 404
        assert get(port, "/add-checkpoint", "POST", b"nonsense")[0] == 400
        assert get(port, "/add-checkpoint", "POST", b"x" * 70_000)[0] == 413
    one.close()
    # another process is the witness from now on, and remembers
    two = WitnessServer(name="w.example/1", secret=b"1" * 32, logs=logs, folder=tmp_path, clock_s=clock_s)
    old = world.store.snapshot()
    anchor.seal()
    with serving(two.app) as port:
        client = HttpWitness(f"http://127.0.0.1:{port}", timeout_seconds=30.0)
        assert anchor.cosign(client, key).size == 3
        world.store.restore(old)
        world.reopen()
        with pytest.raises(AuditError) as caught:
            world.authority.anchor.cosign(client, key)
        assert caught.value.code == "anchor.rolled_back"
    policy = f"log {anchor.key()}\nwitness w {key}\nquorum w\n".encode()
    entry = next(world.tenant().records()).entry
    found = check_proof(export_record_proof(world.authority, world.tenant(), 0), policy=policy, entry=entry)
    assert found.head.grade is Grade.WITNESSED  # type: ignore[union-attr]
    two.close()


def test_a_witness_that_cannot_remember_cosigns_nothing(tmp_path: Path) -> None:
    log = honest_anchor(2)
    folder = tmp_path / "state"
    folder.mkdir()
    server = witness_server(witness="w", secret=b"1" * 32, logs=[str(log.key)], folder=str(folder))
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with serving(server.app) as port:
        assert get(port, "/add-checkpoint", "POST", b"old 0\n\n" + log.note(witnesses=())) == (500, b"nothing was cosigned\n")
    server.close()


def test_tiles_are_files_and_nothing_else_is(tmp_path: Path) -> None:
    world = SealedWorld()
    for _ in range(3):
        world.authority.anchor.seal()
    public = tmp_path / "public"
    public.mkdir()
    (tmp_path / "secret").write_text("no")
    (public / "other").write_text("no")
    assert export_anchor(world.authority, public) == 3
    with serving(TileServer(folder=public).app) as port:
        files = {path: get(port, "/" + path)[1] for path in ("checkpoint", "tile/0/000.p/3", "tile/entries/000.p/3")}
        head = open_checkpoint(files["checkpoint"], [world.authority.anchor.key()])
        assert len(read_log(files, size=head.size, root=head.root)) == 3
        for path in (
            "/", "/other", "/../secret", "/tile/../../secret", "/tile/0/000.p/3/../../../../../secret", "/tile/0/000.p/0", "/tile/6/000",
            "/%2e%2e/secret", "/tile/0/000.p/4", "/checkpoint/", "/tile/0/001",
        ):  # fmt: skip
            assert get(port, path)[0] == 404, path
        assert get(port, "/checkpoint", "POST", b"x")[0] == 404


def test_other_protocols_are_left_alone(tmp_path: Path) -> None:
    async def never() -> None:
        raise AssertionError

    asyncio.run(tiles_app(tmp_path)({"type": "websocket"}, never, never))  # type: ignore[arg-type]
    assert isinstance(tiles_server(folder=str(tmp_path)), TileServer)
