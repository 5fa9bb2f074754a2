"""write: entities and persons change whole, through the log, and every reader notices."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_core import Entity, EntityRef, IntentError
from intended_core.errors import StoreCorruptError
from intended_core.flows.rows import entity_key
from intended_core.flows.write import MAX_BATCH, put_entities, remove_entities
from tests.reference.flow_world import ACCOUNT, BOT, CLOSED, World, trace
from tests.reference.meter_world import METERED
from tests.reference.meter_world import world as metered

OPEN = Entity(ref=ACCOUNT, attributes={"closed": False})


def test_entities_are_typed_and_then_written_in_one_unit(world: World) -> None:
    before = world.head
    seen = trace(world, put_entities(world.context, [OPEN, Entity(ref=EntityRef("Account", "new"), attributes={"closed": True})]))
    assert seen.order == ["LoadState", "Commit"]
    assert seen.result == before.size
    assert (world.head.entities, world.head.guards) == (before.entities + 1, before.guards)
    assert world.kinds(before.size) == ["entity.written"]
    assert [name for name, _ in world.body()["entities"]] == ['Account::"main"', 'Account::"new"']
    assert world.row("entity", entity_key(ACCOUNT)).version == 2
    assert world.row("entity", 'Account::"new"').version == 1


@pytest.mark.parametrize(
    "wrong",
    [
        Entity(ref=EntityRef("Ship", "s")), Entity(ref=ACCOUNT), Entity(ref=ACCOUNT, attributes={"closed": 1}),
        Entity(ref=ACCOUNT, attributes={"closed": False, "more": 1}), Entity(ref=BOT, parents=frozenset({ACCOUNT})),
    ],
    ids=["type", "missing", "wrong", "unknown", "parent"],
)  # fmt: skip
def test_one_wrong_entity_and_none_is_written(world: World, wrong: Entity) -> None:
    before = world.data()
    good = Entity(ref=EntityRef("Account", "good"), attributes={"closed": False})
    assert isinstance(trace(world, put_entities(world.context, [good, wrong])).error, IntentError)
    assert world.data() == before


@pytest.mark.parametrize("count", [0, MAX_BATCH + 1])
def test_a_batch_has_its_bounds(world: World, count: int) -> None:
    refs = [EntityRef("Account", f"a{number}") for number in range(count)]
    for flow in (
        put_entities(world.context, [Entity(ref=ref, attributes={"closed": False}) for ref in refs]),
        remove_entities(world.context, refs),
    ):
        with pytest.raises(IntentError, match="1 to 1000"):
            next(flow)


def test_the_largest_batch(world: World) -> None:
    batch = [Entity(ref=EntityRef("Account", f"a{number}"), attributes={"closed": False}) for number in range(MAX_BATCH)]
    assert trace(world, put_entities(world.context, batch)).result == world.head.size - 1


def test_an_entity_twice_in_a_batch(world: World) -> None:
    with pytest.raises(IntentError, match="twice"):
        next(put_entities(world.context, [OPEN, OPEN]))


def test_removing_keeps_the_row_and_its_version(world: World) -> None:
    before = world.head
    seen = trace(world, remove_entities(world.context, [ACCOUNT]))
    assert (seen.order, seen.result) == (["Commit"], before.size)
    assert (world.row("entity", entity_key(ACCOUNT)).state, world.row("entity", entity_key(ACCOUNT)).version) == ("REMOVED", 2)
    assert world.head.entities == before.entities + 1
    trace(world, put_entities(world.context, [OPEN]))
    assert (world.row("entity", entity_key(ACCOUNT)).state, world.row("entity", entity_key(ACCOUNT)).version) == ("ACTIVE", 3)


def test_removing_one_that_is_not_there_removes_none(world: World) -> None:
    before = world.data()
    error = trace(world, remove_entities(world.context, [ACCOUNT, EntityRef("Account", "none")])).error
    assert isinstance(error, IntentError)
    assert world.data() == before


def test_an_edited_row_is_not_overwritten(world: World) -> None:
    row = world.row("entity", entity_key(CLOSED))
    world.edit(type(row)(row.kind, row.key, row.version, "REMOVED", row.body, row.mac))
    flow = put_entities(world.context, [Entity(ref=CLOSED, attributes={"closed": True})])
    assert isinstance(trace(world, flow).error, StoreCorruptError)


def test_entities_are_typed_against_the_set_in_force(tmp_path: Path) -> None:
    with metered(tmp_path) as (tenant, _, _):
        tenant.activate({"bench.policy": METERED.replace("entity Group;", "entity Group; entity New { a: Int }")})
        tenant.put_entities([Entity(ref=EntityRef("New", "n"), attributes={"a": 1})])
