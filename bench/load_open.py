"""Open an authority whose tenant has 10,000 rules and authorize once, in a fresh process; one line of JSON. Started by bench_load."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from intended_core import Authority, EntityRef, Granted, Intent, Settings

__all__ = ["ACTIONS", "FILES", "RULES", "intent", "policy"]

RULES, ACTIONS, FILES = 10_000, 100, 4


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


def intent() -> Intent:
    """One that rule 9907 alone lets through."""
    return Intent(principal=EntityRef("User", "ann"), action="act7", resource=EntityRef("Thing7", "t"), args={"amount": 9_900}, context={"risk": 1})


def _status_mb(name: str) -> float:
    # Not getrusage: its peak begins with that of the process that started this one.
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    """`load_open.py STORE KEY-FILE`: measure and print."""
    begin, processor = time.perf_counter(), time.process_time()
    patient = Settings(call_deadline_seconds=60.0, flow_deadline_seconds=60.0)  # from the sources it takes longer than one call may
    with Authority.open(Path(sys.argv[1]), key_file=Path(sys.argv[2]), settings=patient) as authority:
        outcome = authority.tenant("acme").authorize(intent(), audience="bench")
        taken, used = time.perf_counter() - begin, time.process_time() - processor
        if not isinstance(outcome, Granted):
            raise SystemExit(f"the intent was not granted: {outcome}")
        print(json.dumps({"seconds": taken, "processor_s": used, "resident_mb": _status_mb("VmRSS:"), "peak_mb": _status_mb("VmHWM:")}))


if __name__ == "__main__":
    main()
