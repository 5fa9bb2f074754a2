"""Which set is in force and which were before, as the pointer says."""

from __future__ import annotations

import pytest

from intended_core.errors import UnitRefusedError
from intended_core.flows.runtime import drive
from intended_core.flows.sets import active_set, earlier_set
from tests.reference.data_world import LOWER, WITH_DATA, data_world
from tests.reference.flow_world import POLICY, World


@pytest.fixture
def world() -> World:
    made = data_world()
    made.restore()
    return made


def test_the_sets_before_are_named_the_newest_first(world: World) -> None:
    for text in (LOWER, WITH_DATA):
        world.tenant.activate({"bank.policy": text})
    now = world.tenant.policies.active()
    assert now is not None
    assert now.sources == {"bank.policy": WITH_DATA}
    assert now.seq == world.head.size - 1
    before = [drive(world.runtime, world.context, earlier_set(world.context, each)).sources["bank.policy"] for each in now.before]
    assert before == [LOWER, POLICY]


def test_history_is_bounded(world: World) -> None:
    for number in range(18):
        world.tenant.activate({"bank.policy": f"{POLICY}# {number}\n"})
    now = world.tenant.policies.active()
    assert now is not None
    assert len(now.before) == len(set(now.before)) == 16


def test_a_set_that_was_never_active_is_no_earlier_one(world: World) -> None:
    world.tenant.policies.draft({"bank.policy": LOWER})
    with pytest.raises(UnitRefusedError, match="no such set"):
        world.tenant.policies.rollback(b"x" * 32)
    drafted = world.tenant.policies.list()[0].content
    with pytest.raises(UnitRefusedError, match="no such set"):
        world.tenant.policies.rollback(drafted)


def test_before_the_first_activation(world: World) -> None:
    world.found_another()
    assert drive(world.runtime, world.new, active_set(world.new)) is None
    with pytest.raises(UnitRefusedError, match="ever active"):
        drive(world.runtime, world.new, earlier_set(world.new, None))
