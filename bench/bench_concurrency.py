"""Many callers at once: threads and tasks on one durable store, and two threads against two bare signers.

Group commit: the floor is the same bare statements, each unit in a savepoint, sixteen units to a COMMIT, with RSA beside it on as many
threads as there are cores. Beside the rates stands what a call costs the processor, which says the same on a machine that is shared.

`make bench ROOM=concurrency` prints the figures and writes bench/results/concurrency.json.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import anyio

from bench.bench_authorize import sampled
from bench.floors import Floor
from bench.harness import Results
from bench.world import AUDIENCE, NOW_US, intent, make_tenant
from intended_core import Authority, Granted, ManualClock, TenantAuthority
from intended_core.aio import AsyncTenantAuthority, Threads

ROUNDS, SECONDS = 5, 0.8


class Rate(NamedTuple):
    """Calls per second of all together, and microseconds of processor time for each."""

    per_second: float
    busy_us: float

    def times(self, number: int) -> Rate:
        """The same where each call was this many."""
        return Rate(self.per_second * number, self.busy_us / number)


def rate(threads: int, call: Callable[[], object], seconds: float = SECONDS) -> Rate:
    """The rate of this many threads together."""
    start, stop = threading.Barrier(threads + 1), threading.Event()
    counts = [0] * threads

    def work(me: int) -> None:
        start.wait()
        while not stop.is_set():
            call()
            counts[me] += 1

    pool = [threading.Thread(target=work, args=(me,)) for me in range(threads)]
    for thread in pool:
        thread.start()
    start.wait()
    begin, busy = time.perf_counter(), time.process_time()
    time.sleep(seconds)
    stop.set()
    for thread in pool:
        thread.join()
    return Rate(sum(counts) / (time.perf_counter() - begin), (time.process_time() - busy) / sum(counts) * 1e6)


async def task_rate(tasks: int, call: Callable[[], object], seconds: float = SECONDS) -> Rate:
    """The rate of this many tasks together."""
    counts = [0] * tasks
    begin, busy = time.perf_counter(), time.process_time()

    async def work(me: int) -> None:
        while time.perf_counter() - begin < seconds:
            await call()  # type: ignore[misc]
            counts[me] += 1

    async with anyio.create_task_group() as group:
        for me in range(tasks):
            group.start_soon(work, me)
    return Rate(sum(counts) / (time.perf_counter() - begin), (time.process_time() - busy) / sum(counts) * 1e6)


def grouped_floor(floor: Floor, units: int) -> Callable[[], None]:
    """`units` bare units in savepoints under one COMMIT; their signatures and checks on as many threads as there are cores."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    statements = floor.grouped

    def sign(_: int) -> None:
        signature = floor.private.sign(floor.unsigned, floor.padding, floor.hash)
        floor.public.verify(signature, floor.unsigned, floor.padding, floor.hash)

    def batch() -> None:
        signing = pool.map(sign, range(units))
        statements(units)
        for _ in signing:
            pass

    return batch


def fdatasync_us(folder: Path) -> float:
    """The median cost of making one page durable."""
    taken = []
    with (folder / "sync").open("wb", buffering=0) as file:
        for _ in range(60):
            file.write(bytes(4096))
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begin)
    return statistics.median(taken) * 1e6


def opened(place: Path) -> tuple[Authority, TenantAuthority]:
    """A durable store with the benchmarks' tenant."""
    (place / "data").mkdir(parents=True)
    (place / "keys").mkdir()
    authority = Authority.create(place / "data" / "a.db", key_file=place / "keys" / "kek", clock=ManualClock(NOW_US))
    return authority, make_tenant(authority)


def main() -> int:
    """Measure and write bench/results/concurrency.json."""
    results = Results("concurrency")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        place = Path(folder)
        authority, tenant = opened(place)
        floor = Floor(place / "data" / "floor.db", "full", sampled(tenant))
        wanted = intent()

        def authorize() -> None:
            if not isinstance(tenant.authorize(wanted, audience=AUDIENCE), Granted):
                raise RuntimeError("the benchmark's intent was not allowed")

        results.figure("fdatasync of one page", fdatasync_us(place), "µs")
        seen: dict[str, list[Rate]] = {}
        batch = grouped_floor(floor, 16)

        async def tasks() -> Rate:
            lone = AsyncTenantAuthority(tenant, Threads(16))
            return await task_rate(64, lambda: lone.authorize(wanted, audience=AUDIENCE))

        for _ in range(ROUNDS):
            for threads in (1, 2, 16, 64):
                seen.setdefault(f"{threads}", []).append(rate(threads, authorize))
            for threads in (1, 2):
                seen.setdefault(f"sign {threads}", []).append(rate(threads, floor.sign))
            seen.setdefault("floor", []).append(rate(1, batch).times(16))
            seen.setdefault("tasks", []).append(anyio.run(tasks))

        def median(name: str) -> float:
            return statistics.median(one.per_second for one in seen[name])

        def busy(name: str) -> float:
            return statistics.median(one.busy_us for one in seen[name])

        def ratio(over: str, under: str) -> float:
            return statistics.median(a.per_second / b.per_second for a, b in zip(seen[over], seen[under], strict=True))

        for threads in (1, 2, 16, 64):
            results.figure(f"authorize, {threads} threads, durable", median(f"{threads}"), "per second")
        results.figure("authorize, 64 tasks on asyncio, durable", median("tasks"), "per second")
        results.figure("group-commit floor, 16 units a commit", median("floor"), "per second")
        gained = statistics.median(
            (two.per_second / one.per_second) / (sign2.per_second / sign1.per_second)
            for two, one, sign2, sign1 in zip(seen["2"], seen["1"], seen["sign 2"], seen["sign 1"], strict=True)
        )
        results.figure("two threads: gain / gain of bare signing", gained, "×", "≥ 0.7", gained >= 0.7)
        value = ratio("16", "floor")
        results.figure("16 threads / group-commit floor", value, "×", "≥ 0.85, or 3,000 per second", value >= 0.85 or median("16") >= 3000)
        value = ratio("tasks", "16")
        results.figure("64 tasks / 16 threads", value, "×", "≥ 0.85", value >= 0.85)
        for name, what in (
            ("1", "authorize, 1 thread"), ("16", "authorize, 16 threads"), ("tasks", "authorize, 64 tasks"),
            ("floor", "group-commit floor"), ("sign 1", "RSA signature alone"),
        ):  # fmt: skip
            results.figure(f"processor time: {what}", busy(name), "µs")
        authority.close()
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
