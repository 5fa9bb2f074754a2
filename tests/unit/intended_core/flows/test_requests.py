"""Which requests are open hangs on the head: none is added, put back, taken away or decided twice unseen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Deny, Granted, Pending, UnitRefusedError
from intended_core.errors import StoreCorruptError
from intended_core.flows.requests import (
    REQUEST_ROSTER,
    asked_by,
    load_request,
    request_reads,
    scan_requests,
    standing_request,
)
from intended_core.flows.rows import ApprovalRow
from intended_core.flows.withdraw import cancel
from intended_core.unit import RowKey, UnitView
from tests.reference.flow_world import ANN, ANN_KEY, BOT, World, intent, trace


def test_the_head_counts_every_change_of_a_request(world: World) -> None:
    before = world.head.approvals
    assert before == 1, "the world begins with one request"
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    assert world.head.approvals == before + 1
    assert isinstance(world.tenant.authorize(intent("500.00"), audience="bank", approval=world.pending.approval_id), Granted)
    assert world.head.approvals == before + 2
    assert world.row("approval", REQUEST_ROSTER.key).version == world.head.approvals


def test_a_request_that_has_ended_is_named_no_longer(world: World) -> None:
    shard = request_reads(world.pending.approval_id)[2]
    assert world.pending.approval_id.encode() in world.row("approval", shard.key).body
    world.tenant.approvals.cancel(world.pending.approval_id)
    assert world.pending.approval_id.encode() not in world.row("approval", shard.key).body


def test_the_rosters_are_no_requests(world: World) -> None:
    assert [row.key for row in trace(world, scan_requests(world.context)).result] == [world.pending.approval_id]
    for key in request_reads(world.pending.approval_id)[1:]:
        error = trace(world, load_request(world.context, key.key)).error
        assert isinstance(error, UnitRefusedError)
        assert error.code == "approval_unknown"


def test_who_asked(world: World) -> None:
    assert asked_by(ApprovalRow.from_row(world.row("approval", world.pending.approval_id))) == BOT


def view(world: World, *without: str) -> UnitView:
    data = world.data()
    keys = request_reads(world.pending.approval_id)
    return UnitView(data.head, {key: data.rows[key] for key in keys if key in data.rows and key.key not in without})


def test_the_row_that_was_read_is_the_one_that_stands(world: World) -> None:
    row = world.row("approval", world.pending.approval_id)
    assert standing_request(world.context, view(world), world.head, row) == row
    with pytest.raises(UnitRefusedError, match="somebody else"):
        standing_request(world.context, view(world), world.head, replace(row, version=2))


def test_a_roster_or_request_that_was_taken_away(world: World) -> None:
    row = world.row("approval", world.pending.approval_id)
    for key in request_reads(world.pending.approval_id):
        with pytest.raises(StoreCorruptError):
            standing_request(world.context, view(world, key.key), world.head, row)


def test_rosters_of_before_that_were_put_back_whole(world: World) -> None:
    rows = {key: world.data().rows[key] for key in request_reads(world.pending.approval_id)}
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    for row in rows.values():
        world.edit(row)
    error = trace(world, cancel(world.context, world.pending.approval_id)).error
    assert isinstance(error, StoreCorruptError)
    refused = world.tenant.authorize(intent("500.00"), audience="bank", approval=world.pending.approval_id)
    assert isinstance(refused, Deny)


def test_two_requests_do_not_stand_in_each_others_way(world: World) -> None:
    others = [world.tenant.authorize(intent("600.00"), audience="bank") for _ in range(3)]
    for other in (*others, world.pending):
        assert isinstance(other, Pending)
        assert world.tenant.approve(other.approval_id, person=ANN, key=ANN_KEY).state == "APPROVED"
    assert {key.kind for key in world.data().rows if key.key.startswith("roster:")} >= {"approval"}
    assert RowKey("approval", "roster") in world.data().rows
