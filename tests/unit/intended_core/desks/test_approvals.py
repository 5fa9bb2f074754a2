"""The approvals desk: what people do with requests, by a local key or by a signature that was made elsewhere."""

from __future__ import annotations

import pytest

from intended_core import EntityRef
from intended_core.access.persons import LocalPersonKey
from tests.reference.flow_world import ANN, ANN_KEY, World


def test_by_key_and_by_signature(world: World) -> None:
    desk, name = world.tenant.approvals, world.pending.approval_id
    view = desk.show(name)
    assert desk.approve(name, person=ANN, signature=ANN_KEY.sign(view.digest)).state == "APPROVED"
    assert desk.reject(name, person=ANN, signature=ANN_KEY.sign(view.rejection), reason="no").state == "REJECTED"
    world.restore()
    desk = world.tenant.approvals
    assert desk.approve(name, person=ANN, key=ANN_KEY).state == "APPROVED"
    assert desk.reject(name, person=ANN, key=ANN_KEY).state == "REJECTED"


@pytest.mark.parametrize("given", [{}, {"key": ANN_KEY, "signature": bytes(64)}], ids=["neither", "both"])
def test_exactly_one_of_key_and_signature(world: World, given: dict[str, LocalPersonKey | bytes]) -> None:
    desk = world.tenant.approvals
    for act in (desk.approve, desk.reject):
        with pytest.raises(TypeError, match="either"):
            act(world.pending.approval_id, person=ANN, **given)  # type: ignore[arg-type]


def test_the_queue_and_its_ends(world: World) -> None:
    desk, name = world.tenant.approvals, world.pending.approval_id
    assert [view.approval_id for view in desk.list(state="PENDING", approver=ANN)] == [name]
    assert desk.list(principal=EntityRef("Agent", "other")) == ()
    assert desk.expire() == 0
    assert desk.cancel(name, reason="not needed").state == "CANCELLED"
    assert desk.list(state="PENDING") == ()
