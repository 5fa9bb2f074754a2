"""The bank of `flow_world` under a set that reads a param and a table."""

from __future__ import annotations

from functools import cache

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
