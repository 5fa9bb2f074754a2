"""Memory over many authorize and redeem cycles: `make soak` runs a million; `--cycles` and `--minutes` bound it.

Resident memory is read forty times, each reading printed as it comes; growth is the slope of the readings after the first quarter (what
a process remembers, bounded, is full by then) by least squares. bench/results/soak.json says how many cycles really ran: a run of fewer than
a million is shown as one that missed it.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.harness import Results
from bench.world import AUDIENCE, NOW_US, intent, make_tenant
from intended_core import Authority, ManualClock

MILLION = 1_000_000
READINGS = 40


def resident_mb() -> float:
    """This process's resident memory, in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def slope(readings: list[tuple[int, float]]) -> float:
    """MiB a cycle, by least squares; the plain difference where there are too few readings for a line."""
    cycles, resident = [float(at) for at, _ in readings], [mb for _, mb in readings]
    if len(set(cycles)) < 3:
        return (resident[-1] - resident[0]) / max(1.0, cycles[-1] - cycles[0])
    return statistics.linear_regression(cycles, resident).slope


def main() -> int:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=MILLION)
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args()
    results = Results("soak")
    clock = ManualClock(NOW_US)
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        for name in ("data", "keys"):
            Path(folder, name).mkdir()
        store = Path(folder, "data", "a.db")
        authority = Authority.create(store, key_file=Path(folder, "keys", "kek"), clock=clock, durability="normal")
        tenant = make_tenant(authority)
        bank, wanted, call = tenant.adapter(AUDIENCE), intent(), intent().call()
        end = time.monotonic() + asked.minutes * 60
        done, step = 0, max(1, asked.cycles // READINGS)
        readings: list[tuple[int, float]] = []
        begin = time.monotonic()
        for done in range(1, asked.cycles + 1):
            tenant.redeem(tenant.require(wanted, audience=AUDIENCE), call, adapter=bank)
            clock.advance(seconds=0.001)
            if done % step == 0 or done == asked.cycles:
                gc.collect()
                readings.append((done, resident_mb()))
                rate = done / (time.monotonic() - begin)
                print(f"  {done:>9,} cycles   {readings[-1][1]:8.2f} MiB   {rate:6.0f} per second", flush=True)
            if done % 1000 == 0 and time.monotonic() > end:
                break
        taken = time.monotonic() - begin
        gc.collect()
        readings.append((done, resident_mb()))
        settled = [one for one in readings if one[0] >= done // 4]
        results.figure("cycles of authorize and redeem", done, "cycles", f"≥ {MILLION:,}", done >= MILLION)
        results.figure("resident after a quarter", settled[0][1], "MiB")
        results.figure("resident at the end", settled[-1][1], "MiB")
        growth = slope(settled) * 2**20
        results.figure("growth", growth, "bytes a cycle", "≤ 8", growth <= 8)
        results.figure("cycles", done / taken, "per second")
        results.figure("store", store.stat().st_size / 2**20, "MiB")
        if tenant.head().size < 2 * done:
            raise RuntimeError("the log does not hold every cycle")
        authority.close()
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
