"""A store may run a unit's `decide` more than once, over the same picture or over one that was never written: what counts is the last."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from intended_core.errors import IntendedError
from intended_core.flows.effects import Commit, Effect, Flow
from intended_core.unit import Changes, UnitView
from tests.faults import test_due_effects, test_every_effect, test_lifecycle_effects, test_metered_effects
from tests.faults.fault_world import run
from tests.reference.flow_world import World

Made = Callable[[], tuple[World, Callable[[World], Flow[Any]]]]


def _of(module: Any, name: str) -> Made:
    return lambda: (module.world(), module.FLOWS[name])


def _of_lifecycle(name: str) -> Made:
    def made() -> tuple[World, Callable[[World], Flow[Any]]]:
        here, names = test_lifecycle_effects.prepared()
        return here, lambda w: test_lifecycle_effects.FLOWS[name](w, w.context, names)

    return made


ALL: dict[str, Made] = {
    f"{place}-{name}": _of(module, name)
    for place, module in (("every", test_every_effect), ("due", test_due_effects), ("metered", test_metered_effects))
    for name in sorted(module.FLOWS)  # type: ignore[attr-defined]
} | {f"lifecycle-{name}": _of_lifecycle(name) for name in sorted(test_lifecycle_effects.FLOWS)}


def again(world: World, effect: Effect) -> Any:
    """As it is, but what a unit decides first is thrown away, and it decides anew: as after a batch that was rolled back."""
    if isinstance(effect, Commit):
        unit = effect.unit

        def decide(view: UnitView) -> Changes:
            with suppress(IntendedError):
                unit.decide(view)
            return unit.decide(view)

        effect = replace(effect, unit=replace(unit, decide=decide))
    return world.runtime.perform(effect, world.context)


def once(world: World, effect: Effect) -> Any:
    return world.runtime.perform(effect, world.context)


def ending(here: World, flow: Callable[[World], Flow[Any]], *, at: int, fault: Callable[[World, Effect], Any]) -> tuple[object, ...]:
    """What came out, which records were written and what became of every row, without what is drawn anew each time."""
    here.restore()
    before = len(here.data().records)
    ended = run(here, flow(here), at=at, fault=fault)
    here.check()
    rows = sorted((row.kind, row.version, row.state) for row in here.data().rows.values())
    error = None if ended.error is None else (type(ended.error), getattr(ended.error, "code", None))
    return ended.reached is None, type(ended.result), error, here.kinds(before), rows


@pytest.mark.parametrize("name", sorted(ALL))
def test_what_is_decided_again_is_decided_the_same(name: str) -> None:
    here, flow = ALL[name]()
    at = 0
    while True:
        expected = ending(here, flow, at=at, fault=once)
        if expected[0]:
            break
        assert ending(here, flow, at=at, fault=again) == expected, f"{name}, effect {at}"
        at += 1
    assert at
