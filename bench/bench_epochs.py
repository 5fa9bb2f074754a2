"""The anchor log: sealing with 1,000 and 10,000 tenants, record to published head, proofs, durable appends over 1,000 tenants, the disk."""

from __future__ import annotations

import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench.harness import Results
from bench.world import NOW_US
from intended_adapters.storage.group import Job
from intended_adapters.storage.sqlite import SqliteStorage
from intended_core.audit.anchored import encode_proof, verify_record_proof
from intended_core.audit.cosignature import ED25519, CosignerKey, cosign
from intended_core.audit.levels import Levels
from intended_core.audit.log import Draft, LogHead, append, genesis_head
from intended_core.audit.proof import prove_inclusion
from intended_core.audit.record import EventKind, pack_body
from intended_core.audit.slots import padding
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.audit.tree import root_of
from intended_core.audit.witnessing import Accepted, judge
from intended_core.flows.effects import Context, Settings
from intended_core.flows.heads import HeadMemory
from intended_core.flows.seats import Seat, SlotBook
from intended_core.ids import Scope
from intended_core.keys.rowmac import RowMac
from intended_core.ports import WitnessAnswer
from intended_core.quick import maker
from intended_core.unit import Changes, Head, Unit, UnitView
from tests.reference.anchor_world import key_of, public_of

_changes = maker(Changes)  # as the flows do
BODY = {f"member{n:02d}": "x" * 40 for n in range(8)}


def scope_of(number: int) -> Scope:
    return Scope(f"tenant-{number}", sha256(number.to_bytes(4, "big")).hexdigest()[:32], "live")


class Writer:
    """Appends to one tenant's log by units, as every flow does: one record a unit, head and tag made anew under the lock."""

    def __init__(self, number: int) -> None:
        self.scope = scope_of(number)
        self.mac = RowMac(sha256(f"mac {number}".encode()).digest())
        self.memory = HeadMemory()

    def unit(self, count: int = 1) -> Unit:
        packed = pack_body(dict(BODY), salt=os.urandom(16))
        drafts = [Draft(kind=EventKind.ACTION_DONE, body=packed)] * count

        def decide(view: UnitView) -> Changes:
            if view.head is None:
                log, version = genesis_head(origin=f"bench/{self.scope.uuid}", issuer="bench", generation=1), 0
            else:
                log, version = self.memory.read(self.mac, self.scope, view.head), view.head.version
            log, rows = append(log, self.scope, drafts, now_us=NOW_US, writer="bench")
            return _changes(head=self.memory.write(self.mac, self.scope, version + 1, log), records=rows)

        return Unit(self.scope, decide)


def disk(results: Results, folder: Path) -> None:
    """What one durable write costs here: every figure below rests on it."""
    taken = []
    with (folder / "probe").open("wb") as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begin)
    taken.sort()
    results.figure("fdatasync of 4 KiB, median", statistics.median(taken) * 1e3, "ms")
    results.figure("fdatasync of 4 KiB, p99", taken[197] * 1e3, "ms")


def appends(results: Results, folder: Path) -> None:
    """Durable records a second over 1,000 tenants: units of one record gathered 100 and 256 to a commit, and units of ten records."""
    parts(results, folder)
    store = SqliteStorage.create(folder / "append.db", durability="full")
    writers = [Writer(number) for number in range(1_000)]
    for writer in writers:
        store.create_scope(writer.scope)
        store.commit(writer.unit())
    for batch, count, target in ((100, 1, 60_000), (256, 1, 60_000), (10, 1, 30_000), (100, 10, 60_000)):
        best, least = 0.0, float("inf")
        for turn in range(5):
            units = [writers[(turn * 977 + at) % 1_000].unit(count) for at in range(batch * 8)]
            begin, busy = time.perf_counter(), time.process_time()
            for start in range(0, len(units), batch):
                jobs = [Job(unit) for unit in units[start : start + batch]]
                done = 0
                while done < len(jobs):
                    done += store._run(jobs[done:])
                for job in jobs:
                    job.answer()
            best = max(best, len(units) * count / (time.perf_counter() - begin))
            least = min(least, (time.process_time() - busy) / len(units))
        what = f"units of {count} record{'s' * (count > 1)}, {batch} to a commit, 1,000 tenants"
        results.figure(f"durable: {what}", best, "records/s", target=f"≥ {target:,}", met=best >= target)
        results.figure(f"processor time of a unit: {what}", least * 1e6, "µs")
    store.close()


