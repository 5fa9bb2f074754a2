"""Tiles: proofs of a log whose records are not in memory, the first proof of a fresh process, and what laying costs beside appending."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from pathlib import Path

from bench.bench_epochs import Writer
from bench.harness import Results
from intended_adapters.storage.sqlite import SqliteStorage
from intended_core.audit.levels import Growing
from intended_core.audit.log import LogHead
from intended_core.audit.proof import prove_inclusion
from intended_core.flows.tiles import places, whole_leaves
from intended_core.flows.trees import TreeCache, tile_key
from intended_core.unit import Changes, Unit, UnitView, Write

SIZE = int(os.environ.get("BENCH_TILES", "1000000"))
IN_A_UNIT = 1_000


def lay(store: SqliteStorage, writer: Writer, since: int, size: int, root: bytes) -> int:
    """Lay the tiles as `flows.tiles` does, 64 to a unit; how many."""
    tree = TreeCache().get(store, writer.scope, size, root)
    wanted = list(places(since, whole_leaves(size)))
    for at in range(0, len(wanted), 64):
        made = {tile_key(level, number): tree.tile(level, number) for level, number in wanted[at : at + 64]}

        def decide(view: UnitView, made: dict[object, bytes] = made) -> Changes:  # type: ignore[assignment]
            assert view.head is not None
            writes = []
            for key, body in made.items():
                row = view.rows.get(key)  # type: ignore[call-overload]
                version = 0 if row is None else row.version
                writes.append(Write(writer.mac.seal_row(writer.scope, "tile", key.key, version + 1, "WHOLE", body), version))
            log = writer.memory.read(writer.mac, writer.scope, view.head)
            return Changes(head=writer.memory.write(writer.mac, writer.scope, view.head.version + 1, log), writes=tuple(writes))

        store.commit(Unit(writer.scope, decide, reads=tuple(made)))  # type: ignore[arg-type]
    return len(wanted)


def main() -> int:
    """Measure and write bench/results/tiles.json."""
    results = Results("tiles")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as place:
        path = Path(place) / "a.db"
        store = SqliteStorage.create(path, durability="full")
        writer = Writer(1)
        store.create_scope(writer.scope)
        appending = laying = 0.0
        laid = tiles = size = 0
        root = b""
        while size < SIZE:
            begin = time.process_time()
            for _ in range(32):  # what an epoch of one second might find
                store.commit(writer.unit(IN_A_UNIT))
            appending += time.process_time() - begin
            stored = store.head(writer.scope)
            assert stored is not None
            head = LogHead.from_state(stored.state)
            size, root = head.size, head.frontier.root()
            begin = time.process_time()
            tiles += lay(store, writer, laid, size, root)
            laying += time.process_time() - begin
            laid = whole_leaves(size)
        results.figure(f"append {size:,} records, {IN_A_UNIT} to a unit: processor time of a record", appending / size * 1e6, "µs")
        results.figure("lay their tiles, an epoch every 32,000 records: processor time of a record", laying / size * 1e6, "µs")
        results.figure("bytes of tiles for each record", 32 * (1 + 1 / 256 + 1 / 65_536), "bytes")
        store.close()
        chance = random.Random(7)
        store = SqliteStorage.open(path, durability="full")
        begin = time.perf_counter()
        tree = TreeCache().get(store, writer.scope, size, root)
        first = prove_inclusion(tree, index=size // 3, size=size)
        results.figure(f"first proof of a fresh process, {size:,} records, from tiles", (time.perf_counter() - begin) * 1e3, "ms")
        best = 0.0
        for _ in range(5):
            indexes = [chance.randrange(size) for _ in range(2_000)]
            tree = TreeCache().get(store, writer.scope, size, root)  # remembers nothing
            busy = time.process_time()
            for at in indexes:
                prove_inclusion(tree, index=at, size=size)
            best = max(best, len(indexes) / (time.process_time() - busy))
        results.figure(f"inclusion proofs of {size:,} at random places, no record and no tile in memory", best, "/s", target="≥ 5,000", met=best >= 5_000)
        begin = time.perf_counter()
        whole = Growing()
        whole.extend(store.leaves(writer.scope, 0, size))
        assert prove_inclusion(whole, index=size // 3, size=size) == first
        results.figure("the same first proof from the leaves beside the records", (time.perf_counter() - begin) * 1e3, "ms")
        store.close()
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
