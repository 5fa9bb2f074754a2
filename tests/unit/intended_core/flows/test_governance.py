"""The founder's hand until an admin stands; whether one does is seen under the lock, not remembered."""

from __future__ import annotations

import pytest

from intended_core.errors import UnitRefusedError
from intended_core.flows.activate import activate
from intended_core.flows.effects import Commit
from intended_core.lang.source import Source
from tests.reference.data_world import LOWER, ROOT, ROOT_KEY, WITH_DATA, data_world, governed_world
from tests.reference.flow_world import ANN, World, trace


@pytest.fixture
def world() -> World:
    made = data_world()
    made.restore()
    return made


def test_without_an_admin_one_call_is_enough(world: World) -> None:
    world.tenant.activate({"bank.policy": LOWER})
    assert "approved_by" not in world.body()


@pytest.mark.parametrize("text", [LOWER, WITH_DATA])
def test_with_an_admin_it_is_refused_for_every_set(text: str) -> None:
    world = governed_world()
    world.restore()
    before = world.data()
    with pytest.raises(UnitRefusedError, match="has an admin"):
        world.tenant.activate({"bank.policy": text})
    with pytest.raises(UnitRefusedError, match="has an admin"):
        world.tenant.data.set(params={"cap": "1.00"})
    assert world.data() == before


def test_an_admin_who_comes_meanwhile_is_seen(world: World) -> None:
    def act(effect: object) -> None:
        if isinstance(effect, Commit) and world.kinds()[-1] != "person.registered":
            world.tenant.persons.add(ROOT, ROOT_KEY.public_key, roles=["admin"])

    ended = trace(world, activate(world.context, [Source.from_bytes("bank.policy", LOWER.encode())]), act)
    assert isinstance(ended.error, UnitRefusedError)
    assert ended.error.code == "governed"


@pytest.mark.parametrize("who", [ROOT, ANN])
def test_an_admin_who_was_deleted_from_the_store_does_not_free_it(who: object) -> None:
    world = governed_world()
    world.restore()
    world.remove("person", str(who))
    world.reopen()
    with pytest.raises(UnitRefusedError, match="not those that stand"):
        world.tenant.activate({"bank.policy": LOWER})