def parts(results: Results, folder: Path) -> None:
    """What the parts of such a unit cost a processor, on the bare driver with our settings: no Python of ours, no waiting for the disk."""
    leaf, entry, body, state, mac = (os.urandom(size) for size in (32, 330, 460, 400, 32))
    insert = "INSERT INTO record (scope, seq, thread, leaf, entry, body) VALUES (?, ?, '', ?, ?, ?)"
    for what in ("record", "record, index", "record, index, head", "record, index, head, savepoint"):
        bare = sqlite3.connect(folder / f"{len(what)}.db", isolation_level=None)
        for text in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "cell_size_check = ON"):
            bare.execute(f"PRAGMA {text}")
        unique = ", UNIQUE (scope, seq)" if "index" in what else ""
        bare.execute(
            "CREATE TABLE record (id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, seq INTEGER NOT NULL, thread TEXT NOT NULL,"
            f" leaf BLOB NOT NULL, entry BLOB NOT NULL, body BLOB NOT NULL{unique}) STRICT"
        )
        bare.execute("CREATE TABLE head (scope INTEGER PRIMARY KEY, version INTEGER, size INTEGER, state BLOB, mac BLOB) STRICT")
        cursor, sizes, best = bare.cursor(), [0] * 1_000, float("inf")
        cursor.execute("BEGIN")
        cursor.executemany("INSERT INTO head VALUES (?, 0, 0, ?, ?)", ((number, state, mac) for number in range(1_000)))
        cursor.execute("COMMIT")
        for turn in range(6):
            begin = time.process_time()
            for start in range(0, 800, 100):
                cursor.execute("BEGIN IMMEDIATE")
                for at in range(start, start + 100):
                    scope = (turn * 977 + at) % 1_000
                    size = sizes[scope]
                    if "savepoint" in what:
                        cursor.execute("SAVEPOINT unit")
                    if "head" in what:
                        cursor.execute("SELECT version, size, state, mac FROM head WHERE scope = ?", (scope,)).fetchone()
                    cursor.execute(insert, (scope, size, leaf, entry, body))
                    sizes[scope] = size + 1
                    if "head" in what:
                        moved = (size + 1, size + 1, state, mac, scope, size)
                        cursor.execute("UPDATE head SET version = ?, size = ?, state = ?, mac = ? WHERE scope = ? AND version = ?", moved)
                    if "savepoint" in what:
                        cursor.execute("RELEASE unit")
                cursor.execute("COMMIT")
            best = min(best, (time.process_time() - begin) / 800)
        bare.close()
        results.figure(f"bare driver, processor time of a unit: {what}", best * 1e6, "µs")


def pure(results: Results) -> None:
    """Leaves and tree of one epoch, every head moved, on one core."""
    for count, width in ((1_000, 2_048), (10_000, 16_384)):
        book, heads = SlotBook(), dict[str, Head]()
        for number in range(count):
            writer = Writer(number)
            context = Context(scope=writer.scope, mac=writer.mac, settings=Settings(), writer="bench")
            book.take(Seat(slot=number, context=context))
            log: LogHead = genesis_head(origin=f"bench/{writer.scope.uuid}", issuer="bench", generation=1)
            log, _ = append(log, writer.scope, [Draft(kind=EventKind.ACTION_DONE, body=BODY, salt=bytes(16))], now_us=NOW_US, writer="b")
            heads[writer.scope.key] = writer.memory.write(writer.mac, writer.scope, 1, log)
        before = book.picture(0, heads, before=None, width=width, padding=bytes(32 * width))
        tree, whole = [], []
        for epoch in range(1, 6):
            begin = time.process_time()
            made = book.picture(epoch, heads, before=before.row, width=width, padding=padding(b"p" * 32, epoch, width))
            middle = time.process_time()
            root_of(made.leaves)
            made.row.to_body()
            end = time.process_time()
            tree.append(end - middle)
            whole.append(end - begin)
            before = made
        results.figure(f"epoch of {count:,} tenants: tree alone ({width:,} places)", min(tree) * 1e3, "ms")
        results.figure(f"epoch of {count:,} tenants: leaves, tree and row", min(whole) * 1e3, "ms")


