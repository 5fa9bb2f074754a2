"""The persons desk: by local keys, and by signatures that were made elsewhere."""

from __future__ import annotations

import pytest

from intended_core import EntityRef, KeyRingError, LocalPersonKey
from intended_core.clock import SystemRandomness
from tests.reference.flow_world import ANN, ANN_KEY, BOB, NOW_US, World

EVE, EVE_KEY = EntityRef("Person", "eve"), LocalPersonKey.generate(SystemRandomness())
JOE, JOE_KEY = EntityRef("Person", "joe"), LocalPersonKey.generate(SystemRandomness())


def test_the_first_admin_then_everything_by_admins(world: World) -> None:
    desk = world.tenant.persons
    desk.add(EVE, EVE_KEY.public_key, roles=["admin"])
    desk.add(JOE, JOE_KEY.public_key, roles=["approver", "operator"], keys=[(EVE, EVE_KEY)])
    assert {each.ref: sorted(each.roles) for each in desk.list()} == {
        ANN: ["approver"], BOB: ["approver"], EVE: ["admin"], JOE: ["approver", "operator"],
    }  # fmt: skip
    desk.remove(JOE, keys=[(EVE, EVE_KEY)])
    with pytest.raises(KeyRingError):
        desk.remove(BOB)
    assert [each.ref for each in desk.list()] == [ANN, BOB, EVE]


def test_a_signature_that_was_made_elsewhere(world: World) -> None:
    desk, until = world.tenant.persons, NOW_US + 3_600_000_000
    desk.add(EVE, EVE_KEY.public_key, roles=["admin"])
    asked = desk.statement("register", JOE, public_key=JOE_KEY.public_key, expires_us=until).digest()
    desk.add(JOE, JOE_KEY.public_key, signatures=[(EVE, EVE_KEY.sign(asked))], expires_us=until)
    asked = desk.statement("remove", JOE, expires_us=until).digest()
    desk.remove(JOE, signatures=[(EVE, EVE_KEY.sign(asked))], expires_us=until)
    assert JOE not in {each.ref for each in desk.list()}


def test_a_key_is_changed_with_both(world: World) -> None:
    world.tenant.persons.rotate(ANN, old=ANN_KEY, new=JOE_KEY)
    assert world.tenant.policy().persons[ANN].public_key == JOE_KEY.public_key
    with pytest.raises(KeyRingError):
        world.tenant.persons.rotate(EVE, old=EVE_KEY, new=ANN_KEY)
