"""Places in the epochs: one each, random, kept, and not to be taken away unseen."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from intended_core.audit.slots import MAX_SLOTS
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.anchor import ANCHOR_SCOPE, SLOTS, Slots, found_anchor, slot_key, slot_of, take_slot
from intended_core.flows.runtime import drive
from intended_core.ids import Scope
from intended_core.unit import Row, RowKey
from tests.reference.sealed_world import SealedWorld

NEW = Scope("gamma", "c" * 32, "test")


def edit(world: SealedWorld, key: RowKey, row: Row | None) -> None:
    snapshot = world.store.snapshot()
    rows = cast("dict[RowKey, Row]", snapshot[ANCHOR_SCOPE.key].rows)
    if row is None:
        del rows[key]
    else:
        rows[key] = row
    world.store.restore(snapshot)


def test_a_tenant_keeps_its_place() -> None:
    world = SealedWorld()
    first = drive(world.runtime, world.context, take_slot(world.context, NEW))
    assert drive(world.runtime, world.context, take_slot(world.context, NEW)) == first
    slots = [slot_of(row) for row in world.data().rows.values() if row.kind == "slot"]
    assert len(set(slots)) == len(slots) == 3


def test_the_genesis_record_names_the_place() -> None:
    world = SealedWorld()
    for name in ("acme", "beta"):
        tenant = world.tenant(name)
        assert b'"slot":%d' % slot_of(world.data().rows[slot_key(tenant.scope)]) in next(tenant.records()).body


def test_places_double_when_three_quarters_are_taken() -> None:
    slots = Slots(width=16, taken=0)
    seen = set()
    for count in range(1, 13):
        slots, slot = slots.take(count * 7919)
        seen.add(slot)
        assert slots.width == 16
    slots, slot = slots.take(5)
    assert (slots.width, len(seen | {slot})) == (32, 13)
    row = Row("anchor", "slots", 1, "STANDS", slots.to_body(), b"")
    assert Slots.from_row(row, version=1) == slots
    full = Slots(width=MAX_SLOTS, taken=2 ** (3 * MAX_SLOTS // 4) - 1)
    with pytest.raises(UnitRefusedError, match="slots_full"):
        full.take(1)


def test_the_row_of_places_cannot_be_put_back_or_taken_away() -> None:
    world = SealedWorld()
    old = world.data().rows[SLOTS]
    drive(world.runtime, world.context, take_slot(world.context, NEW))
    for row in (old, None):
        edit(world, SLOTS, row)
        with pytest.raises(StoreCorruptError):
            drive(world.runtime, world.context, take_slot(world.context, replace(NEW, uuid="d" * 32)))
        with pytest.raises(StoreCorruptError):
            world.authority.anchor.seal()
        world.restore()
        drive(world.runtime, world.context, take_slot(world.context, NEW))


def test_damaged_rows_are_told() -> None:
    for body in (b"", b"{}", b'{"slot":"1"}', b'{"slot":-1}', b'{"slot":200000}'):
        with pytest.raises(StoreCorruptError):
            slot_of(Row("slot", "x", 1, "TAKEN", body, b""))
    for body in (
        b"",
        b"{}",
        b'{"taken":"AA","width":16}',
        b'{"taken":"AAA","width":16.0}',
        b'{"taken":"AAA","width":"16"}',
    ):
        with pytest.raises(StoreCorruptError):
            Slots.from_row(Row("anchor", "slots", 1, "STANDS", body, b""), version=1)


def test_an_anchor_is_opened_once() -> None:
    world = SealedWorld()
    with pytest.raises(UnitRefusedError, match="scope_exists"):
        drive(world.runtime, world.context, found_anchor(world.context, issuer="faults", secret=b"s" * 32))
    assert [scope.tenant for scope in world.authority.tenants()] == ["acme", "beta"]
