"""The driver: answers are looked at, foreign exceptions are wrapped, a seal opens again, and after the deadline nothing unshielded runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import pytest

from intended_core.clock import ManualClock
from intended_core.errors import AdapterError, IntendedError, KeyRingError, StoreBusyError, StoreError, UnitRefusedError
from intended_core.flows import cache
from intended_core.flows.cache import StateCache
from intended_core.flows.effects import (
    Commit,
    Context,
    Effect,
    Flow,
    LoadEntities,
    LoadState,
    Now,
    Random,
    ReadHead,
    ReadRecords,
    Seal,
)
from intended_core.flows.runtime import Runtime, drive
from intended_core.flows.tenant import mac_place
from intended_core.lang.checker import check
from intended_core.lang.source import Source
from intended_core.unit import Changes, Unit
from tests.reference.flow_world import NOW_US, MemoryKeyEncryption, World


def with_(world: World, **changed: Any) -> Runtime:
    return replace(world.runtime, **changed)


class Short:
    def token_bytes(self, size: int) -> bytes:
        return b"r" * (size - 1)


class Raising:
    """Stands for any adapter that raises something of its own."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_given: Any, **_named: Any) -> Any:
            raise self.error

        return fail


class Forgetful(MemoryKeyEncryption):
    """Wraps, and cannot unwrap what it wrapped."""

    def wrap(self, data_key: bytes, aad: bytes) -> bytes:
        return super().wrap(data_key, aad + b"!")


def test_an_effect_is_answered_by_its_adapter(world: World) -> None:
    runtime, context = world.runtime, world.context
    assert runtime.perform(Now(), context) == NOW_US
    assert len(runtime.perform(Random(7), context)) == 7
    head = runtime.perform(ReadHead(context.scope), context)
    assert context.mac.check_head(context.scope, head) == head
    records = runtime.perform(ReadRecords(context.scope, 1, 3), context)
    assert [record.seq for record in records] == [1, 2]
    [first] = {
        record.thread for record in runtime.perform(ReadRecords(context.scope, thread=world.threads[0]), context)
    }
    assert first == world.threads[0]


@pytest.mark.parametrize(
    "error", [OSError("x"), ValueError("x"), KeyError("x"), RuntimeError("x"), MemoryError(), ZeroDivisionError()]
)
def test_a_foreign_exception_is_an_adapters_fault_without_its_text(world: World, error: Exception) -> None:
    broken = with_(world, storage=Raising(error))
    with pytest.raises(AdapterError) as raised:
        broken.perform(ReadHead(world.context.scope), world.context)
    assert str(raised.value) == f"ReadHead failed ({type(error).__name__})"
    assert raised.value.__suppress_context__


def test_one_of_our_errors_passes_as_it_is(world: World) -> None:
    for error in (StoreError("full"), KeyRingError("gone")):
        with pytest.raises(type(error)) as raised:
            with_(world, storage=Raising(error)).perform(ReadHead(world.context.scope), world.context)
        assert raised.value is error


def test_too_little_randomness_is_refused(world: World) -> None:
    with pytest.raises(AdapterError):
        with_(world, randomness=Short()).perform(Random(16), world.context)


def test_a_seal_that_does_not_open_again_is_refused(world: World) -> None:
    effect = Seal(mac_place(world.context.scope), b"secret")
    assert world.runtime.perform(effect, world.context)
    with pytest.raises(KeyRingError):
        with_(world, kek=Forgetful()).perform(effect, world.context)


def test_no_entities_without_a_schema(world: World) -> None:
    world.found_another()
    with pytest.raises(AdapterError, match="active policy"):
        world.runtime.perform(LoadEntities(world.new.scope, frozenset()), world.new)


def test_a_runtime_shows_nothing_of_its_adapters(world: World) -> None:
    assert repr(world.runtime) == "Runtime(<adapters>)"
    assert {each.name for each in fields(Runtime)} >= {"kek", "signer"}


def test_what_an_effect_raises_is_thrown_into_the_flow(world: World) -> None:
    def flow(context: Context) -> Flow[str]:
        try:
            yield ReadHead(context.scope)
        except StoreError as error:
            return str(error)
        return "no error"

    assert drive(with_(world, storage=Raising(StoreError("gone"))), world.context, flow(world.context)) == "gone"


