"""The tiles desk: read, tree, lay and mend of one log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from intended_core.audit.grades import Grade
from intended_core.audit.tree import root_of
from intended_core.flows.anchor import ANCHOR_SCOPE
from intended_core.flows.trees import tile_key
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


@pytest.fixture(scope="module")
def epochs() -> SealedWorld:
    world = SealedWorld()
    for _ in range(513):
        world.authority.anchor.seal()
    world.authority.anchor.release()
    world.save()
    return world


@pytest.mark.parametrize(
    ("level", "number", "bad", "code", "seq"),
    [
        (0, 1, lambda body: body[:32] + bytes(32) + body[64:], "tile.differs", 257),
        (1, 0, lambda body: bytes(32) + body[32:], "tile.differs", 0),
        (0, 0, lambda body: None, "tile.missing", 0),
    ],
)
def test_a_tile_of_the_anchor_log_that_is_not_of_its_epochs_is_found(
    epochs: SealedWorld, level: int, number: int, bad: Callable[[bytes], bytes | None], code: str, seq: int
) -> None:
    whole = epochs.store.snapshot()
    key = tile_key(level, number)
    anchor = epochs.authority.anchor
    assert anchor.tiles.check() is None
    row = whole[ANCHOR_SCOPE.key].rows[key]
    made = bad(row.body)
    rows = {name: each for name, each in whole[ANCHOR_SCOPE.key].rows.items() if name != key}
    rows |= {} if made is None else {key: replace(row, body=made)}
    epochs.store.restore({**whole, ANCHOR_SCOPE.key: replace(whole[ANCHOR_SCOPE.key], rows=rows)})
    anchor = epochs.reopen().anchor
    found = anchor.tiles.check()
    assert found is not None
    assert (found.code, found.seq, found.grade) == (code, seq, Grade.INCOMPLETE if made is None else Grade.TAMPERED)
    assert anchor.tiles.mend().written == 1
    assert anchor.tiles.check() is None
    epochs.store.restore(whole)
    epochs.reopen()
