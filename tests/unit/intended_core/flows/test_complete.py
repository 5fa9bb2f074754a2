"""What became of an act is said once, by who redeemed; only a failed act gives its reservations back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from intended_core import Deny, Granted, RedeemedToken, TenantAuthority, UnitRefusedError
from tests.reference.meter_world import AUDIENCE, paying, world


def redeemed(tenant: TenantAuthority, amount: str = "80.00") -> RedeemedToken:
    token = tenant.require(paying(amount), audience=AUDIENCE)
    return tenant.redeem(token, paying(amount).call(), adapter=tenant.adapter(AUDIENCE))


@pytest.mark.parametrize(("result", "given_back"), [("done", False), ("unknown", False), ("failed", True)])
@pytest.mark.parametrize("swept", [True, False])
def test_only_a_failed_act_is_not_counted(tmp_path: Path, result: str, given_back: bool, swept: bool) -> None:
    with world(tmp_path) as (tenant, clock, _):
        token = redeemed(tenant)
        if swept:
            clock.advance(seconds=120)
            assert tenant.sweep().used == 1
        seq = tenant.complete(token, result)  # type: ignore[arg-type]
        (row,) = tuple(tenant.records(start=seq, stop=seq + 1))
        assert f'"k":"action.{result}"'.encode() in row.entry
        assert isinstance(tenant.authorize(paying("80.00"), audience=AUDIENCE), Granted if given_back else Deny)
        clock.advance(seconds=120)
        tenant.sweep()
        assert isinstance(tenant.authorize(paying("100.00"), audience=AUDIENCE), Granted) is given_back


def test_it_is_said_once_and_by_who_redeemed(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, _, _):
        token = redeemed(tenant)
        with pytest.raises(UnitRefusedError, match="act_attempt"):
            tenant.complete(replace(token, attempt_id="A" * 22), "failed")
        with pytest.raises(UnitRefusedError, match="act_result"):
            tenant.complete(token, "maybe")  # type: ignore[arg-type]
        tenant.complete(token, "failed")
        for result in ("failed", "done"):
            with pytest.raises(UnitRefusedError, match="act_completed"):
                tenant.complete(token, result)  # type: ignore[arg-type]
        assert isinstance(tenant.authorize(paying("100.00"), audience=AUDIENCE), Granted)


def test_an_act_without_meters_is_completed_too(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, _, _):
        assert tenant.complete(redeemed(tenant, "1.00"), "done") > 0
