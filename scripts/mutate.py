"""Mutation testing of the rooms that decide: small faults are put into a room, and the tests of its wing must notice each.

    python -m scripts.mutate                       the rooms of ROOMS, all mutants
    python -m scripts.mutate combine               one room of the engine, all mutants
    python -m scripts.mutate tokens/codec          one room elsewhere
    python -m scripts.mutate tokens flows          the rooms of two wings
    python -m scripts.mutate combine --limit 50    one room, a seeded sample
    python -m scripts.mutate --minutes 5           a seeded sample of all rooms, as large as the time allows
    python -m scripts.mutate --again run.log       what survived an earlier run, and what stands in functions that changed since

A room that was run whole goes into bench/results/mutation.json, beside what stands there of the others; a sample is printed only. `--again`
completes an earlier run that was whole: what was killed in a function that reads as it did counts as killed.
The tests are collected once and run once, to learn which lines of the rooms each of them reaches. Each mutant then lives in a forked child:
the functions of the room get the mutant's code, and the tests that reach its place run, quick ones first, until the first one fails. A
mutant is killed by a failing test, a crash or a timeout. What is left out: prose (texts with a blank in them), docstrings, annotations, and
what stands at the top of a room but numbers. Mutants that mean what the original means are listed with their reason in
scripts/mutants_equivalent.txt, printed, and leave the count; a second figure counts them as survivors.
"""

from __future__ import annotations

import argparse
import functools
import json
import mmap
import os
import random
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from bench.harness import RESULTS, Figure, Results
from intended_core.lang import checker
from scripts.mutants import Mutant, apply_mutant, forget, mutants_of, path_of, texts_of
from scripts.reached import Reached

__all__ = ["ROOMS", "main"]

EQUIVALENT = Path(__file__).with_name("mutants_equivalent.txt")
TARGET = 95.0
MIN_SECONDS = 30.0  # of one mutant; or TIMES what the tests took without a mutant on this machine, so that a busy one kills nobody
TIMES = 8
QUICK_SECONDS = 0.5  # a test that takes longer goes behind all that take less


@dataclass(frozen=True, slots=True, kw_only=True)
class Wing:
    """Rooms that the same tests look at. `unneeded`: names of tests among them that say nothing of these rooms."""

    rooms: tuple[str, ...]
    tests: tuple[str, ...]
    unneeded: tuple[str, ...] = ()


