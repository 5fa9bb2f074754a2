"""The tiles desk: read, tree, lay and mend of one log."""

from __future__ import annotations

from intended_core.audit.tree import root_of
from tests.reference.sealed_world import SealedWorld
from tests.reference.tile_world import fill


def test_the_desk_lays_reads_and_mends() -> None:
    world = SealedWorld()
    tenant = world.tenant()
    fill(tenant, 300)
    assert tenant.tiles.read(0, 0) is None
    laid = tenant.tiles.lay()
    assert (laid.size, laid.written) == (256, 2)
    leaves = [row.leaf for row in tenant.records()]
    assert tenant.tiles.read(0, 0) == b"".join(leaves[:256])
    assert tenant.tiles.tree().root(0, 300) == root_of(leaves)
    assert tenant.tiles.mend().written == 0
    assert world.tenant("beta").tiles.lay().size == 0
