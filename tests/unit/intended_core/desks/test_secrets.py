"""The secrets desk takes a value in and gives it to nobody but its adapter."""

from __future__ import annotations

from intended_core.keys.hidden import SecretBytes
from tests.reference.flow_world import World, intent, pay


def test_put_list_open_remove(world: World) -> None:
    desk = world.tenant.secrets
    seq = desk.put("bank", "api-key", b"value")
    assert seq == world.head.size - 1
    (info, _) = desk.list()
    assert (info.adapter, info.name, info.sealing, info.created_us) == ("bank", "api-key", 1, world.clock.now_us())
    token = world.tenant.require(intent(), audience="bank")
    value = desk.open(world.tenant.redeem(token, pay(), adapter=world.tenant.adapter("bank")), "api-key")
    assert type(value) is SecretBytes
    assert value == b"value"
    desk.remove("bank", "api-key")
    assert [info.name for info in desk.list()] == ["login"]
