"""Open an authority whose tenant has 10,000 rules and authorize once, in a fresh process; one line of JSON. Started by bench_load."""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path

from intended_core import Authority, EntityRef, Granted, Intent, Settings

__all__ = ["ACTIONS", "FILES", "RULES", "intent", "policy"]

RULES, ACTIONS, FILES = 10_000, 100, 4
# What a process loads once, however many rules its tenant has: SQLAlchemy is most of it.
MODULES = (
    "intended_core.assembly", "intended_adapters.storage.sqlite", "intended_adapters.signing.local",
    "intended_adapters.key_encryption.file", "intended_adapters.head_mark.file",
)  # fmt: skip


def policy() -> dict[str, str]:
    """10,000 permits over 100 actions, in four files."""
    lines = ["@root entity User { level: Int }"]
    for n in range(ACTIONS):
        lines.append(f"entity Thing{n} {{ owner: User, size: Int }}")
        lines.append(f"action act{n} {{ principal: User; resource: Thing{n}; args: {{ amount: Int }}; context: {{ risk: Int }}; }}")
    for n in range(RULES):
        lines.append(
            f'@id("r{n}") permit rule{n} {{ action == act{n % ACTIONS}; when resource.owner == principal and args.amount <= {n}; }}'
        )
    size = -(-len(lines) // FILES)
    return {f"many{at}.policy": "\n".join(lines[at * size : (at + 1) * size]) for at in range(FILES)}


def intent(action: int = 7) -> Intent:
    """One that rule 9907 (9908 for action 8) alone lets through."""
    thing = EntityRef(f"Thing{action}", "t")
    return Intent(principal=EntityRef("User", "ann"), action=f"act{action}", resource=thing, args={"amount": 9_900}, context={"risk": 1})


def _status_mb(name: str) -> float:
    # Not getrusage: its peak begins with that of the process that started this one.
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


class _Watch:
    """Seconds by the clock and of the processor since it was last asked."""

    def __init__(self) -> None:
        self.lap()

    def lap(self) -> tuple[float, float]:
        now = time.perf_counter(), time.process_time()
        passed = (now[0] - self.at[0], now[1] - self.at[1]) if hasattr(self, "at") else (0.0, 0.0)
        self.at = now
        return passed


def main() -> None:
    """`load_open.py STORE KEY-FILE`: measure and print."""
    watch = _Watch()
    for name in MODULES:
        importlib.import_module(name)
    modules = watch.lap()
    patient = Settings(call_deadline_seconds=60.0, flow_deadline_seconds=60.0)  # from the sources it takes longer than one call may
    with Authority.open(Path(sys.argv[1]), key_file=Path(sys.argv[2]), settings=patient) as authority:
        opened = watch.lap()
        tenant = authority.tenant("acme")
        laps = []
        for action in (7, 8, 8):
            outcome = tenant.authorize(intent(action), audience="bench")
            laps.append(watch.lap())
            if not isinstance(outcome, Granted):
                raise SystemExit(f"the intent was not granted: {outcome}")
        first, other, again = laps
        told = {
            "seconds": opened[0] + first[0], "processor_s": opened[1] + first[1], "modules_s": modules[0], "modules_processor_s": modules[1],
            "first_s": first[0], "other_ms": other[0] * 1000, "again_ms": again[0] * 1000,
            "resident_mb": _status_mb("VmRSS:"), "peak_mb": _status_mb("VmHWM:"),
        }  # fmt: skip
        print(json.dumps(told))


if __name__ == "__main__":
    main()
