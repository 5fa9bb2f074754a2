"""approve: one person, one signature over exactly what was shown, one step of one request."""

from __future__ import annotations

import pytest

from intended_core import AccessDeniedError, Entity, EntityRef, KeyRingError, Pending, UnitRefusedError
from intended_core.canonical import b64url
from intended_core.errors import StoreConflictError, StoreError
from intended_core.flows.approve import ApprovalStatus, approve
from intended_core.flows.effects import Commit, LoadEntities
from intended_core.flows.queue import show_approval
from tests.reference.flow_world import (
    ANN,
    ANN_KEY,
    BOB,
    BOB_KEY,
    CHIEFS,
    NOW_US,
    POLICY,
    Traced,
    World,
    at,
    intent,
    pay,
    raising,
    trace,
)

BOTH = [Entity(ref=ANN, parents=frozenset({CHIEFS})), Entity(ref=BOB, parents=frozenset({CHIEFS}))]


def approving(
    world: World, person: EntityRef = ANN, *, signature: bytes | None = None, before: object = None, request: Pending | None = None
) -> Traced:
    pending = world.pending if request is None else request
    given = (ANN_KEY if person == ANN else BOB_KEY).sign(pending.digest) if signature is None else signature
    return trace(world, approve(world.context, pending.approval_id, person=person, signature=given), before)  # type: ignore[arg-type]


def test_a_yes_is_one_unit_after_everything_was_read(world: World) -> None:
    size = world.head.size
    seen = approving(world)
    assert seen.order == ["LoadState", "ReadRows", "LoadEntities", "Commit"]
    status = seen.result
    assert isinstance(status, ApprovalStatus)
    assert (status.state, status.approval_id) == ("APPROVED", world.pending.approval_id)
    assert world.kinds(size) == ["approval.granted"]
    body = world.body()
    assert body["person"] == ["Person", "ann"]
    assert body["signature"] == b64url(ANN_KEY.sign(world.pending.digest))
    assert body["person_key"] == b64url(ANN_KEY.public_key)


def test_what_an_approver_is_shown(world: World) -> None:
    seen = trace(world, show_approval(world.context, world.pending.approval_id))
    view = seen.result
    assert (seen.order, view.state, view.digest, view.approved_by) == (["ReadRows"], "PENDING", world.pending.digest, ())
    assert view.expires_us == NOW_US + 3_600 * 1_000_000
    assert "500" in view.intent
    approving(world)
    assert trace(world, show_approval(world.context, world.pending.approval_id)).result.approved_by == (ANN,)


def test_a_quorum_is_of_distinct_persons(world: World) -> None:
    world.tenant.put_entities(BOTH)
    world.tenant.activate({"bank.policy": POLICY.replace("quorum: 1", "quorum: 2")})
    request = world.tenant.authorize(intent("500.00"), audience="bank")
    assert isinstance(request, Pending)
    assert approving(world, request=request).result.state == "PENDING"
    assert isinstance(approving(world, request=request).error, AccessDeniedError), "the same person again"
    assert approving(world, BOB, request=request).result.state == "APPROVED"
    token = world.tenant.require(intent("500.00"), audience="bank", approval=request.approval_id)
    world.tenant.redeem(token, pay("500.00"), adapter=world.tenant.adapter("bank"))


def test_who_is_not_in_the_group_may_not(world: World) -> None:
    before = world.data()
    assert isinstance(approving(world, BOB).error, AccessDeniedError)
    assert world.data() == before


def test_a_signature_that_is_not_theirs_or_not_over_this(world: World) -> None:
    before = world.data()
    digest = world.pending.digest
    for signature in (BOB_KEY.sign(digest), ANN_KEY.sign(bytes(32)), b"", ANN_KEY.sign(digest)[:-1], bytes(64)):
        assert isinstance(approving(world, signature=signature).error, KeyRingError)
    assert world.data() == before


def test_somebody_who_is_not_registered(world: World) -> None:
    assert isinstance(approving(world, EntityRef("Person", "eve"), signature=ANN_KEY.sign(world.pending.digest)).error, KeyRingError)


def code(seen: Traced) -> str:
    assert isinstance(seen.error, UnitRefusedError)
    return seen.error.code


def test_a_request_that_nobody_made(world: World) -> None:
    flow = approve(world.context, "none", person=ANN, signature=ANN_KEY.sign(world.pending.digest))
    assert code(trace(world, flow)) == "approval_unknown"


def test_a_request_that_is_decided_already(world: World) -> None:
    approving(world)
    assert code(approving(world)) == "approval_state"


def test_a_request_that_has_expired(world: World) -> None:
    world.clock.advance(seconds=3_599)
    assert approving(world).result.state == "APPROVED"
    world.restore()
    world.clock.advance(seconds=3_600)
    assert code(approving(world)) == "approval_expired"


def test_a_request_under_an_older_policy(world: World) -> None:
    world.tenant.activate({"bank.policy": POLICY + "# a comment\n"})
    assert code(approving(world)) == "approval_policy"


def test_somebody_who_left_the_group_meanwhile_does_not_count(world: World) -> None:
    leave = at(Commit, lambda: world.tenant.put_entities([Entity(ref=ANN)]))
    seen = approving(world, before=leave)
    assert isinstance(seen.error, AccessDeniedError)
    assert [effect.fresh for effect in seen.effects if isinstance(effect, LoadEntities)] == [False, True]
    assert world.row("approval", world.pending.approval_id).state == "PENDING"


def test_entities_that_keep_changing(world: World) -> None:
    again = at(Commit, lambda: world.tenant.put_entities(BOTH), times=3)
    assert code(approving(world, before=again)) == "conflict"


def test_somebody_else_acted_on_the_request(world: World) -> None:
    """The same person in two windows: counted once."""
    meanwhile = at(Commit, lambda: world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY))
    assert code(approving(world, before=meanwhile)) == "approval_state"
    assert len(world.tenant.approval(world.pending.approval_id).approved_by) == 1


@pytest.mark.parametrize("error", [StoreError("x"), StoreConflictError("x")])
def test_a_commit_that_fails_counts_nobody(world: World, error: StoreError) -> None:
    assert approving(world, before=at(Commit, raising(error))).error is error
    assert world.tenant.approval(world.pending.approval_id).approved_by == ()
