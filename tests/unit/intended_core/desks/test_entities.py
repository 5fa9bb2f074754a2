"""The desk of entities looks and changes nothing."""

from __future__ import annotations

from tests.reference.data_world import data_world
from tests.reference.flow_world import ACCOUNT, ENTITIES


def test_it_shows_what_is_stored() -> None:
    world = data_world()
    world.restore()
    before = world.data()
    desk = world.tenant.entities
    assert len(desk.list()) == len(ENTITIES)
    assert desk.show(ACCOUNT).ref == ACCOUNT
    assert repr(desk) == "EntitiesDesk('acme', 'live')"
    assert world.data() == before
