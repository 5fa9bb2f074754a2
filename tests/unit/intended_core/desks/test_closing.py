"""The closing desk: what is signed, and whether it is closed; `Authority.close_tenant` does both halves."""

from __future__ import annotations

import pytest

from intended_core import ClosedTenant, UnitRefusedError
from tests.reference.sealed_world import SealedWorld


def test_the_desk_says_what_is_signed_and_whether_it_is_closed() -> None:
    world = SealedWorld()
    desk = world.tenant().closing
    assert desk.closed() is None
    assert len(desk.digest("over")) == 32
    size = world.tenant().head().size
    assert world.authority.close_tenant("acme", reason="over") == desk.closed() == ClosedTenant(seq=size, size=size + 1)
    assert world.tenant("beta").closing.closed() is None
    with pytest.raises(UnitRefusedError):
        world.authority.close_tenant("acme", reason="over")
