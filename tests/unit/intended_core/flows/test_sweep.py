"""A sweep settles each reservation once, and only when its token can no longer be redeemed."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_core import TokenError
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
