"""What a start costs: processor seconds of whole processes, the least of several, as a user meets them."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from bench.harness import Results

ROOT = Path(__file__).resolve().parent.parent
POLICY = ROOT / "policies" / "examples" / "payments" / "policy.policy"


def seconds(code: str, *, rounds: int = 5) -> float:
    """The least user and system time of a process that runs `code`."""
    least = float("inf")
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        least = min(least, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return least


def command(*words: str) -> str:
    """The code of one command line."""
    return f"import sys; sys.argv = {['intended', *words]!r}; from intended_adapters.cli.app import main; main()"


def main() -> int:
    """Measure and write bench/results/start.json."""
    results = Results("start")
    results.figure("a bare interpreter", seconds("pass"), "s of processor time")
    results.figure("import intended_core", seconds("import intended_core"), "s of processor time")
    results.figure("import what checks policies", seconds("from intended_core import check_policies"), "s of processor time")
    results.figure("intended check", seconds(command("check", str(POLICY))), "s of processor time")
    demo = seconds(command("demo", "--brief"), rounds=3)
    results.figure("intended demo", demo, "s of processor time", target="≤ 5", met=demo <= 5)
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
