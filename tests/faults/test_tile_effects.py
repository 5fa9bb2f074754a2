"""Laying tiles is broken at every effect in every way: no record, no head's tree and no proof changes, and the next time lays the rest."""

from __future__ import annotations

from functools import cache

import pytest

from intended_core import RedeemedToken
from intended_core.audit.log import LogHead
from intended_core.audit.proof import prove_inclusion
from intended_core.flows.tiles import lay_tiles
from intended_core.flows.trees import TreeCache
from tests.faults.fault_world import DRIVERS, FAULTS, run
from tests.reference.flow_world import World, intent, pay
from tests.reference.tile_world import fill

SIZE = 700


@cache
def world() -> World:
    here = World()
    fill(here.tenant, SIZE)
    here.save()
    return here


@cache
def honest() -> tuple[object, ...]:
    world().restore()
    return proofs(world())


def proofs(here: World) -> tuple[object, ...]:
    """From a process that remembers nothing."""
    head = LogHead.from_state(here.data().head.state)  # type: ignore[union-attr]
    tree = TreeCache().get(here.store, here.context.scope, head.size, head.frontier.root())
    return tuple(prove_inclusion(tree, index=at, size=SIZE) for at in range(0, SIZE, 33))


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_broken_at_every_effect(driver: str, fault: str) -> None:
    here, wanted = world(), honest()
    for at in range(20):
        here.restore()
        before = here.data()
        ended = run(here, lay_tiles(here.context), at=at, fault=FAULTS[fault], driver=driver)
        if ended.reached is None:
            break
        where = f"effect {at}, {fault}"
        assert here.data().records == before.records, where
        assert here.tenant.head().frontier == LogHead.from_state(before.head.state).frontier, where  # type: ignore[union-attr]
        assert proofs(here) == wanted, where
        here.tenant.tiles.lay()
        assert sorted(row.key for row in here.data().rows.values() if row.kind == "tile") == ["0/0", "0/1", "1/0"], where
        assert here.tenant.tiles.mend().written == 0, where
        assert proofs(here) == wanted, where
        token = here.tenant.require(intent(), audience="bank")
        assert isinstance(here.tenant.redeem(token, pay(), adapter=here.tenant.adapter("bank")), RedeemedToken), where
    else:
        pytest.fail("a flow without end")
    assert at >= 5, "the flow is long enough to break"
