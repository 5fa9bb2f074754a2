"""First and last of every unit: the head under the lock, and what follows it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind, parse_entry
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.steps import (
    append_at,
    authentic,
    close_unit,
    look_again_if_stale,
    next_head,
    open_head,
    thread_commitment,
)
from intended_core.unit import RowKey, UnitView
from tests.reference.flow_world import NOW_US, World, trace

SECOND = 1_000_000
DRAFT = Draft(kind=EventKind.ENTITY_WRITTEN, body={}, salt=b"s" * 16)
POINTER = RowKey("policy", "active")


def view(world: World) -> UnitView:
    return UnitView(world.data().head, world.data().rows)


def code(world: World, seen: UnitView, **given: int) -> str:
    with pytest.raises(UnitRefusedError) as raised:
        open_head(world.context, seen, **({"now_us": NOW_US} | given))  # type: ignore[arg-type]
    return raised.value.code


def test_the_head_as_it_stands(world: World) -> None:
    assert open_head(world.context, view(world), now_us=NOW_US) == world.head


def test_a_scope_without_a_head(world: World) -> None:
    assert code(world, UnitView(None, {})) == "scope_missing"


def test_a_head_that_was_edited_or_is_another_scopes(world: World) -> None:
    head = world.data().head
    assert head is not None
    with pytest.raises(StoreCorruptError):
        open_head(world.context, UnitView(replace(head, version=head.version + 1), {}), now_us=NOW_US)
    with pytest.raises(StoreCorruptError):
        open_head(world.new, view(world), now_us=NOW_US)


def test_the_clock_stands_within_the_leeway_of_the_stores_own(world: World) -> None:
    leeway = world.context.settings.leeway_seconds * SECOND
    for apart in (-leeway, 0, leeway):
        assert open_head(world.context, replace(view(world), time_us=NOW_US + apart), now_us=NOW_US) == world.head
    for apart in (-leeway - 1, leeway + 1):
        seen = replace(view(world), time_us=NOW_US + apart)
        assert code(world, seen) == "clock_back"
        assert open_head(world.context, seen, now_us=NOW_US, any_clock=True) == world.head


def test_what_is_refused_in_a_store_that_was_rolled_back(world: World) -> None:
    head = next_head(world.context, world.data().head, replace(world.head, rolled_back=True))
    seen = UnitView(head, {})
    assert code(world, seen) == "rolled_back"
    assert open_head(world.context, seen, now_us=NOW_US, even_rolled_back=True).rolled_back


def test_the_clock_may_stand_back_by_the_leeway_and_not_more(world: World) -> None:
    leeway = world.context.settings.leeway_seconds * SECOND
    assert open_head(world.context, view(world), now_us=NOW_US - leeway).time_us == NOW_US
    assert code(world, view(world), now_us=NOW_US - leeway - 1) == "clock_back"


def test_versions_that_moved_in_either_direction(world: World) -> None:
    head = world.head
    assert open_head(world.context, view(world), now_us=NOW_US, guards=head.guards, entities=head.entities) == head
    for step in (-1, 1):
        assert code(world, view(world), guards=head.guards + step) == "guards_moved"
        assert code(world, view(world), entities=head.entities + step) == "entities_moved"


def test_looking_again_before_a_refusal(world: World) -> None:
    head = world.head
    seen = trace(world, look_again_if_stale(world.context, guards=head.guards, entities=head.entities))
    assert (seen.order, seen.error) == (["ReadHead"], None)
    for moved, given in (("guards_moved", {"guards": head.guards + 1}), ("entities_moved", {"guards": head.guards, "entities": 0})):
        error = trace(world, look_again_if_stale(world.context, **given)).error
        assert isinstance(error, UnitRefusedError)
        assert error.code == moved
    error = trace(world, look_again_if_stale(world.new, guards=1)).error
    assert isinstance(error, UnitRefusedError)
    assert error.code == "scope_missing"


def test_a_unit_is_closed_over_its_records(world: World) -> None:
    head, seen = world.head, view(world)
    changes = close_unit(world.context, seen, head, (DRAFT, DRAFT), now_us=NOW_US + 1, answer="x")
    assert changes.answer == "x"
    assert [record.seq for record in changes.records] == [head.size, head.size + 1]
    assert seen.head is not None
    assert changes.head.version == seen.head.version + 1
    world.context.mac.check_head(world.context.scope, changes.head)
    after = LogHead.from_state(changes.head.state)
    assert (after.size, after.time_us, after.guards, after.entities) == (head.size + 2, NOW_US + 1, head.guards, head.entities)


@pytest.mark.parametrize(("guards", "entities"), [(True, False), (False, True), (True, True)])
def test_what_decides_bumps_its_version(world: World, guards: bool, entities: bool) -> None:
    head = world.head
    changes = close_unit(world.context, view(world), head, (DRAFT,), now_us=NOW_US, bump_guards=guards, bump_entities=entities)
    after = LogHead.from_state(changes.head.state)
    assert (after.guards - head.guards, after.entities - head.entities) == (int(guards), int(entities))


def test_time_never_runs_backwards_in_the_log(world: World) -> None:
    _, (early,) = append_at(world.context, world.head, (DRAFT,), now_us=NOW_US - SECOND)
    assert parse_entry(early.entry).time_us == NOW_US


def test_the_first_head_has_version_one(world: World) -> None:
    assert next_head(world.context, None, world.head).version == 1


def test_a_row_under_the_lock(world: World) -> None:
    seen = view(world)
    row = seen.rows[POINTER]
    assert authentic(world.context, seen, POINTER) is row
    assert authentic(world.context, seen, RowKey("policy", "none")) is None
    with pytest.raises(StoreCorruptError, match="edited"):
        authentic(world.context, UnitView(seen.head, {POINTER: replace(row, state="STORED")}), POINTER)


def test_another_authentic_row_is_not_the_row(world: World) -> None:
    seen = view(world)
    other = next(row for key, row in seen.rows.items() if key.kind == "policy" and key != POINTER)
    with pytest.raises(StoreCorruptError, match="another"):
        authentic(world.context, UnitView(seen.head, {POINTER: other}), POINTER)


def test_a_commitment_names_a_life_without_saying_it() -> None:
    made = {thread_commitment(kind, name) for kind in ("token", "approval") for name in ("a", "b")}
    assert len(made) == 4
    assert {len(each) for each in made} == {32}
    with pytest.raises(UnicodeEncodeError):
        thread_commitment("token", "é")
