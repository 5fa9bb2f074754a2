"""Somebody writes to the store: no row that they add, change or put back approves anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Deny, Granted, IntendedError, Pending
from intended_core.canonical import b64url
from intended_core.errors import StoreCorruptError
from intended_core.flows.requests import request_reads
from intended_core.flows.rows import ApprovalRow, GivenApproval
from intended_core.keys.rowmac import RowMac
from intended_core.unit import Row
from tests.reference.flow_world import ANN, ANN_KEY, BOB_KEY, World, intent


@pytest.fixture(scope="module")
def made() -> World:
    return World()


@pytest.fixture
def world(made: World) -> World:
    made.restore()
    return made


def used(world: World, approval: str) -> bool:
    found = world.tenant.authorize(intent("500.00"), audience="bank", approval=approval)
    assert isinstance(found, Deny | Granted)
    return isinstance(found, Granted)


def forged(world: World, row: Row) -> Row:
    """Sealed by somebody who does not have the store's row-tag key."""
    return RowMac(b"x" * 32).seal_row(world.context.scope, row.kind, row.key, row.version, row.state, row.body)


def approved_body(world: World) -> ApprovalRow:
    row = ApprovalRow.from_row(world.row("approval", world.pending.approval_id))
    signature = ANN_KEY.sign(row.digest)
    (alternative,) = row.alternatives
    return replace(row, given=(GivenApproval(key=alternative[0].key, person=ANN, signature=signature),))


def test_an_approval_that_was_added(world: World) -> None:
    row = world.row("approval", world.pending.approval_id)
    added = replace(row, key=b64url(b"a" * 16), state="APPROVED", body=approved_body(world).to_body())
    for each in (added, forged(world, added)):
        world.edit(each)
        assert not used(world, added.key)


def test_a_pending_row_turned_approved(world: World) -> None:
    row = replace(world.row("approval", world.pending.approval_id), state="APPROVED", body=approved_body(world).to_body())
    for each in (row, forged(world, row)):
        world.edit(each)
        assert not used(world, row.key)


def test_the_rows_digest_changed(world: World) -> None:
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    row = world.row("approval", world.pending.approval_id)
    request = ApprovalRow.from_row(row)
    for changed in (replace(request, digest=bytes(32)), replace(request, ith=bytes(32)), replace(request, audience="mail")):
        world.edit(replace(row, body=changed.to_body()))
        assert not used(world, row.key)


def test_a_persons_key_swapped(world: World) -> None:
    row = world.row("person", str(ANN))
    swapped = replace(row, body=row.body.replace(b64url(ANN_KEY.public_key).encode(), b64url(BOB_KEY.public_key).encode()))
    world.edit(swapped)
    world.reopen()
    with pytest.raises(IntendedError):
        world.tenant.approve(world.pending.approval_id, person=ANN, key=BOB_KEY)


@pytest.mark.parametrize("end", ["reject", "cancel", "expire", "use"])
@pytest.mark.parametrize("rosters", [False, True], ids=["the row alone", "with its rosters"])
def test_an_older_row_is_put_back_after_the_end(world: World, end: str, rosters: bool) -> None:
    """Rejected turned approved, USED turned APPROVED: with a tag that was ours once."""
    name = world.pending.approval_id
    world.tenant.approve(name, person=ANN, key=ANN_KEY)
    rows = [world.data().rows[key] for key in request_reads(name)]
    if end == "reject":
        world.tenant.approvals.reject(name, person=ANN, key=ANN_KEY)
    elif end == "cancel":
        world.tenant.approvals.cancel(name)
    elif end == "expire":
        world.clock.advance(seconds=3_600)
        world.tenant.sweep()
        world.clock = type(world.clock)(world.clock.now_us() - 3_601_000_000)
        world.reopen()
    else:
        assert used(world, name)
    for row in rows if rosters else rows[:1]:
        world.edit(row)
    for _ in range(2):
        assert not used(world, name)
        world.reopen()


def test_a_request_taken_away_is_unknown(world: World) -> None:
    world.remove("approval", world.pending.approval_id)
    assert not used(world, world.pending.approval_id)
    with pytest.raises(IntendedError):
        world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)


def test_a_roster_taken_away_lets_nobody_ask_or_approve(world: World) -> None:
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    world.remove("approval", "roster")
    assert not used(world, world.pending.approval_id)
    with pytest.raises(StoreCorruptError):
        world.tenant.approvals.cancel(world.pending.approval_id)
    assert isinstance(world.tenant.authorize(intent("600.00"), audience="bank"), Deny)


def test_an_approver_whose_person_row_was_taken_away(world: World) -> None:
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    world.remove("person", str(ANN))
    world.reopen()
    assert not used(world, world.pending.approval_id)


def test_what_stands_after_all_that_is_still_usable(world: World) -> None:
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    assert used(world, world.pending.approval_id)
    assert not used(world, world.pending.approval_id)
    assert isinstance(world.tenant.authorize(intent("600.00"), audience="bank"), Pending)
