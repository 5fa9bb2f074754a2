"""Whoever writes to the database behind the authority cannot approve a draft, bring one back, or move the pointer to a set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from intended_core.errors import IntendedError, StoreCorruptError, UnitRefusedError
from intended_core.flows.draftrows import DraftRow, Signed
from intended_core.flows.drafts import show_draft
from intended_core.unit import Row
from tests.reference.data_world import EVE_KEY, LOWER, WITH_DATA, governed_world, ready
from tests.reference.flow_world import ANN, ANN_KEY, World


@pytest.fixture
def world() -> Iterator[World]:
    """What is active before and after: the set with the higher cap."""
    made = governed_world()
    made.restore()
    yield made
    made.reopen()
    active = made.tenant.policies.active()
    assert active is not None
    assert active.sources == {"bank.policy": WITH_DATA}


def refused(world: World, name: str) -> None:
    world.reopen()
    with pytest.raises(IntendedError):
        world.tenant.policies.activate(name)


def test_approved_by_editing(world: World) -> None:
    name = ready(world)
    world.edit(replace(world.row("draft", name), state="APPROVED"))
    refused(world, name)


def test_an_approval_is_added_by_editing(world: World) -> None:
    name = ready(world)
    row = world.row("draft", name)
    draft = DraftRow.from_row(row)
    forged = replace(draft, approved=(Signed(ANN, ANN_KEY.sign(b"x" * 32)),))
    world.edit(replace(row, state="APPROVED", body=forged.to_body()))
    refused(world, name)


def test_even_an_authentic_row_needs_signatures_that_hold(world: World) -> None:
    """As one who holds the row-tag key could write it: the persons' signatures are counted again."""
    name = ready(world)
    row = world.row("draft", name)
    for approved in ((), (Signed(ANN, ANN_KEY.sign(b"x" * 32)),), (Signed(DraftRow.from_row(row).drafter or ANN, EVE_KEY.sign(world.tenant.policies.show(name).to_approve)),)):
        forged = replace(DraftRow.from_row(row), approved=approved)
        world.edit(world.context.mac.seal_row(world.context.scope, "draft", name, row.version, "APPROVED", forged.to_body()))
        refused(world, name)
    world.edit(row)


def test_an_approved_draft_that_was_withdrawn_is_put_back(world: World) -> None:
    name = ready(world)
    world.tenant.policies.approve(name, person=ANN, key=ANN_KEY)
    approved = world.row("draft", name)
    world.tenant.policies.withdraw(name)
    world.edit(approved)
    refused(world, name)


def test_a_draft_that_was_active_is_put_back_after_a_rollback(world: World) -> None:
    desk = world.tenant.policies
    name = ready(world)
    desk.approve(name, person=ANN, key=ANN_KEY)
    approved = world.row("draft", name)
    desk.activate(name)
    back = ready(world, WITH_DATA)
    desk.approve(back, person=ANN, key=ANN_KEY)
    desk.activate(back)
    world.edit(approved)
    refused(world, name)


def test_its_contents_are_exchanged(world: World) -> None:
    name = ready(world)
    world.tenant.policies.approve(name, person=ANN, key=ANN_KEY)
    other = world.tenant.policies.draft({"bank.policy": LOWER + "# other\n"})
    row = world.row("draft", name)
    moved = replace(DraftRow.from_row(row), content=other.content)
    world.edit(world.context.mac.seal_row(world.context.scope, "draft", name, row.version, "APPROVED", moved.to_body()))
    refused(world, name)
    world.edit(row)


def test_a_draft_stands_under_another_name(world: World) -> None:
    name = ready(world)
    world.edit(replace(world.row("draft", name), key="another"))
    with pytest.raises(StoreCorruptError):
        world.tenant.run(show_draft(world.context, "another"))
    world.remove("draft", "another")


def test_a_draft_is_taken_away(world: World) -> None:
    name = ready(world)
    world.tenant.policies.approve(name, person=ANN, key=ANN_KEY)
    world.remove("draft", name)
    with pytest.raises(UnitRefusedError, match="no draft"):
        world.tenant.policies.activate(name)


@pytest.mark.parametrize("how", ["body", "older", "gone"])
def test_the_pointer_to_the_set_is_moved(how: str) -> None:
    """Everything in the scope is refused until it stands again."""
    world = governed_world()
    world.restore()
    older = world.row("policy", "active")
    name = ready(world)
    world.tenant.policies.approve(name, person=ANN, key=ANN_KEY)
    world.tenant.policies.activate(name)
    now: Row = world.row("policy", "active")
    if how == "gone":
        world.remove("policy", "active")
    else:
        world.edit(older if how == "older" else replace(now, body=older.body))
    world.reopen()
    with pytest.raises(StoreCorruptError):
        world.tenant.policy()
    with pytest.raises(IntendedError):
        ready(world, WITH_DATA)
