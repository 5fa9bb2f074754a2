"""Memory over many authorize and redeem cycles: `make soak` runs a million; `--cycles` and `--minutes` bound it.

Resident memory is read after a tenth of the run and at its end; what lies between is growth. bench/results/soak.json says how many cycles
really ran: a run of fewer than a million is shown as one that missed it.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

from bench.harness import Results
from bench.world import AUDIENCE, NOW_US, intent, make_tenant
from intended_core import Authority, ManualClock

MILLION = 1_000_000


def resident_mb() -> float:
    """This process's resident memory, in MiB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


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
        authority = Authority.create(
            store, key_file=Path(folder, "keys", "kek"), clock=clock, durability="normal"
        )
        tenant = make_tenant(authority)
        bank, wanted, call = tenant.adapter(AUDIENCE), intent(), intent().call()
        end = time.monotonic() + asked.minutes * 60
        early, done = 0.0, 0
        begin = time.monotonic()
        for done in range(1, asked.cycles + 1):
            tenant.redeem(tenant.require(wanted, audience=AUDIENCE), call, adapter=bank)
            clock.advance(seconds=0.001)
            if done == max(1, asked.cycles // 10):
                gc.collect()
                early = resident_mb()
            if done % 1000 == 0 and time.monotonic() > end:
                break
        taken = time.monotonic() - begin
        gc.collect()
        late = resident_mb()
        results.figure("cycles of authorize and redeem", done, "cycles", f"≥ {MILLION:,}", done >= MILLION)
        results.figure("resident after a tenth", early, "MiB")
        results.figure("resident at the end", late, "MiB")
        growth = (late - early) * 2**20 / max(1, done - asked.cycles // 10)
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
