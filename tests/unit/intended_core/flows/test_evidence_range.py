"""What ties a stretch of a tenant's log to its signed head."""

from __future__ import annotations

import pytest

from intended_core.errors import AuditError
from intended_core.flows.evidence_range import collect_range
from tests.reference.flow_world import World, trace


def test_a_stretch_in_the_middle_and_one_to_the_end(world: World) -> None:
    size = world.tenant.head().size
    middle = trace(world, collect_range(world.context, 2, size - 1, since=3)).result
    assert (middle.first, middle.stop, middle.size, middle.before.size) == (2, size - 1, size, 2)
    assert [row.seq for row in middle.founding] == [proof.index for proof in middle.proofs] == [0, 1]
    assert (middle.tail.first, middle.tail.second) == (size - 1, size)
    assert (middle.consistency.first, middle.consistency.second) == (3, size)
    end = trace(world, collect_range(world.context, 0, None)).result
    assert (end.stop, end.tail, end.consistency) == (size, None, None)


@pytest.mark.parametrize(("first", "stop"), [(-1, 2), (2, 2), (3, 2), (0, 10_000), (10_000, None)])
def test_what_the_log_does_not_hold_is_refused(world: World, first: int, stop: int | None) -> None:
    error = trace(world, collect_range(world.context, first, stop)).error
    assert isinstance(error, AuditError)
    assert "give a stretch within" in str(error)
