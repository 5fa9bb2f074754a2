"""Mutation testing of the engine: small faults are put into a room, and the tests of the engine must notice each.

    python -m scripts.mutate                       the rooms of ROOMS, all mutants
    python -m scripts.mutate combine               one room, all mutants
    python -m scripts.mutate combine --limit 50    one room, a seeded sample
    python -m scripts.mutate --minutes 5           a seeded sample of all rooms, as large as the time allows
    python -m scripts.mutate --again run.log       the survivors that an earlier run printed

A room that was run whole goes into bench/results/mutation.json, beside what stands there of the others; a sample is printed only.
The tests are collected once. Each mutant then lives in a forked child: the functions of the room get the mutant's code, and the tests run
until the first one fails. A mutant is killed by a failing test, a crash or a timeout. What is left out: prose (texts with a blank in them),
docstrings, annotations, and what stands at the top of a room but numbers. Mutants that mean what the original means are listed with their
reason in scripts/mutants_equivalent.txt, printed, and leave the count; a second figure counts them as survivors.
"""

from __future__ import annotations

import argparse
import ast
import copy
import functools
import importlib
import json
import mmap
import os
import random
import re
import signal
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from bench.harness import RESULTS, Figure, Results

__all__ = ["ROOMS", "Mutant", "main", "mutants_of"]

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / "src" / "intended_core" / "engine"
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.txt")
ROOMS = ("combine", "evaluator", "interpreter", "interpreter_answer", "hops", "matching")
TARGET = 95.0
MIN_SECONDS = 30.0  # of one mutant; or TIMES what the tests took without a mutant on this machine, so that a busy one kills nobody
TIMES = 8
TESTS = (
    "tests/unit/intended_core/engine",
    "tests/property/test_two_meanings.py::test_compiled_engine_and_interpreter_agree",
    "tests/property/test_two_meanings_limits.py::test_compiled_engine_and_interpreter_agree",
    "tests/property/test_two_meanings_types.py::test_two_meanings_agree_and_err_only_as_documented",
)
UNNEEDED = ("test_explain", "test_meanings", "test_cedar_meaning", "test_coverage", "test_offline")
FLIPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.RShift: ast.LShift, ast.LShift: ast.RShift, ast.Pow: ast.Mult,
}  # fmt: skip
NAMES = {"any": "all", "all": "any", "max": "min", "min": "max"}
REMOVED = (ast.Expr, ast.AugAssign, ast.Raise, ast.Continue, ast.Break)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One fault and where it stands. `name`: function, the code before and after, never a line number."""

    room: str
    name: str
    line: int
    place: int
    change: int


def mutants_of(room: str) -> list[Mutant]:
    """Every mutant of a room of the engine, in the order of the text."""
    found: list[Mutant] = []
    seen: dict[str, int] = {}
    for place, (node, function) in enumerate(_nodes(_parsed(room))):
        for change, new in enumerate(_changes(node)):
            name = f"{function}: {_text(node)} -> {_text(new)}"
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > 1:
                name += f" #{seen[name]}"
            found.append(Mutant(room=room, name=name, line=node.lineno, place=place, change=change))
    return found


@functools.cache
def _source(room: str) -> str:
    """The text as it was at first: who edits the room meanwhile changes no mutant of this run."""
    return (ENGINE / f"{room}.py").read_text(encoding="utf-8")


def _parsed(room: str) -> ast.Module:
    return ast.parse(_source(room))


def _mutated(mutant: Mutant) -> ast.Module:
    tree = _parsed(mutant.room)
    node, _ = list(_nodes(tree))[mutant.place]
    _put(tree, node, list(_changes(node))[mutant.change])
    return ast.fix_missing_locations(tree)


def _text(node: ast.AST) -> str:
    return ast.unparse(node).split("\n", 1)[0]


def _nodes(tree: ast.Module) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    """The nodes inside functions, and the numbers at the top, each with the function that it stands in."""
    for item in tree.body:
        if isinstance(item, ast.FunctionDef):
            yield from _inside(item, item.name)
        elif isinstance(item, ast.ClassDef):
            for method in item.body:
                if isinstance(method, ast.FunctionDef):
                    yield from _inside(method, f"{item.name}.{method.name}")
        elif isinstance(item, ast.AnnAssign) and item.value is not None and item.target.id.isupper():  # type: ignore[union-attr]
            for node in ast.walk(item.value):
                if isinstance(node, ast.Constant | ast.BinOp) and not isinstance(getattr(node, "value", 0), str | bool):
                    yield node, item.target.id  # type: ignore[union-attr]


def _inside(function: ast.FunctionDef, name: str) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    for default in (*function.args.defaults, *(item for item in function.args.kw_defaults if item is not None)):
        yield from ((node, name) for node in _walk(default))
    for statement in body:
        yield from ((node, name) for node in _walk(statement))


def _walk(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    if isinstance(node, ast.JoinedStr):
        return
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child)


def _changes(node: ast.expr | ast.stmt) -> Iterator[ast.AST]:
    """What may stand in the place of `node`, each a fault."""
    match node:
        case ast.Compare(ops=ops):
            for at, operator in enumerate(ops):
                yield _with(node, ops=[*ops[:at], FLIPS[type(operator)](), *ops[at + 1 :]])
        case ast.BoolOp(op=operator, values=values):
            yield _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
            for at in range(len(values)):
                rest = [*values[:at], *values[at + 1 :]]
                yield rest[0] if len(rest) == 1 else _with(node, values=rest)
        case ast.BinOp(op=operator) if type(operator) in FLIPS:
            yield _with(node, op=FLIPS[type(operator)]())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=bool() as value):
            yield _with(node, value=not value)
        case ast.Constant(value=int() as value):
            yield _with(node, value=value + 1)
            if value > 0:
                yield _with(node, value=value - 1)
        case ast.Constant(value=str() as value) if " " not in value:
            yield _with(node, value=value + "x")
        case ast.IfExp(test=test):
            yield _with(node, test=_not(test))
        case ast.If(test=test):
            yield _with(node, test=_not(test))
            if not isinstance(test, ast.Compare | ast.UnaryOp | ast.Call):
                yield _with(node, test=ast.Constant(value=True))
        case ast.Return(value=value) if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield _with(node, value=ast.Constant(value=None))
        case ast.GeneratorExp(generators=[loop]) | ast.ListComp(generators=[loop]) if loop.ifs:
            yield _with(node, generators=[_with(loop, ifs=[_not(loop.ifs[0]), *loop.ifs[1:]])])
        case ast.Call(func=ast.Name(id=name)) if name in NAMES:
            yield _with(node, func=ast.Name(id=NAMES[name], ctx=ast.Load()))
        case ast.Call(args=args) if len(args) > 1 and not any(isinstance(item, ast.Starred) for item in args):
            for at in range(len(args) - 1):
                yield _with(node, args=[*args[:at], args[at + 1], args[at], *args[at + 2 :]])
        case ast.Assign(targets=[ast.Subscript()]):
            yield ast.copy_location(ast.Pass(), node)
        case _ if isinstance(node, REMOVED):
            yield ast.copy_location(ast.Pass(), node)


def _not(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(op=ast.Not(), operand=test)


def _with(node: ast.AST, **fields: object) -> ast.AST:
    made = copy.copy(node)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def _put(tree: ast.Module, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            if isinstance(value, list):
                for at, item in enumerate(value):
                    if item is old:
                        value[at] = new
                        return
    raise AssertionError("a node without a place")


def _apply(mutant: Mutant) -> None:
    """Put the mutant's code into the functions of the room that everybody has imported already."""
    module = importlib.import_module(f"intended_core.engine.{mutant.room}")
    fresh = types.ModuleType(module.__name__)
    fresh.__dict__["__file__"] = module.__file__
    sys.modules[module.__name__] = fresh  # dataclasses look their module up
    try:
        exec(compile(_mutated(mutant), str(module.__file__), "exec"), fresh.__dict__)  # noqa: S102 - our own source with one fault
    finally:
        sys.modules[module.__name__] = module
    for name, made in vars(fresh).items():
        known = vars(module).get(name)
        if getattr(made, "__module__", None) != module.__name__:
            if isinstance(made, int) and not isinstance(made, bool):
                setattr(module, name, made)
            continue
        if isinstance(made, types.FunctionType) and isinstance(known, types.FunctionType):
            _transplant(made, known)
        elif isinstance(made, type) and isinstance(known, type):
            for key, method in vars(made).items():
                if isinstance(method, types.FunctionType) and isinstance(vars(known).get(key), types.FunctionType):
                    _transplant(method, vars(known)[key])


