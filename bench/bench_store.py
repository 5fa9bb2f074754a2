"""The store's unit of a redemption beside a bare sqlite3 connection that executes the same statements: `python -m bench.bench_store`.

Head, nonce and thread select, nonce update, record insert, head update, commit. The floor has no checks, no row objects and no lock.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.harness import Results, paired, together
from intended_adapters.storage.connection import Durability, connect
from intended_adapters.storage.sqlite import SqliteStorage
from intended_adapters.storage.tables import statements
from intended_core.ids import Scope
from intended_core.unit import Changes, Head, RecordRow, Row, RowKey, Unit, UnitView, Write

SCOPE = Scope("acme", "0123456789abcdef0123456789abcdef", "live")
NONCES = 4096
MAC = bytes(32)
NONCE_BODY = b"n" * 220
STATE = b"s" * 700  # a frontier of about ten nodes
ENTRY = b"e" * 420
BODY = b"b" * 300


def _key(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % 2**64:022x}"  # as scattered as random nonces


def prepared(path: Path, durability: Durability) -> SqliteStorage:
    """A store with one scope and many ISSUED nonces."""
    storage = SqliteStorage.create(path, durability=durability)
    storage.create_scope(SCOPE)
    rows = tuple(Write(Row("nonce", _key(n), 1, "ISSUED", NONCE_BODY, MAC), 0) for n in range(NONCES))
    records = tuple(RecordRow(n, ENTRY, BODY, MAC, _key(n)) for n in range(NONCES))
    storage.commit(Unit(SCOPE, lambda view: Changes(head=Head(1, STATE, MAC), writes=rows, records=records)))
    return storage


def redeeming(storage: SqliteStorage) -> Callable[[], object]:
    """One redemption's unit, on the next nonce each time; nonces are spent again at their next version."""
    count = 0

    def once() -> object:
        nonlocal count
        key = RowKey("nonce", _KEYS[count % NONCES])
        count += 1

        def decide(view: UnitView) -> Changes:
            head, row = view.head, view.rows[key]
            if head is None:
                raise LookupError("no head")
            return Changes(
                head=Head(head.version + 1, STATE, MAC),
                writes=(Write(Row("nonce", key.key, row.version + 1, "CONSUMED", NONCE_BODY, MAC), row.version),),
                records=(RecordRow(head.version - 1 + NONCES, ENTRY, BODY, MAC, key.key),),
            )

        return storage.commit(Unit(SCOPE, decide, reads=(key,), threads=(key.key,)))

    return once


def bare(path: Path, durability: Durability) -> Callable[[], object]:
    """The same statements on a cursor, one after another."""
    connection = connect(path, durability=durability, busy_timeout_seconds=5)
    cursor = connection.cursor()
    sql = statements()
    nonce = sql.rows["nonce"]
    count = 0

    def once() -> object:
        nonlocal count
        key = _KEYS[count % NONCES]
        count += 1
        cursor.execute("BEGIN IMMEDIATE")
        version, _, _, size = cursor.execute(sql.head, (1,)).fetchone()
        at, _, _, _ = cursor.execute(nonce.select, (1, key)).fetchone()
        cursor.execute(sql.thread, (1, key)).fetchall()
        cursor.execute(nonce.replace, (at + 1, "CONSUMED", NONCE_BODY, MAC, 1, key, at))
        cursor.execute(sql.record_insert, (1, size, key, MAC, ENTRY, BODY, b""))
        cursor.execute(sql.head_replace, (version + 1, size + 1, STATE, MAC, 1, version))
        return cursor.execute("COMMIT")

    return once


_KEYS = [_key(number) for number in range(NONCES)]


def reading(results: Results, storage: SqliteStorage, path: Path) -> None:
    """A head read, as every cache check does it."""
    connection = sqlite3.connect(path, isolation_level=None)
    sql = statements().head
    mine, floor = paired(lambda: storage.head(SCOPE), lambda: connection.execute(sql, (1,)).fetchall(), number=5_000)
    results.figure("head read", mine.median_us, "µs")
    results.figure("head read / bare", mine.ratio_to(floor), "×")
    connection.close()


def contended(storage: SqliteStorage, threads: int, units: int) -> float:
    """Units per second of several threads on one store."""
    works = [redeeming(storage) for _ in range(threads)]
    gate = threading.Barrier(threads + 1)

    def run(work: Callable[[], object]) -> None:
        gate.wait()
        for _ in range(units):
            work()
        gate.wait()

    for work in works:
        threading.Thread(target=run, args=(work,), daemon=True).start()
    gate.wait()
    begin = time.perf_counter()
    gate.wait()
    return threads * units / (time.perf_counter() - begin)


def main() -> int:
    """Measure and write bench/results/store.json."""
    results = Results("store")
    folder = os.environ.get("BENCH_FOLDER")
    with tempfile.TemporaryDirectory(dir=folder) as place:
        for durability, number in (("normal", 1_000), ("full", 200)):
            mode: Durability = "full" if durability == "full" else "normal"
            ours, theirs = Path(place, f"{mode}.db"), Path(place, f"{mode}-bare.db")
            storage = prepared(ours, mode)
            prepared(theirs, mode).close()
            unit, floor = together([redeeming(storage), bare(theirs, mode)], number=number, rounds=21)
            results.figure(f"redeem unit, {mode}", unit.median_us, "µs")
            results.figure(f"bare statements, {mode}", floor.median_us, "µs")
            speed = 1 / unit.ratio_to(floor)
            if mode == "normal":
                results.figure("share of the bare driver's speed, normal", speed, "×")
            else:
                results.figure("share of the bare driver's speed, durable", speed, "×", "≥ 0.9", speed >= 0.9)
                results.figure("units per second, durable, 1 thread", unit.per_second, "/s")
                results.figure("units per second, durable, 8 threads", contended(storage, 8, 200), "/s")
                reading(results, storage, ours)
            storage.close()
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
