"""A desk drives flows of its scope, and says whose it is without saying more."""

from __future__ import annotations

from intended_core.authority import TenantAuthority
from intended_core.desks.desk import Desk
from intended_core.flows.effects import Flow, Now
from tests.reference.flow_world import World


class _Clock(Desk):
    def now_us(self) -> int:
        return self._driver.run(_now())

    def now_us_of_an_operator(self) -> int:
        return self._driver.operate(_now())


def _now() -> Flow[int]:
    now: int = yield Now()
    return now


def test_a_desk_drives_a_flow_of_the_authority_it_stands_in(world: World) -> None:
    tenant = TenantAuthority(runtime=world.runtime, context=world.context)
    desk = _Clock(context=world.context, driver=tenant)
    assert desk.now_us() == desk.now_us_of_an_operator() == world.runtime.clock.now_us()


def test_a_desk_shows_whose_it_is_and_nothing_else(world: World) -> None:
    tenant = TenantAuthority(runtime=world.runtime, context=world.context)
    desk = _Clock(context=world.context, driver=tenant)
    assert repr(desk) == f"_Clock({world.context.scope.tenant!r}, {world.context.scope.environment!r})"
