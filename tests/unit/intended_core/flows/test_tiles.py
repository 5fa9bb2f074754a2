"""Tiles are laid when they are full, once, from an authentic tree; mending makes them anew and touches nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.audit.proof import prove_inclusion, verify_inclusion
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.effects import Commit, Effect
from intended_core.flows.tiles import lay_tiles, places, whole_leaves
from intended_core.unit import RowKey
from tests.reference.sealed_world import SealedWorld
from tests.reference.tile_world import fill, filling


@pytest.fixture
def world() -> SealedWorld:
    made = SealedWorld()
    fill(made.tenant(), 600)
    return made


def tiles(world: SealedWorld, name: str = "acme") -> dict[str, bytes]:
    rows = world.store.snapshot()[world.tenant(name).scope.key].rows
    return {row.key: row.body for row in rows.values() if row.kind == "tile"}


def edit(world: SealedWorld, key: str, body: bytes | None) -> None:
    snapshot = world.store.snapshot()
    rows = snapshot[world.tenant().scope.key].rows
    name = RowKey("tile", key)
    if body is None:
        del rows[name]
    else:
        rows[name] = replace(rows[name], body=body)
    world.store.restore(snapshot)
    world.reopen()


def test_which_tiles_a_log_has() -> None:
    assert [whole_leaves(size) for size in (0, 255, 256, 511)] == [0, 0, 256, 256]
    assert list(places(0, 0)) == []
    assert list(places(0, 512)) == [(0, 0), (0, 1), (1, 0)]
    assert list(places(256, 512)) == [(0, 1), (1, 0)]
    assert list(places(65_280, 65_792)) == [(0, 255), (0, 256), (1, 0), (1, 1), (2, 0)]


def test_tiles_hold_the_leaves_of_the_records_and_the_roots_above_them(world: SealedWorld) -> None:
    tenant = world.tenant()
    assert tenant.tiles.lay().written == 3
    leaves = [row.leaf for row in tenant.records()]
    tree = tenant.tiles.tree()
    assert tiles(world) == {
        "0/0": b"".join(leaves[:256]), "0/1": b"".join(leaves[256:512]), "1/0": tree.root(0, 256) + tree.root(256, 512),
    }  # fmt: skip
    assert tenant.tiles.lay().written == 0
    fill(tenant, 767)
    assert tenant.tiles.lay() == replace(tenant.tiles.lay(), size=512, written=0)
    fill(tenant, 769)
    assert tenant.tiles.lay().written == 2, "one more, and the one above it has grown"
    assert tenant.tiles.read(0, 2) == tiles(world)["0/2"] == b"".join(row.leaf for row in tenant.records(start=512, stop=768))


def test_an_epoch_lays_what_is_full_and_so_does_opening(world: SealedWorld) -> None:
    world.authority.anchor.seal()
    assert sorted(tiles(world)) == ["0/0", "0/1", "1/0"]
    assert tiles(world, "beta") == {}
    fill(world.tenant(), 1_024)
    world.authority.anchor.seal()
    assert sorted(tiles(world)) == ["0/0", "0/1", "0/2", "0/3", "1/0"]


def test_the_anchor_log_has_tiles_too(world: SealedWorld) -> None:
    for _ in range(256):
        world.authority.anchor.seal()
    rows = world.data().rows
    assert {row.key for row in rows.values() if row.kind == "tile"} == {"0/0", "1/0"}
    assert world.authority.anchor.tiles.mend().written == 0
    assert world.check() == 256


@pytest.mark.parametrize("gone", ["0/1", "1/0"])
def test_laying_goes_on_where_it_was_broken_off(world: SealedWorld, gone: str) -> None:
    world.tenant().tiles.lay()
    whole = tiles(world)
    edit(world, gone, None)
    assert world.tenant().tiles.lay().written == 1
    assert tiles(world) == whole


@pytest.mark.parametrize("key", ["0/0", "0/1", "1/0"])
@pytest.mark.parametrize("damage", ["gone", "edited", "empty", "long"])
def test_mending_makes_anew_what_is_not_of_the_records(world: SealedWorld, key: str, damage: str) -> None:
    world.tenant().tiles.lay()
    whole = tiles(world)
    bad = {"gone": None, "edited": bytes(32) + whole[key][32:], "empty": b"", "long": whole[key] + b"x"}[damage]
    edit(world, key, bad)
    before = world.store.snapshot()[world.tenant().scope.key].records
    assert world.tenant().tiles.mend().written == 1
    assert tiles(world) == whole
    assert world.store.snapshot()[world.tenant().scope.key].records == before
    for row in world.store.snapshot()[world.tenant().scope.key].rows.values():
        world.tenant().context.mac.check(world.tenant().scope, row)


def test_from_records_that_the_head_does_not_name_nothing_is_made(world: SealedWorld) -> None:
    snapshot = world.store.snapshot()
    key = world.tenant().scope.key
    records = list(snapshot[key].records)
    records[300] = replace(records[300], leaf=bytes(32))
    snapshot[key] = replace(snapshot[key], records=tuple(records))
    world.store.restore(snapshot)
    world.reopen()
    with pytest.raises(StoreCorruptError):
        world.tenant().tiles.mend()
    assert tiles(world) == {}


def test_proofs_are_made_from_tiles_and_hold(world: SealedWorld) -> None:
    tenant = world.tenant()
    tenant.tiles.lay()
    world.reopen()
    tenant, head = world.tenant(), world.tenant().head()
    asked: list[tuple[int, int]] = []
    told = type(world.store).leaves

    def leaves(self: object, scope: object, start: int, stop: int) -> object:
        asked.append((start, stop))
        return told(self, scope, start, stop)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(world.store), "leaves", leaves)
        tree = tenant.tiles.tree()
        proofs = [prove_inclusion(tree, index=at, size=head.size) for at in range(0, head.size, 7)]
    assert asked == [(512, 600)], "only what no tile holds yet"
    rows = list(tenant.records())
    for proof in proofs:
        verify_inclusion(proof, leaf=rows[proof.index].leaf, root=head.frontier.root())


def test_a_log_that_grows_by_a_tile_meanwhile_is_left_to_the_next_time(world: SealedWorld) -> None:
    """The slower of two must not put an older tile in the place of a newer one."""
    tenant = world.tenant()
    flow = lay_tiles(tenant.context)
    effect: Effect = next(flow)
    while not isinstance(effect, Commit):
        effect = flow.send(world.runtime.perform(effect, tenant.context))
    tenant.operate(filling(tenant.context, 300))
    tenant.tiles.lay()
    whole = tiles(world)
    with pytest.raises(UnitRefusedError) as caught:
        world.runtime.perform(effect, tenant.context)
    assert caught.value.code == "tiles_moved"
    assert tiles(world) == whole
