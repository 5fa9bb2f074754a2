"""A sweep settles each reservation once, and only when its token can no longer be redeemed."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_core import TokenError
from intended_core.flows.duties import find_overdue
from intended_core.flows.effects import Commit
from intended_core.flows.runtime import drive
from intended_core.flows.sweep import sweep
from tests.reference.flow_world import World, at, trace
from tests.reference.meter_world import AUDIENCE, paying, world


def test_a_token_that_was_swept_is_not_redeemed(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, clock, _):
        token = tenant.require(paying(), audience=AUDIENCE)
        clock.advance(seconds=64)
        assert tenant.sweep().released == 1
        with pytest.raises(TokenError):
            tenant.redeem(token, paying().call(), adapter=tenant.adapter(AUDIENCE))


def test_a_token_that_may_still_be_redeemed_keeps_its_reservation(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, clock, _):
        token = tenant.require(paying(), audience=AUDIENCE)
        clock.advance(seconds=59)
        assert tenant.sweep().released == 0
        assert tenant.redeem(token, paying().call(), adapter=tenant.adapter(AUDIENCE)).call.action == "transfer"
        clock.advance(seconds=60)
        assert (tenant.sweep().used, tenant.sweep().used) == (1, 0)


def test_two_who_sweep_at_once_both_end_well() -> None:
    """The second one leaves what the first is finding at that moment, and still does the rest."""
    here = World()
    here.context.refusals.add("token.signature", here.clock.now_us(), interval_us=60_000_000)
    seen = trace(here, sweep(here.context), at(Commit, lambda: find(here)))
    assert seen.error is None
    assert seen.result.counted == 1


def find(here: World) -> None:
    drive(here.runtime, here.context, find_overdue(here.context))