WINGS = {
    "engine": Wing(
        rooms=("combine", "evaluator", "interpreter", "interpreter_answer", "hops", "matching"),
        tests=(
            "tests/unit/intended_core/engine",
            "tests/property/test_two_meanings.py::test_compiled_engine_and_interpreter_agree",
            "tests/property/test_two_meanings_limits.py::test_compiled_engine_and_interpreter_agree",
            "tests/property/test_two_meanings_types.py::test_two_meanings_agree_and_err_only_as_documented",
        ),
        unneeded=("test_explain", "test_meanings", "test_cedar_meaning", "test_coverage", "test_offline"),
    ),
    "tokens": Wing(
        rooms=("tokens/codec", "tokens/claims", "tokens/verifier"),
        tests=(
            "tests/unit/intended_core/tokens/test_codec.py",
            "tests/unit/intended_core/tokens/test_claims.py",
            "tests/unit/intended_core/tokens/test_verifier.py",
            "tests/attacks/tokens/test_form.py",
            "tests/attacks/tokens/test_claims.py",
            "tests/attacks/tokens/test_algorithm_and_key.py",
        ),
    ),
    "flows": Wing(
        rooms=("flows/redeem", "flows/spending", "flows/standing", "flows/rows"),
        tests=(
            "tests/unit/intended_core/flows/test_redeem.py",
            "tests/unit/intended_core/flows/test_spending.py",
            "tests/unit/intended_core/flows/test_standing.py",
            "tests/unit/intended_core/flows/test_rows.py",
            "tests/unit/intended_core/flows/test_halt.py",
            "tests/unit/intended_core/flows/test_attempts.py",
            "tests/unit/intended_core/flows/test_refusals.py",
            "tests/unit/intended_core/flows/test_rollback.py",
            "tests/attacks/tokens/test_left_unspent.py",
            "tests/attacks/tokens/test_theft.py",
        ),
    ),
}
ROOMS = tuple(room for wing in WINGS.values() for room in wing.rooms)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one test did without a mutant: seconds, and the lines of each room that it reached."""

    seconds: float
    lines: dict[str, frozenset[int]]

    def notices(self, mutant: Mutant) -> bool:
        """Whether it reaches the place of the mutant."""
        first, last = mutant.reach
        return any(first <= line <= last for line in self.lines[mutant.room])


class Loop:
    """A pytest plugin: instead of running the tests once, run them once for each mutant, each time in a child."""

    def __init__(self, mutants: list[Mutant], workers: int, minutes: float) -> None:
        self.mutants = mutants
        self.workers = workers
        self.minutes = minutes
        self.tried: list[Mutant] = []
        self.survivors: list[Mutant] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Every mutant in turn; the test that killed the last one is tried first, then the quick ones."""
        if session.testsfailed:
            raise session.Failed("the tests could not be collected")
        _remember_checks()
        seen = self._learn(session)
        order = sorted(session.items, key=lambda item: seen[item.nodeid].seconds)
        limit = max(MIN_SECONDS, TIMES * sum(one.seconds for one in seen.values()))
        waiting = list(reversed(self.mutants))
        end = time.monotonic() + self.minutes * 60
        running: dict[int, tuple[Mutant, list[pytest.Item], mmap.mmap, float]] = {}
        while waiting or running:
            if time.monotonic() > end:
                waiting.clear()
            while waiting and len(running) < self.workers:
                mutant = waiting.pop()
                shown = [item for item in order if seen[item.nodeid].notices(mutant)]
                pid, place = self._start(session, shown, mutant)
                running[pid] = (mutant, shown, place, time.monotonic())
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                time.sleep(0.005)
                for late, (*_, begun) in running.items():
                    if time.monotonic() - begun > limit:
                        os.kill(late, signal.SIGKILL)
                continue
            mutant, shown, place, _ = running.pop(pid)
            self.tried.append(mutant)
            if status == 0:
                self.survivors.append(mutant)
                done = f"{len(self.tried)} of {len(self.mutants)}"
                print(f"survived ({done}): {mutant.room}.py:{mutant.line}: {mutant.name}", flush=True)
            elif shown:
                killer = shown[int.from_bytes(place[:4], "big")]
                order.remove(killer)
                quick = sum(seen[item.nodeid].seconds < QUICK_SECONDS for item in order)
                order.insert(0 if seen[killer.nodeid].seconds < QUICK_SECONDS else quick, killer)
        return True

    def _learn(self, session: pytest.Session) -> dict[str, Seen]:
        """Run every test once without a mutant."""
        found = {item.nodeid: _watched(session, item) for item in session.items}
        if session.testsfailed:
            raise session.Failed("the tests fail without a mutant")
        return found

    def _start(self, session: pytest.Session, order: list[pytest.Item], mutant: Mutant) -> tuple[int, mmap.mmap]:
        place = mmap.mmap(-1, 4)  # shared: the number of the test that is running
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                session.config.pluginmanager.unregister(name="terminalreporter")
                apply_mutant(mutant)
                code = 0 if _pass(session, order, place) else 1
            finally:
                os._exit(code)
        return pid, place


def _remember_checks() -> None:
    """Texts that tests check are checked once, before anything forks: what is checked is a value of its text, and no mutant touches it."""
    for name in ("check", "check_all"):
        real = getattr(checker, name)
        kept = functools.cache(real)
        for module in [one for label, one in sys.modules.items() if label.startswith("tests.") and vars(one).get(name) is real]:
            setattr(module, name, lambda sources, kept=kept: kept(tuple(sources)))


def _watched(session: pytest.Session, item: pytest.Item) -> Seen:
    begin = time.monotonic()
    forget(ROOMS)
    with Reached(path_of(room) for room in ROOMS) as reached:
        _pass(session, [item], mmap.mmap(-1, 4))
    lines = {room: frozenset(reached.lines[str(path_of(room))]) for room in ROOMS}
    return Seen(time.monotonic() - begin, lines)


def _pass(session: pytest.Session, order: list[pytest.Item], place: mmap.mmap) -> bool:
    for at, item in enumerate(order):
        place[:4] = at.to_bytes(4, "big")
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        if session.testsfailed:
            return False
    return True


