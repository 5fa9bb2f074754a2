"""Two processes on one model store, whose flows are interleaved effect by effect in every way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from intended_core.errors import IntendedError
from intended_core.flows.cache import EntityCache, StateCache
from intended_core.flows.effects import (
    Commit,
    Context,
    Draw,
    Effect,
    Flow,
    GenerateKey,
    Now,
    Random,
    Rewrap,
    Seal,
    Sign,
    Unseal,
)
from intended_core.flows.runtime import Runtime
from tests.reference.flow_world import World

LOCAL = Now | Random | Draw | Sign | GenerateKey | Seal | Unseal | Rewrap  # what no other process can see or change: no place to switch at


@dataclass
class Process:
    """One process with a memory of its own: what it read before the race began, it may still believe."""

    runtime: Runtime
    context: Context

    @classmethod
    def of(cls, world: World, warm: Process | None = None) -> Process:
        """A process on the world's store; with what `warm` remembers, where it is given."""
        states, entities = StateCache(world.store), EntityCache(world.store)
        if warm is not None:
            states._states.update(warm.runtime.states._states)
            states._policies.update(warm.runtime.states._policies)
            entities._versions.update(warm.runtime.entities._versions)
            entities._snapshots.update(warm.runtime.entities._snapshots)
        return cls(replace(world.runtime, states=states, entities=entities), world.context)


@dataclass
class Running:
    """A flow on its way. It stands before an effect that others can see, or it has ended."""

    process: Process
    flow: Flow[Any]
    effect: Effect | None = None
    result: Any = None
    error: IntendedError | None = None
    commits: int = 0

    def start(self) -> None:
        """Go on to the first effect that matters."""
        self._take(lambda: next(self.flow))

    def finish(self) -> None:
        """Run to the end, with nobody in between."""
        self.start()
        while self.effect is not None:
            self.step()

    def step(self) -> None:
        """Perform the effect, and what is local after it."""
        effect = self.effect
        assert effect is not None
        self.commits += isinstance(effect, Commit)
        try:
            answer = self.process.runtime.perform(effect, self.process.context)
        except IntendedError as raised:
            error = raised
            self._take(lambda: self.flow.throw(error))
        else:
            self._take(lambda: self.flow.send(answer))

    def _take(self, resume: Callable[[], Effect]) -> None:
        try:
            self.effect = resume()
        except StopIteration as done:
            self.effect, self.result = None, done.value
        except IntendedError as raised:
            self.effect, self.error = None, raised
        if isinstance(self.effect, LOCAL):
            self.step()


@dataclass
class Ended:
    """How one schedule went: whose turn it was each time, and where the other could have had it."""

    turns: list[int] = field(default_factory=list)
    free: list[bool] = field(default_factory=list)


def play(running: tuple[Running, Running], prefix: tuple[int, ...]) -> Ended:
    """Follow `prefix`; after it the first process runs while it can."""
    ended = Ended()
    for each in running:
        each.start()
    while any(each.effect is not None for each in running):
        alive = [number for number, each in enumerate(running) if each.effect is not None]
        at = len(ended.turns)
        turn = prefix[at] if at < len(prefix) else alive[0]
        ended.turns.append(turn)
        ended.free.append(len(alive) == 2)
        running[turn].step()
    return ended


def schedules(execute: Callable[[tuple[int, ...]], Ended], *, at_most: int) -> Iterator[Ended]:
    """Every schedule once, by trying the other process wherever both could go on; raises when there are more than `at_most`."""
    waiting: list[tuple[int, ...]] = [()]
    count = 0
    while waiting:
        prefix = waiting.pop()
        count += 1
        if count > at_most:
            raise AssertionError(f"more than {at_most} schedules: raise the bound or look for a flow that never ends")
        ended = execute(prefix)
        for at in range(len(prefix), len(ended.turns)):
            if ended.free[at]:
                waiting.append((*ended.turns[:at], 1 - ended.turns[at]))
        yield ended


def picture(world: World, running: tuple[Running, Running]) -> tuple[object, ...]:
    """What a race came to, without names and times: both answers, the rows by kind and state, the records by kind."""
    return (*(answer(each) for each in running), *left(world))


def left(world: World) -> tuple[object, ...]:
    """What stands in the store, without names and times."""
    # In how many shards of the requests' roster a few random ids fall is chance.
    rows = Counter(
        (row.kind, row.state)
        for row in world.data().rows.values()
        if row.kind != "snapshot" and (row.kind, row.state) != ("approval", "STANDS")
    )
    return (frozenset(rows.items()), frozenset(Counter(world.kinds()).items()))


def answer(ended: Running) -> str:
    """The kind of an answer: the type, and the class or code where it has one."""
    value = ended.result if ended.error is None else ended.error
    detail = getattr(value, "kind", None) or getattr(value, "code", None) or getattr(value, "state", None) or ""
    return f"{type(value).__name__} {detail}".strip()
