"""The bank of `flow_world` under a set that reads a param and a table."""

from __future__ import annotations

from functools import cache
from typing import Any

from intended_core import EntityRef, LocalPersonKey, SystemRandomness
from tests.reference.flow_world import POLICY, World

WITH_DATA = (
    "param cap: Decimal = 100.00;\n@max(4) table frozen: Set<Account>;\n"
    + POLICY.replace("args.amount <= 100.00", "args.amount <= cap")
    + '@id("frozen")\nforbid frozen_account { action == pay; when resource in frozen; because "the account is frozen"; }\n'
)


@cache
def data_world() -> World:
    """With no account frozen; call `restore` before use."""
    world = World()
    world.tenant.activate({"bank.policy": WITH_DATA})
    world.tenant.data.set(tables={"frozen": []})
    world.save()
    return world


EVE, ROOT = EntityRef("Person", "eve"), EntityRef("Person", "root")
EVE_KEY, ROOT_KEY = LocalPersonKey.generate(SystemRandomness()), LocalPersonKey.generate(SystemRandomness())
LOWER = WITH_DATA.replace("cap: Decimal = 100.00", "cap: Decimal = 60.00")
CLOSING = WITH_DATA + '@id("never")\nforbid never { action == pay; when args.amount > 70.00; }\n'


@cache
def governed_world() -> World:
    """`new_governed_world` for all who leave it as it was: call `restore` before use, and never `save`."""
    return new_governed_world()


def new_governed_world() -> World:
    """The same in a scope with an admin: eve may draft (operator), ann and bob may approve."""
    world = World()
    world.tenant.activate({"bank.policy": WITH_DATA})
    world.tenant.data.set(tables={"frozen": []})
    world.tenant.persons.add(EVE, EVE_KEY.public_key, roles=["operator"])
    world.tenant.persons.add(ROOT, ROOT_KEY.public_key, roles=["admin"])
    world.save()
    return world


def ready(world: World, text: str = LOWER, **given: Any) -> str:
    """A draft of eve's, signed, checked and simulated."""
    desk = world.tenant.policies
    draft = desk.draft({"bank.policy": text}, drafter=EVE, key=EVE_KEY, **given)
    desk.check(draft.draft_id)
    desk.simulate(draft.draft_id)
    return draft.draft_id
