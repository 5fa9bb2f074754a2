"""record_denial: a denial that no rule made is a record; where that fails it is still a denial, with the extra reason."""

from __future__ import annotations

import pytest

from intended_core.errors import StoreError, UnitRefusedError
from intended_core.flows.denials import record_denial
from intended_core.flows.effects import Commit
from intended_core.flows.outcomes import denied
from tests.reference.flow_world import World, at, intent, raising, trace


def test_a_denial_is_recorded(world: World) -> None:
    size = world.head.size
    seen = trace(world, record_denial(world.context, intent(), denied("error", "why")))
    assert (seen.result.kind, seen.result.seq) == ("error", size)
    assert world.kinds(size) == ["decision.deny"]
    assert world.body()["reasons"] == [["", "why", ""]]


@pytest.mark.parametrize("error", [StoreError("full"), UnitRefusedError("scope_missing", "gone")], ids=["store", "unit"])
def test_a_denial_that_cannot_be_recorded_is_still_one(world: World, error: StoreError) -> None:
    seen = trace(world, record_denial(world.context, intent(), denied("error", "why")), at(Commit, raising(error)))
    assert (seen.result.kind, seen.result.seq) == ("error", None)
    assert "could not be recorded" in seen.result.reasons[-1].text