def _transplant(made: types.FunctionType, known: types.FunctionType) -> None:
    if made.__code__.co_freevars == known.__code__.co_freevars:
        known.__code__ = made.__code__
    plain = {name: value for name, value in (made.__kwdefaults__ or {}).items() if isinstance(value, int | str | type(None))}
    known.__kwdefaults__ = {**(known.__kwdefaults__ or {}), **plain} or None


class Loop:
    """A pytest plugin: instead of running the tests once, run them once for each mutant, each time in a child."""

    def __init__(self, mutants: list[Mutant], workers: int, minutes: float) -> None:
        self.mutants = mutants
        self.workers = workers
        self.minutes = minutes
        self.tried: list[Mutant] = []
        self.survivors: list[Mutant] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Every mutant in turn; the test that killed the last one is tried first of its kind, plain tests before properties."""
        if session.testsfailed:
            raise session.Failed("the tests could not be collected")
        order = sorted(session.items, key=_is_slow)
        begin = time.monotonic()
        pid, _ = self._start(session, order, None)
        if os.waitpid(pid, 0)[1] != 0:
            raise session.Failed("the tests fail without a mutant")
        limit = max(MIN_SECONDS, TIMES * (time.monotonic() - begin))
        waiting = list(reversed(self.mutants))
        end = time.monotonic() + self.minutes * 60
        running: dict[int, tuple[Mutant, list[pytest.Item], mmap.mmap, float]] = {}
        while waiting or running:
            if time.monotonic() > end:
                waiting.clear()
            while waiting and len(running) < self.workers:
                mutant = waiting.pop()
                pid, place = self._start(session, order, mutant)
                running[pid] = (mutant, list(order), place, time.monotonic())
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                time.sleep(0.01)
                for late, (*_, begun) in running.items():
                    if time.monotonic() - begun > limit:
                        os.kill(late, signal.SIGKILL)
                continue
            mutant, tried, place, _ = running.pop(pid)
            self.tried.append(mutant)
            if status == 0:
                self.survivors.append(mutant)
                done = f"{len(self.tried)} of {len(self.mutants)}"
                print(f"survived ({done}): {mutant.room}.py:{mutant.line}: {mutant.name}", flush=True)
            else:
                killer = tried[int.from_bytes(place[:4], "big")]
                order.remove(killer)
                slow = sum(not _is_slow(item) for item in order)
                order.insert(slow if _is_slow(killer) else 0, killer)
        return True

    def _start(self, session: pytest.Session, order: list[pytest.Item], mutant: Mutant | None) -> tuple[int, mmap.mmap]:
        place = mmap.mmap(-1, 4)  # shared: the number of the test that is running
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                if mutant is not None:
                    session.config.pluginmanager.unregister(name="terminalreporter")
                    _apply(mutant)
                code = 0 if _pass(session, order, place) else 1
            finally:
                os._exit(code)
        return pid, place


def _is_slow(item: pytest.Item) -> bool:
    """A property takes as long as a hundred plain tests: it never goes before one."""
    return "/property/" in str(item.path)


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


def survivors_of(log: str) -> set[tuple[str, str]]:
    """Room and name of each survivor that a run printed."""
    return {(found[1], found[2]) for found in re.finditer(r"survived \([^)]*\): (\w+)\.py:\d+: (.*)", log)}


def _of_other_rooms(rooms: list[str]) -> list[Figure]:
    """What the file of results says of the rooms that were not run."""
    path = RESULTS / "mutation.json"
    known = [Figure(**one) for one in json.loads(path.read_text(encoding="utf-8"))["figures"]] if path.is_file() else []
    return [figure for figure in known if figure.name.partition(".py")[0] not in rooms]


def main(arguments: list[str] | None = None) -> int:
    """Run; 1 when a room has less than the target."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("rooms", nargs="*", default=None, help=f"of {', '.join(ROOMS)}")
    parser.add_argument("--limit", type=int, help="mutants of each room at most: a sample")
    parser.add_argument("--only", default="", help="mutants whose name holds this")
    parser.add_argument("--again", type=Path, help="only the survivors that this output of an earlier run names")
    parser.add_argument("--minutes", type=float, default=60.0, help="then stop: what was tried by then is a sample")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    rooms = options.rooms or list(ROOMS)
    again = None if options.again is None else survivors_of(options.again.read_text(encoding="utf-8"))
    known = equivalent()
    chosen: dict[str, list[Mutant]] = {}
    totals: dict[str, int] = {}
    for room in rooms:
        every = mutants_of(room)
        names = {mutant.name for mutant in every}
        lost = [name for of, name in known if of == room and name not in names]
        if lost:
            raise SystemExit(f"{EQUIVALENT.name} names mutants that are no more: {lost}")
        real = [mutant for mutant in every if (room, mutant.name) not in known]
        totals[room] = len(real)
        random.Random(options.seed).shuffle(real)  # noqa: S311 - a sample, no secret
        wanted = [one for one in real if options.only in one.name and (again is None or (room, one.name) in again)]
        chosen[room] = wanted[: options.limit]
    hypothesis.settings.register_profile(
        "mutation", derandomize=True, deadline=None, database=None, max_examples=15,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate), suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"
    mixed = [mutant for room in rooms for mutant in chosen[room]]
    random.Random(options.seed).shuffle(mixed)  # noqa: S311
    loop = Loop(mixed, options.workers, options.minutes)
    skipped = " and ".join(f"not {word}" for word in UNNEEDED)
    quiet = ["-q", "-q", "--no-header", "--no-summary", "--tb=no", "-p", "no:cacheprovider", "--timeout=0"]
    status = pytest.main([*TESTS, "-k", f"{skipped}", "-m", "not slow", *quiet], plugins=[loop])
    if status not in (0, 5):
        return 2
    return 0 if _report(loop, {room: total for room, total in totals.items() if chosen[room]}, known) else 1


def _report(loop: Loop, totals: dict[str, int], known: dict[tuple[str, str], str]) -> bool:
    """Print what came out and write what is whole; whether every room reached the target."""
    results = Results("mutation")
    whole: list[str] = []
    met = True
    print()
    for room, total in totals.items():
        tried, missed = (sum(mutant.room == room for mutant in some) for some in (loop.tried, loop.survivors))
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
