"""A driver that breaks one chosen effect of a flow in one chosen way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import anyio

from intended_core.aio import AsyncTenantAuthority, Threads
from intended_core.authority import TenantAuthority
from intended_core.errors import KeyRingError, StoreError
from intended_core.flows.effects import Context, Effect, Flow
from intended_core.flows.runtime import Runtime, drive
from tests.reference.flow_world import World


class Crash(BaseException):
    """The process is gone: nothing after this point runs."""


Fault = Callable[[World, Effect], Any]
Driver = Callable[[Runtime, Context, Flow[Any]], Any]


def _error(_world: World, _effect: Effect) -> Any:
    raise StoreError("broken on purpose")


def _operator(_world: World, _effect: Effect) -> Any:
    raise KeyRingError("broken on purpose")


def _lost(world: World, effect: Effect) -> Any:
    world.runtime.perform(effect, world.context)
    raise StoreError("the answer got lost")


def _nothing(_world: World, _effect: Effect) -> Any:
    return None


def _nonsense(_world: World, _effect: Effect) -> Any:
    return b"nonsense"


def _nonsense_after(world: World, effect: Effect) -> Any:
    world.runtime.perform(effect, world.context)
    return b"nonsense"


def _crash(_world: World, _effect: Effect) -> Any:
    raise Crash


def _crash_after(world: World, effect: Effect) -> Any:
    world.runtime.perform(effect, world.context)
    raise Crash


def twice(world: World, effect: Effect) -> Any:
    """The effect happens twice and the second answer counts: a store or a network that repeats."""
    world.runtime.perform(effect, world.context)
    return world.runtime.perform(effect, world.context)


FAULTS: dict[str, Fault] = {
    "error": _error,
    "operator-error": _operator,
    "answer-lost": _lost,
    "no-answer": _nothing,
    "wrong-answer": _nonsense,
    "wrong-answer-after": _nonsense_after,
    "crash-before": _crash,
    "crash-after": _crash_after,
}


@dataclass(frozen=True)
class Run:
    """How a flow ended: its result, or what it raised; and whether the chosen effect was reached at all."""

    result: Any
    error: BaseException | None
    reached: Effect | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRuntime(Runtime):
    """The adapters of a world, of which one answers effect number `at` (from 0) as `fault` says."""

    world: World
    at: int
    fault: Fault
    seen: list[Effect]

    def _perform(self, effect: Effect, context: Context) -> Any:
        self.seen.append(effect)
        if len(self.seen) == self.at + 1:
            return self.fault(self.world, effect)
        return Runtime._perform(self, effect, context)


def sync(runtime: Runtime, context: Context, flow: Flow[Any]) -> Any:
    """The driver of `TenantAuthority`."""
    return drive(runtime, context, flow)


def on_a_loop(backend: str) -> Driver:
    """The driver of `AsyncTenantAuthority`, on an event loop of this backend."""

    def driven(runtime: Runtime, context: Context, flow: Flow[Any]) -> Any:
        tenant = AsyncTenantAuthority(TenantAuthority(runtime=runtime, context=context), Threads(1))
        return anyio.run(tenant.call, lambda each: each.run(flow), backend=backend)

    return driven


DRIVERS: dict[str, Driver] = {"sync": sync, "asyncio": on_a_loop("asyncio"), "trio": on_a_loop("trio")}


def run(world: World, flow: Flow[Any], *, at: int, fault: Fault, driver: str = "sync") -> Run:
    """Drive `flow` as an authority does, and let `fault` answer effect number `at` (from 0)."""
    honest = world.runtime
    adapters = {each.name: getattr(honest, each.name) for each in fields(Runtime)}
    broken = BrokenRuntime(**adapters, world=world, at=at, fault=fault, seen=[])
    result, error = None, None
    try:
        result = DRIVERS[driver](broken, world.context, flow)
    except (Crash, Exception) as raised:
        error = raised
    return Run(result, error, broken.seen[at] if len(broken.seen) > at else None)