def test_a_flow_that_does_not_catch_ends_the_call(world: World) -> None:
    def flow(context: Context) -> Flow[None]:
        yield ReadHead(context.scope)

    with pytest.raises(StoreError, match="gone"):
        drive(with_(world, storage=Raising(StoreError("gone"))), world.context, flow(world.context))


def late(context: Context, unit: Unit, *, shielded: bool) -> Flow[list[str]]:
    ended = []
    effects: tuple[Effect, ...] = (Now(), Random(1), Commit(unit, shielded=shielded))
    for effect in effects:
        try:
            yield effect
            ended.append("done")
        except IntendedError as error:
            ended.append(type(error).__name__)
    return ended


class Slow(ManualClock):
    """Each look at the time takes a second."""

    def now_us(self) -> int:
        self.advance(seconds=1)
        return super().now_us()


@pytest.mark.parametrize(("shielded", "last"), [(False, "StoreBusyError"), (True, "UnitRefusedError")])
def test_after_the_deadline_only_a_shielded_commit_still_runs(world: World, shielded: bool, last: str) -> None:
    unit = Unit(world.context.scope, _refuse)
    runtime = with_(world, clock=Slow(NOW_US))
    assert drive(runtime, world.context, late(world.context, unit, shielded=shielded), seconds=0.5) == [
        "done",
        "StoreBusyError",
        last,
    ]
    assert drive(runtime, world.context, late(world.context, unit, shielded=shielded), seconds=1.0)[1:] == [
        "done",
        "UnitRefusedError",
    ]


def test_the_deadline_of_the_settings_holds_where_none_is_given(world: World) -> None:
    context = replace(world.context, settings=replace(world.context.settings, flow_deadline_seconds=0.5))
    ended = drive(
        with_(world, clock=Slow(NOW_US)), context, late(context, Unit(context.scope, _refuse), shielded=False)
    )
    assert ended == ["done", StoreBusyError.__name__, StoreBusyError.__name__]


class Ticking(ManualClock):
    """A clock that others move."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at


class SlowCheck:
    """Checking takes ten seconds of this clock."""

    def __init__(self, clock: Ticking) -> None:
        self.clock = clock

    def __call__(self, sources: Sequence[Source]) -> object:
        self.clock.at += 10.0
        return check(sources)


class SlowStore:
    """Reading takes ten seconds of this clock."""

    def __init__(self, store: object, clock: Ticking) -> None:
        self.store, self.clock = store, clock

    def __getattr__(self, name: str) -> object:
        if name == "scan":
            self.clock.at += 10.0
        return getattr(self.store, name)


def loading(context: Context) -> Flow[str]:
    yield LoadState(context.scope, fresh=True)
    try:
        yield Now()
    except IntendedError as error:
        return type(error).__name__
    return "in time"


def test_making_a_policy_set_ready_is_no_delay_of_the_caller(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first authorize over a large set: the deadline is for the store and the signer, not for what this process does once."""
    clock = Ticking(NOW_US)
    monkeypatch.setattr(cache, "_checked", SlowCheck(clock))
    monkeypatch.setattr(cache, "cached_set", lambda *_, **__: None)
    runtime = with_(world, clock=clock, states=StateCache(world.store, monotonic=clock.monotonic))
    assert drive(runtime, world.context, loading(world.context)) == "in time"
    assert clock.at == 10.0


def test_a_store_that_is_slow_is_one(world: World) -> None:
    clock = Ticking(NOW_US)
    slow: Any = SlowStore(world.store, clock)
    runtime = with_(world, clock=clock, states=StateCache(slow, monotonic=clock.monotonic))
    assert drive(runtime, world.context, loading(world.context)) == "StoreBusyError"


def test_making_a_set_has_a_bound_of_its_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Ticking(NOW_US)
    monkeypatch.setattr(cache, "_checked", SlowCheck(clock))
    monkeypatch.setattr(cache, "cached_set", lambda *_, **__: None)
    context = replace(world.context, settings=replace(world.context.settings, flow_deadline_seconds=1.0, operator_deadline_seconds=8.0))
    runtime = with_(world, clock=clock, states=StateCache(world.store, monotonic=clock.monotonic))
    assert drive(runtime, context, loading(context)) == "StoreBusyError"


def _refuse(_view: object) -> Changes:
    raise UnitRefusedError("test", "reached the store")
