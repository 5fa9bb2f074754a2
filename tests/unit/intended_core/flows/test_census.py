"""Every entity that stands, and none that was edited, taken away or put back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Entity, IntentError
from intended_core.errors import StoreCorruptError
from intended_core.flows.roster import shard_key
from intended_core.flows.rows import entity_key
from tests.reference.data_world import data_world
from tests.reference.flow_world import ACCOUNT, ENTITIES, World


@pytest.fixture
def world() -> World:
    made = data_world()
    made.restore()
    return made


def test_they_are_listed(world: World) -> None:
    assert world.tenant.entities.list() == tuple(sorted(ENTITIES, key=lambda entity: entity.ref))
    assert {each.ref.type for each in world.tenant.entities.list("Account")} == {"Account"}
    assert world.tenant.entities.show(ACCOUNT).attributes == {"closed": False}
    world.tenant.remove_entities([ACCOUNT])
    with pytest.raises(IntentError):
        world.tenant.entities.show(ACCOUNT)


@pytest.mark.parametrize("how", ["edited", "gone", "older", "shard gone"])
def test_a_row_that_was_touched_is_refused(world: World, how: str) -> None:
    name = entity_key(ACCOUNT)
    older = world.row("entity", name)
    world.tenant.put_entities([Entity(ref=ACCOUNT, attributes={"closed": True})])
    if how == "edited":
        world.edit(replace(world.row("entity", name), body=older.body))
    elif how == "older":
        world.edit(older)
    else:
        world.remove("entity", name if how == "gone" else shard_key(name).key)
    with pytest.raises(StoreCorruptError):
        world.tenant.entities.list()
