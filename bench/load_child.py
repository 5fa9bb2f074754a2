"""Load 10,000 rules in a fresh process and say what it took, as one line of JSON. Started by bench_decide."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from intended_core.lang.checker import check
from intended_core.lang.compiler import compile_set
from intended_core.lang.source import Source

RULES, ACTIONS = 10_000, 100


def rules() -> list[str]:
    """10,000 permits over 100 actions, in files of 2,500 lines."""
    lines = ["@root entity User { level: Int }"]
    for n in range(ACTIONS):
        lines.append(f"entity Thing{n} {{ owner: User, size: Int }}")
        lines.append(f"action act{n} {{ principal: User; resource: Thing{n}; args: {{ amount: Int }}; context: {{ risk: Int }}; }}")
    for n in range(RULES):
        lines.append(
            f'@id("r{n}") permit rule{n} {{ action == act{n % ACTIONS}; when resource.owner == principal and args.amount <= {n}; }}'
        )
    return lines


def memory_mb(line_of: str) -> float:
    """Resident memory now (`VmRSS:`) or at its peak (`VmHWM:`); the kernel's maximum by `getrusage` would be the parent's too."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(line_of):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    """Measure and print."""
    lines = rules()
    begin = time.perf_counter()
    check([Source.from_bytes("small.policy", "\n".join(lines[:3]).encode())])
    grammar = time.perf_counter() - begin
    files = [Source.from_bytes(f"many{at}.policy", "\n".join(lines[at : at + 2_500]).encode()) for at in range(0, len(lines), 2_500)]
    begin, processor = time.perf_counter(), time.process_time()
    compiled = compile_set(check(files))
    cold, processor = time.perf_counter() - begin, time.process_time() - processor
    begin, rest = time.perf_counter(), time.process_time()
    compiled.ready()
    whole, rest = time.perf_counter() - begin, time.process_time() - rest
    print(
        json.dumps(
            {"cold_s": cold, "processor_s": processor, "whole_s": cold + whole, "whole_processor_s": processor + rest, "grammar_s": grammar, "resident_mb": memory_mb("VmRSS:"), "actions": len(compiled.plans),
             "peak_mb": memory_mb("VmHWM:")}
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