def published(results: Results, folder: Path) -> None:
    """From a record's commit to the signed checkpoint of an epoch that holds it, one epoch a second, and with a witness on this machine."""
    from intended_core import Authority

    for name in ("data", "keys"):
        (folder / name).mkdir()
    authority = Authority.create(folder / "data" / "a.db", key_file=folder / "keys" / "kek")
    tenants = [authority.create_tenant(f"tenant-{number}", algorithm="Ed25519") for number in range(1_000)]
    secret = key_of("bench")
    key = CosignerKey("bench.example/1", ED25519, public_of(secret))
    known: dict[str, Any] = {}

    class Near:
        def add_checkpoint(self, request: bytes) -> WitnessAnswer:
            own = authority.anchor.key()
            found = judge(request, logs={own.name: [own]}, remembered=known.get)
            if not isinstance(found, Accepted):
                return WitnessAnswer(status=found.status, body=found.body)
            known[found.origin] = found.known
            return WitnessAnswer(status=200, body=cosign(found.text, key=key, time_s=int(time.time()), sign=secret.sign))

    authority.anchor.seal()
    written: list[tuple[Scope, int, float]] = []
    waits: list[float] = []
    stop = threading.Event()

    def write() -> None:
        at = 0
        while not stop.is_set():
            tenant = tenants[at % len(tenants)]
            seq = tenant.rotate_keys().seq
            written.append((tenant.scope, seq, time.perf_counter()))
            at += 1
            stop.wait(0.005)

    thread = threading.Thread(target=write)
    thread.start()
    costs = []
    waiting: list[tuple[Scope, int, float]] = []
    for _ in range(12):
        begin = time.perf_counter()
        waiting, held = [*waiting, *written], len(written)
        del written[:held]
        authority.anchor.seal()
        authority.anchor.cosign(Near(), key)
        end = time.perf_counter()
        costs.append(end - begin)
        waits += [end - at for _, _, at in waiting]  # everything that was committed before the heads were read
        waiting = []
        time.sleep(max(0.0, 1.0 - (time.perf_counter() - begin)))
    stop.set()
    thread.join()
    waits.sort()
    p99 = waits[int(len(waits) * 0.99)]
    results.figure("record to published, cosigned epoch head, median (epochs of 1 s)", statistics.median(waits), "s")
    results.figure("record to published, cosigned epoch head, p99 (epochs of 1 s)", p99, "s", target="≤ 1.5", met=p99 <= 1.5)
    results.figure("close, sign, cosign and keep an epoch of 1,000 tenants", statistics.median(costs) * 1e3, "ms")
    proof = authority.anchor.prove_record(tenants[0].scope, 0)
    policy = parse_policy(f"log {authority.anchor.key()}\nwitness w {key}\nquorum w\n".encode())
    leaf = next(tenants[0].records()).leaf
    begin = time.process_time()
    for _ in range(200):
        verify_record_proof(proof, policy, leaf=leaf)
    results.figure("verify a record's proof, two signatures and a cosignature", 200 / (time.process_time() - begin), "/s")
    rounds = 200
    begin = time.process_time()
    for _ in range(rounds):
        authority.anchor.prove_record(tenants[0].scope, 0)
    results.figure("prove a record to a cosigned checkpoint, from the store", rounds / (time.process_time() - begin), "/s")
    results.figure("proof of a record, 1,000 tenants, 13 epochs, one cosignature", len(encode_proof(proof)), "bytes")
    slot = proof.slot
    large = type(proof)(
        seq=0, path=(bytes(32),) * 20,
        slot=type(slot)(opening=slot.opening, path=(bytes(32),) * 11, entry=slot.entry, anchor_path=(bytes(32),) * 25, checkpoint=slot.checkpoint),
    )  # fmt: skip
    size = len(encode_proof(large))
    results.figure("the same with 10^6 records, 1,500 tenants, a year of epochs", size, "bytes", target="≤ 4,096", met=size <= 4_096)
    authority.close()


def proofs(results: Results) -> None:
    """Inclusion proofs out of a tree of a million leaves at hand."""
    leaves = [sha256(number.to_bytes(4, "big")).digest() for number in range(1_000_000)]
    tree = Levels(leaves)
    places = range(0, len(leaves), 97)
    best = 0.0
    for _ in range(3):
        begin = time.process_time()
        for at in places:
            prove_inclusion(tree, index=at, size=len(leaves))
        best = max(best, len(places) / (time.process_time() - begin))
    results.figure("inclusion proofs in a log of 10^6, tree at hand", best, "/s", target="≥ 5,000", met=best >= 5_000)


def main() -> int:
    """Measure and write bench/results/epochs.json."""
    results = Results("epochs")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as place:
        disk(results, Path(place))
        appends(results, Path(place))
        pure(results)
        published(results, Path(place))
        proofs(results)
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
