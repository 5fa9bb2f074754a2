"""What every benchmark shares: timing, paired runs, and the result file of a room.

    results = Results("decide")
    engine, floor = paired(lambda: decide(intent), lambda: table[key](intent), number=2_000)
    results.figure("decide, 100 rules", engine.median_us, "µs", target="≤ 5", met=engine.median_us <= 5)
    results.figure("decide / dict lookup", engine.ratio_to(floor), "×")
    results.write()

A benchmark prints and records; it never asserts on time. Compared things are timed in one process in alternating rounds, because absolute
figures drift with the machine's neighbours while medians of paired rounds do not.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

__all__ = ["RESULTS", "Figure", "Results", "Samples", "describe_machine", "measure", "paired", "together"]

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = ("intended", "cryptography", "lark", "orjson", "sqlalchemy", "pyjwt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Seconds per call, one number per round, in the order of the rounds."""

    seconds: tuple[float, ...]

    @property
    def median_us(self) -> float:
        """The median, in microseconds per call."""
        return statistics.median(self.seconds) * 1e6

    @property
    def per_second(self) -> float:
        """Calls per second at the median."""
        return 1 / statistics.median(self.seconds)

    def ratio_to(self, floor: Samples) -> float:
        """The median of the rounds' own ratios: each round against the round of `floor` that ran beside it."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.seconds, floor.seconds, strict=True))


def measure(call: Callable[[], object], *, number: int, rounds: int = 7, warm_up: int = 1) -> Samples:
    """Time `call` alone: `rounds` rounds of `number` calls."""
    return together([call], number=number, rounds=rounds, warm_up=warm_up)[0]


def paired(
    call: Callable[[], object], floor: Callable[[], object], *, number: int, rounds: int = 7, warm_up: int = 1
) -> tuple[Samples, Samples]:
    """Time `call` and `floor` in alternating rounds of `number` calls each."""
    first, second = together([call, floor], number=number, rounds=rounds, warm_up=warm_up)
    return first, second


def together(
    calls: Sequence[Callable[[], object]], *, number: int, rounds: int = 7, warm_up: int = 1
) -> tuple[Samples, ...]:
    """Time several calls in alternating rounds, the order turning every round; the collector is off while timing."""
    if not calls or number < 1 or rounds < 1:
        raise ValueError("something to call, and at least one round of one call")
    taken: list[list[float]] = [[] for _ in calls]
    was_enabled = gc.isenabled()
    try:
        for turn in range(-warm_up, rounds):
            gc.collect()
            gc.disable()
            for step in range(len(calls)):
                index = (turn + step) % len(calls)
                seconds = _round(calls[index], number)
                if turn >= 0:
                    taken[index].append(seconds)
    finally:
        if was_enabled:
            gc.enable()
    return tuple(Samples(seconds=tuple(seconds)) for seconds in taken)


def _round(call: Callable[[], object], number: int) -> float:
    clock = time.perf_counter
    begin = clock()
    for _ in range(number):
        call()
    return (clock() - begin) / number


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number. `target` is what must be reached, in words; `met` is None where there is no target."""

    name: str
    value: float
    unit: str
    target: str | None = None
    met: bool | None = None


class Results:
    """The figures of one room, printed as they come and written to `bench/results/<room>.json`."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.figures: list[Figure] = []

    def figure(self, name: str, value: float, unit: str, target: str | None = None, met: bool | None = None) -> Figure:
        """Record and print one figure; a target without an answer to "met?" (or the reverse) is refused."""
        if (target is None) != (met is None):
            raise ValueError(f"{name}: a target and whether it is met belong together")
        if any(known.name == name for known in self.figures):
            raise ValueError(f"{name}: recorded twice")
        found = Figure(
            name=name, value=_rounded(value), unit=unit, target=target, met=None if met is None else bool(met)
        )
        self.figures.append(found)
        verdict = "" if met is None else f"   target {target}: {'met' if met else 'MISSED'}"
        print(f"  {name:<52} {show(found.value):>12} {unit}{verdict}", flush=True)
        return found

    def write(self, folder: Path = RESULTS) -> Path:
        """Write the room's file and return its path."""
        if not self.figures:
            raise ValueError(f"{self.room}: nothing was measured")
        content = {
            "room": self.room,
            **describe_machine(),
            "date": datetime.now(UTC).date().isoformat(),
            "figures": [
                {"name": one.name, "value": one.value, "unit": one.unit, "target": one.target, "met": one.met}
                for one in self.figures
            ],
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.room}.json"
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path


def describe_machine() -> dict[str, object]:
    """What the figures were measured on: processor, cores, system, Python and the packages that matter. No host name."""
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "cpu": _processor(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": {name: version(name) for name in PACKAGES if _installed(name)},
    }


def show(value: float) -> str:
    """A number as the tables show it."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}"


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _installed(name: str) -> bool:
    try:
        version(name)
    except ImportError:
        return False
    return True
