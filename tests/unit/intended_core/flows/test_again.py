"""A step is tried anew while what it rests on moves, a few times; rows of a kind are those of one moment, as the roster names them."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core import HaltTarget, UnitRefusedError
from intended_core.errors import StoreCorruptError
from intended_core.flows.again import EITHER_MOVED, again, standing_rows
from intended_core.flows.effects import Flow, ReadRows
from tests.reference.flow_world import ANN, ANN_KEY, World, trace


def moving(codes: list[str], seen: list[bool]) -> Any:
    """A step that is refused with each of these codes in turn, and then done."""

    def once(fresh: bool) -> Flow[str]:
        seen.append(fresh)
        if codes:
            raise UnitRefusedError(codes.pop(0), "x")
        return "done"
        yield

    return once


def test_a_step_is_tried_with_a_fresh_look_until_it_is_done(world: World) -> None:
    seen: list[bool] = []
    assert trace(world, again(world.context, moving(["guards_moved"] * 2, seen), what="persons")).result == "done"
    assert seen == [False, True, True]


@pytest.mark.parametrize(("code", "moved", "tries"), [("guards_moved", ("guards_moved",), 3), ("entities_moved", EITHER_MOVED, 3), ("entities_moved", ("guards_moved",), 1), ("governed", EITHER_MOVED, 1)])
def test_what_else_is_refused_is_refused_at_once_and_nothing_is_tried_for_ever(world: World, code: str, moved: tuple[str, ...], tries: int) -> None:
    seen: list[bool] = []
    error = trace(world, again(world.context, moving([code] * 9, seen), what="persons", moved=moved)).error
    assert isinstance(error, UnitRefusedError)
    assert (error.code, len(seen)) == ("conflict" if tries == 3 else code, tries)


def engage(world: World, name: str) -> None:
    world.tenant.halts.engage(HaltTarget.of_adapter(name), reason="x", keys=[(ANN, ANN_KEY)])


def test_rows_that_change_while_they_are_read_are_read_again(world: World) -> None:
    engage(world, "one")
    left = ["two"]

    def meanwhile(effect: object) -> None:
        if isinstance(effect, ReadRows) and left:
            engage(world, left.pop())

    seen = trace(world, standing_rows(world.context, "halt", what="halts"), meanwhile)
    assert sorted(row.key for row in seen.result) == ['target:["adapter","one"]', 'target:["adapter","two"]']
    assert seen.order == ["ReadHead", "ScanRows", "ReadRows", "ReadHead"] * 2


def test_rows_that_never_stand_still(world: World) -> None:
    def meanwhile(effect: object) -> None:
        if isinstance(effect, ReadRows):
            engage(world, f"a{world.head.size}")

    error = trace(world, standing_rows(world.context, "halt", what="halts"), meanwhile).error
    assert isinstance(error, UnitRefusedError)
    assert error.code == "conflict"


def test_a_row_that_was_taken_away_or_put_back(world: World) -> None:
    engage(world, "one")
    name = 'target:["adapter","one"]'
    row = world.row("halt", name)
    world.remove("halt", name)
    assert isinstance(trace(world, standing_rows(world.context, "halt", what="halts")).error, StoreCorruptError)
    world.edit(row)
    assert [each.key for each in trace(world, standing_rows(world.context, "halt", what="halts")).result] == [name]


def test_a_scope_without_a_log(world: World) -> None:
    error = trace(world, standing_rows(world.new, "halt", what="halts")).error
    assert isinstance(error, UnitRefusedError)
    assert error.code == "scope_missing"
