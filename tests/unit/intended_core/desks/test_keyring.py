"""The keyring desk drives its flows within an operator's deadline and tells what became of the next key."""

from __future__ import annotations

import anyio
import pytest

from intended_core.aio import AsyncTenantAuthority, Threads
from intended_core.errors import StoreError
from intended_core.flows.effects import GenerateKey
from intended_core.flows.runtime import Runtime
from intended_core.keys.ring import KeyState
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World


def test_records_and_key_set(world: World) -> None:
    prepared = world.tenant.keyring.prepare()
    records = world.tenant.keyring.records()
    assert records == world.tenant.keys()
    assert [record.state for record in records].count(KeyState.PRE_ACTIVE) == 1
    listed = world.tenant.keyring.jwks()["keys"]
    assert {entry["kid"] for entry in listed} == {record.kid for record in records if record.purpose == "token"}
    assert prepared.kid in {entry["kid"] for entry in listed}


def test_a_rotation_stands_when_only_the_next_key_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    done = world.tenant.keyring.prepare()
    performed = Runtime._perform

    def broken(self: Runtime, effect: object, context: object) -> object:
        if isinstance(effect, GenerateKey):
            raise StoreError("no key today")
        return performed(self, effect, context)  # type: ignore[arg-type]

    monkeypatch.setattr(Runtime, "_perform", broken)
    rotated = world.tenant.keyring.rotate()
    assert (rotated.active, rotated.prepared) == (done.kid, None)


def test_a_rotation_that_fails_is_raised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Runtime, effect: object, context: object) -> object:
        raise StoreError("broken")

    monkeypatch.setattr(Runtime, "_perform", broken)
    with pytest.raises(StoreError):
        world.tenant.keyring.rotate()
    monkeypatch.undo()
    assert world.tenant.keyring.retire().retired == ()


def test_persons_agree_with_keys_and_signatures(world: World) -> None:
    kid = world.tenant.policy().ring.active("token").kid
    signature = BOB_KEY.sign(world.tenant.keyring.compromise_digest(kid))
    done = world.tenant.keyring.compromise(kid, keys=[(ANN, ANN_KEY)], signatures=[(BOB, signature)])
    assert done.kid == kid


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_program_reaches_it_in_one_hop(world: World, backend: str) -> None:
    async def turn() -> str:
        tenant = AsyncTenantAuthority(world.tenant, Threads(1))
        done = await tenant.call(lambda t: t.keyring.rotate(), operator=True)
        return done.active

    assert anyio.run(turn, backend=backend) == world.signing


def test_it_counts_what_each_key_encryption_key_holds(world: World) -> None:
    assert world.tenant.keyring.sealed_under() == {"memory": 4}, "two signing keys, the row-tag secret, one adapter's secret"
    world.tenant.keyring.prepare()
    assert world.tenant.keyring.sealed_under() == {"memory": 5}
    world.tenant.rotate_keys()
    assert world.tenant.keyring.sealed_under() == {"memory": 4}, "the key that stopped has no private half any more"