def equivalent() -> dict[tuple[str, str], str]:
    """The mutants that mean the same, with the reason: lines of `room | name | reason`."""
    found: dict[tuple[str, str], str] = {}
    for line in EQUIVALENT.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            room, name, reason = (part.strip() for part in line.split(" | "))
            found[room, name] = reason
    return found


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier run printed of the rooms that it ran whole. `survivors`: room and name of each; `texts`: room, function, digest."""

    survivors: frozenset[tuple[str, str]]
    texts: frozenset[tuple[str, str, str]]

    @classmethod
    def of(cls, log: str) -> Earlier:
        """Read it."""
        survivors = {(found[1], found[2]) for found in re.finditer(r"survived \([^)]*\): ([\w/]+)\.py:\d+: (.*)", log)}
        texts = {(found[1], found[2], found[3]) for found in re.finditer(r"^text ([\w/]+): (\S+) (\w+)$", log, re.MULTILINE)}
        ended = {found[1] for found in re.finditer(r"^ *([\w/]+)\.py: killed \d+ of \d+ mutants  ", log, re.MULTILINE)}
        return cls(frozenset(survivors), frozenset(text for text in texts if text[0] in ended))

    def killed(self, mutant: Mutant) -> bool:
        """Whether it died then, in a function that reads as it did."""
        text = (mutant.room, mutant.function, texts_of(mutant.room)[mutant.function])
        return text in self.texts and (mutant.room, mutant.name) not in self.survivors


def _of_other_rooms(rooms: list[str]) -> list[Figure]:
    """What the file of results says of the rooms that were not run."""
    path = RESULTS / "mutation.json"
    known = [Figure(**one) for one in json.loads(path.read_text(encoding="utf-8"))["figures"]] if path.is_file() else []
    return [figure for figure in known if figure.name.partition(".py")[0] not in rooms]


def main(arguments: list[str] | None = None) -> int:
    """Run; 1 when a room has less than the target."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("rooms", nargs="*", default=None, help=f"of {', '.join(ROOMS)}; or a wing: {', '.join(WINGS)}")
    parser.add_argument("--limit", type=int, help="mutants of each room at most: a sample")
    parser.add_argument("--only", default="", help="mutants whose name holds this")
    parser.add_argument("--again", type=Path, help="not what this output of an earlier run says is killed")
    parser.add_argument("--minutes", type=float, default=60.0, help="then stop: what was tried by then is a sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    rooms = [room for name in options.rooms or WINGS for room in (WINGS[name].rooms if name in WINGS else (name,))]
    again = None if options.again is None else Earlier.of(options.again.read_text(encoding="utf-8"))
    known = equivalent()
    chosen: dict[str, list[Mutant]] = {}
    totals: dict[str, int] = {}
    killed_before: dict[str, int] = {}
    for room in rooms:
        every = mutants_of(room)
        names = {mutant.name for mutant in every}
        lost = [name for of, name in known if of == room and name not in names]
        if lost:
            raise SystemExit(f"{EQUIVALENT.name} names mutants that are no more: {lost}")
        real = [mutant for mutant in every if (room, mutant.name) not in known]
        totals[room] = len(real)
        random.Random(options.seed).shuffle(real)  # noqa: S311 - a sample, no secret
        killed_before[room] = 0 if again is None else sum(again.killed(one) for one in real)
        wanted = [one for one in real if options.only in one.name and (again is None or not again.killed(one))]
        chosen[room] = wanted[: options.limit]
        for name, text in texts_of(room).items():
            print(f"text {room}: {name} {text}", flush=True)
    hypothesis.settings.register_profile(
        "mutation", derandomize=True, deadline=None, database=None, max_examples=15,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate), suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"
    mixed = [mutant for room in rooms for mutant in chosen[room]]
    random.Random(options.seed).shuffle(mixed)  # noqa: S311
    loop = Loop(mixed, options.workers, options.minutes)
    wings = [wing for wing in WINGS.values() if set(wing.rooms) & set(rooms)]
    skipped = " and ".join(f"not {word}" for wing in wings for word in wing.unneeded)
    quiet = ["-q", "-q", "--no-header", "--no-summary", "--tb=no", "-p", "no:cacheprovider", "--timeout=0"]
    status = pytest.main([*(test for wing in wings for test in wing.tests), "-k", skipped, "-m", "not slow", *quiet], plugins=[loop])
    if status not in (0, 5):
        return 2
    return 0 if _report(loop, totals, known, killed_before) else 1


def _report(loop: Loop, totals: dict[str, int], known: dict[tuple[str, str], str], killed_before: dict[str, int]) -> bool:
    """Print what came out and write what is whole; whether every room reached the target."""
    results = Results("mutation")
    whole: list[str] = []
    met = True
    print()
    for room, total in totals.items():
        tried, missed = (sum(mutant.room == room for mutant in some) for some in (loop.tried, loop.survivors))
        tried += killed_before[room]
        same = {name: reason for (of, name), reason in known.items() if of == room}
        for name, reason in same.items():
            print(f"  means the same: {room}: {name}: {reason}")
        killed = 100 * (tried - missed) / max(tried, 1)
        counted = f"{tried - missed} of {tried} mutants" + ("" if tried == total else f", a sample of {total}")
        met &= results.figure(f"{room}.py: killed {counted}", killed, "%", f"≥ {TARGET:g}", killed >= TARGET).met is True
        if tried == total:
            whole.append(room)
            strictly = 100 * (tried - missed) / (tried + len(same))
            results.figure(f"{room}.py: with the {len(same)} that mean the same counted as survivors", strictly, "%")
    results.figures = [figure for figure in results.figures if figure.name.partition(".py")[0] in whole]
    if whole:
        results.figures += _of_other_rooms(whole)
        results.figures.sort(key=lambda figure: ROOMS.index(figure.name.partition(".py")[0]))
        print(results.write())
    return met


if __name__ == "__main__":
    sys.exit(main())
