"""Whose unit comes next: what stops something before all else, then one of each tenant after the other.

A transaction has room for so many units and so much time. Whoever sends a thousand at once fills their own turns and nobody else's: another
tenant's unit is in the next transaction whatever stands in the queue before it, and so is a halt of anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from intended_core.unit import Unit

__all__ = ["in_turn"]


class _Waiting(Protocol):
    """Anything that has a unit on its way."""

    @property
    def unit(self) -> Unit: ...


T = TypeVar("T", bound=_Waiting)


def in_turn(jobs: Iterable[T]) -> list[T]:
    """The jobs as they are to be taken. Those of one tenant stay in their order, but for what goes first."""
    behind: dict[str, int] = {}  # how many of a tenant's were placed already
    placed: list[tuple[int, T]] = []
    for job in jobs:
        unit = job.unit
        if unit.first:
            placed.append((-1, job))
            continue
        turn = behind.get(unit.scope.uuid, 0)
        behind[unit.scope.uuid] = turn + 1
        placed.append((turn, job))
    if len(behind) > 1 or any(turn < 0 for turn, _ in placed):
        placed.sort(key=_turn)
    return [job for _, job in placed]


def _turn(placed: tuple[int, object]) -> int:
    return placed[0]
