"""Meters and obligations as the engine runs them: each part a compiled expression over the arguments of a condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from intended_core.canonical import Json
from intended_core.lang.codegen import Compiled, compile_condition
from intended_core.lang.typed import Meter, MeterTest, Oblige
from intended_core.lang.types import DECIMAL
from intended_core.lang.wire import wire_of

__all__ = ["CompiledMeter", "CompiledOblige", "CompiledTest", "compile_meters", "compile_oblige", "compile_test"]

Wire: TypeAlias = Callable[[Any], Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledMeter:
    """A meter for one action. `key`: each part with the function that writes its value. `scaled`: amounts are Decimals."""

    name: str
    window: str
    zone: Compiled | None
    length_ms: int
    scaled: bool
    key: tuple[tuple[Compiled, Wire], ...]
    session: tuple[Compiled, Wire] | None
    amount: Compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTest:
    """`meter > ceiling`."""

    meter: str
    ceiling: Compiled
    scaled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledOblige:
    """An obligation that a rule imposes; each value with the function that writes it."""

    name: str
    phase: Literal["before", "after"]
    values: tuple[tuple[str, Compiled, Wire], ...]


def compile_meters(meters: Mapping[str, Meter]) -> dict[str, tuple[CompiledMeter, ...]]:
    """The meters of each action that any of them counts, by name."""
    made: dict[str, list[CompiledMeter]] = {}
    for _, meter in sorted(meters.items()):
        for action, body in meter.bodies.items():
            made.setdefault(action, []).append(
                CompiledMeter(
                    name=meter.name, window=meter.window,
                    zone=None if meter.zone is None else compile_condition([meter.zone]),
                    length_ms=meter.length_ms, scaled=meter.unit == DECIMAL,
                    key=tuple((compile_condition([part]), wire_of(part.type)) for part in body.key),
                    session=None if body.session is None
                    else (compile_condition([body.session]), wire_of(body.session.type)),
                    amount=compile_condition([body.amount]),
                )
            )  # fmt: skip
    return {action: tuple(listed) for action, listed in made.items()}


def compile_test(test: MeterTest | None) -> CompiledTest | None:
    """The clause `meter m > ceiling` of a rule."""
    if test is None:
        return None
    return CompiledTest(
        meter=test.meter, ceiling=compile_condition([test.ceiling]), scaled=test.ceiling.type == DECIMAL
    )


def compile_oblige(item: Oblige) -> CompiledOblige:
    """The clause `oblige name(…)` of a rule."""
    values = tuple(
        (name, compile_condition([value]), wire_of(kind)) for (name, value), kind in zip(item.values, item.types, strict=True)
    )  # fmt: skip
    return CompiledOblige(name=item.name, phase=item.phase, values=values)
