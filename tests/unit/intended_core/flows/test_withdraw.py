"""A request ends without a use: by one no, by the host, or by time; and what has ended stays so."""

from __future__ import annotations

import pytest

from intended_core import AccessDeniedError, Deny, EntityRef, IntentError, KeyRingError, UnitRefusedError
from intended_core.canonical import b64url
from intended_core.flows.effects import Commit
from intended_core.flows.withdraw import cancel, expire_requests, reject, rejection_digest
from tests.reference.flow_world import (
    ACCOUNT,
    ANN,
    ANN_KEY,
    BOB,
    BOB_KEY,
    BOT,
    ENTITIES,
    POLICY,
    Traced,
    World,
    at,
    intent,
    trace,
)


def rejecting(world: World, person: EntityRef = ANN, *, signature: bytes | None = None, reason: str = "", before: object = None) -> Traced:
    key = ANN_KEY if person == ANN else BOB_KEY
    given = key.sign(rejection_digest(world.pending.digest)) if signature is None else signature
    flow = reject(world.context, world.pending.approval_id, person=person, signature=given, reason=reason)
    return trace(world, flow, before)  # type: ignore[arg-type]


def code(seen: Traced) -> str:
    assert isinstance(seen.error, UnitRefusedError)
    return seen.error.code


def denied(world: World) -> str:
    found = world.tenant.authorize(intent("500.00"), audience="bank", approval=world.pending.approval_id)
    assert isinstance(found, Deny)
    return found.reasons[0].text


def test_one_no_ends_the_request(world: World) -> None:
    size = world.head.size
    seen = rejecting(world, reason="not this month")
    assert seen.order == ["LoadState", "ReadRows", "LoadEntities", "Commit"]
    assert (seen.result.state, seen.result.counted_for) == ("REJECTED", "")
    assert world.kinds(size) == ["approval.rejected"]
    body = world.body()
    assert (body["person"], body["reason"]) == (["Person", "ann"], "not this month")
    assert body["signature"] == b64url(ANN_KEY.sign(rejection_digest(world.pending.digest)))
    with pytest.raises(UnitRefusedError, match="rejected"):
        world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    assert "rejected" in denied(world)


def test_a_no_ends_what_others_or_they_themselves_approved(world: World) -> None:
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    assert rejecting(world).result.state == "REJECTED"
    assert "rejected" in denied(world)


def test_who_may_not_approve_may_not_reject(world: World) -> None:
    before = world.data()
    assert isinstance(rejecting(world, BOB).error, AccessDeniedError)
    assert isinstance(rejecting(world, EntityRef("Person", "eve"), signature=bytes(64)).error, KeyRingError)
    assert world.data() == before


def test_a_yes_is_never_taken_for_a_no(world: World) -> None:
    assert isinstance(rejecting(world, signature=ANN_KEY.sign(world.pending.digest)).error, KeyRingError)
    no = ANN_KEY.sign(rejection_digest(world.pending.digest))
    with pytest.raises(KeyRingError):
        world.tenant.approve(world.pending.approval_id, person=ANN, signature=no)


def test_a_request_that_was_used_is_not_rejected(world: World) -> None:
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    world.tenant.authorize(intent("500.00"), audience="bank", approval=world.pending.approval_id)
    assert code(rejecting(world)) == "approval_state"


def test_whoever_comes_second_is_told(world: World) -> None:
    again = at(Commit, lambda: world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY))
    assert code(rejecting(world, before=again)) == "approval_state"
    assert world.tenant.approval(world.pending.approval_id).state == "APPROVED"


def test_entities_that_changed_are_looked_at_again(world: World) -> None:
    write = at(Commit, lambda: world.tenant.put_entities(ENTITIES))
    assert rejecting(world, before=write).result.state == "REJECTED"
    world.restore()
    for_ever = at(Commit, lambda: world.tenant.put_entities(ENTITIES), times=9)
    assert code(rejecting(world, before=for_ever)) == "conflict"


@pytest.mark.parametrize("reason", ["x" * 501, "two\nlines", "\x1b[31m"])
def test_a_reason_is_one_line(world: World, reason: str) -> None:
    assert isinstance(rejecting(world, reason=reason).error, IntentError)
    assert isinstance(trace(world, cancel(world.context, world.pending.approval_id, reason=reason)).error, IntentError)


def test_the_host_takes_a_request_back(world: World) -> None:
    size = world.head.size
    assert trace(world, cancel(world.context, world.pending.approval_id, reason="paid by hand")).result.state == "CANCELLED"
    assert world.kinds(size) == ["approval.cancelled"]
    assert (world.body()["by"], world.body()["reason"]) == ("host", "paid by hand")
    assert "cancelled" in denied(world)
    assert code(trace(world, cancel(world.context, world.pending.approval_id))) == "approval_state"


def test_a_principal_takes_back_only_what_it_asked_for(world: World) -> None:
    other = trace(world, cancel(world.context, world.pending.approval_id, by=ACCOUNT))
    assert isinstance(other.error, AccessDeniedError)
    assert trace(world, cancel(world.context, world.pending.approval_id, by=BOT)).result.state == "CANCELLED"
    assert world.body()["by"] == ["Agent", "bot"]


def test_a_request_that_nobody_made(world: World) -> None:
    assert code(trace(world, cancel(world.context, "none"))) == "approval_unknown"


@pytest.mark.parametrize("approved", [False, True])
def test_a_request_expires_at_its_moment_and_not_before(world: World, approved: bool) -> None:
    if approved:
        world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    world.clock.advance(seconds=3_599)
    assert trace(world, expire_requests(world.context)).result == 0
    world.clock.advance(seconds=1)
    size = world.head.size
    assert trace(world, expire_requests(world.context)).result == 1
    assert world.kinds(size) == ["approval.expired"]
    assert world.body()["was"] == ("APPROVED" if approved else "PENDING")
    assert world.tenant.approval(world.pending.approval_id).state == "EXPIRED"
    assert "expired" in denied(world)
    assert trace(world, expire_requests(world.context)).result == 0


def test_a_sweep_ends_requests_as_well(world: World) -> None:
    world.clock.advance(seconds=3_600)
    assert world.tenant.sweep().expired == 1


def test_a_request_that_somebody_acted_on_meanwhile_is_left_alone(world: World) -> None:
    world.clock.advance(seconds=3_600)
    seen = trace(world, expire_requests(world.context), at(Commit, lambda: world.tenant.approvals.cancel(world.pending.approval_id)))
    assert seen.result == 0
    assert world.tenant.approval(world.pending.approval_id).state == "CANCELLED"


def test_a_replaced_policy_ends_no_request_by_itself_but_nobody_may_decide_it(world: World) -> None:
    world.tenant.activate({"bank.policy": POLICY + "# a comment\n"})
    assert code(rejecting(world)) == "approval_policy"
    assert trace(world, cancel(world.context, world.pending.approval_id)).result.state == "CANCELLED"
