"""Who is taken next, judged without a queue or a store."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import pytest

from intended_adapters.storage.turns import in_turn
from intended_core.ids import Scope
from intended_core.testing.storage_cases import ACME, advance
from intended_core.unit import Unit


@dataclass(frozen=True)
class Waits:
    name: str
    unit: Unit


def waits(name: str, tenant: int = 0, *, first: bool = False) -> Waits:
    scope = Scope(tenant=f"t{tenant}", uuid=f"{tenant:032x}", environment="test")
    return Waits(name, replace(advance(ACME), scope=scope, first=first))


def names(jobs: list[Waits]) -> list[str]:
    return [job.name for job in in_turn(jobs)]


def test_one_tenant_alone_keeps_its_order() -> None:
    assert names([]) == []
    assert names([waits(str(number)) for number in range(5)]) == ["0", "1", "2", "3", "4"]


def test_one_of_each_tenant_after_the_other() -> None:
    jobs = [*(waits(f"a{number}", 1) for number in range(3)), waits("b0", 2), waits("b1", 2), waits("c0", 3)]
    assert names(jobs) == ["a0", "b0", "c0", "a1", "b1", "a2"]


def test_what_stops_something_goes_first() -> None:
    assert names([waits("a0", 1), waits("a1", 1), waits("stop", 1, first=True)]) == ["stop", "a0", "a1"]
    assert names([waits("a0", 1), waits("s1", 2, first=True), waits("b0", 2), waits("s2", 1, first=True)]) == ["s1", "s2", "a0", "b0"]


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_lost_and_nobody_waits_for_a_crowd(seed: int) -> None:
    chance = random.Random(seed)
    tenants = chance.randrange(1, 6)
    jobs = [waits(f"{number}", chance.randrange(tenants), first=chance.random() < 0.05) for number in range(200)]
    taken = in_turn(jobs)
    assert sorted(job.name for job in taken) == sorted(job.name for job in jobs)
    stops = [job for job in jobs if job.unit.first]
    assert taken[: len(stops)] == stops
    rest = taken[len(stops) :]
    for tenant in {job.unit.scope.uuid for job in rest}:
        own = [job for job in rest if job.unit.scope.uuid == tenant]
        assert own == [job for job in jobs if job.unit.scope.uuid == tenant and not job.unit.first]
        for turn, job in enumerate(own):
            assert rest.index(job) < (turn + 1) * tenants
