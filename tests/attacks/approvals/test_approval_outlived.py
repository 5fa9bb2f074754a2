"""An approval is for what was shown: what it rests on may not change between the yes and the use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from intended_core import (
    Authority,
    Deny,
    Entity,
    EntityRef,
    Granted,
    Intent,
    LocalPersonKey,
    ManualClock,
    Pending,
    TenantAuthority,
)
from intended_core.clock import SystemRandomness

POLICY = """
entity Group;
@root entity User in Group { quorum: Int }
entity Doc { big: Bool }
entity Rate { percent: Int }
action read { principal: User; resource: Doc; args: { n: Int }; }
@id("p") permit p {
  action == read; when Rate::"today".percent >= 0;
  approval { from: Group::"board"; quorum: if Rate::"today".percent > 50 then 2 else principal.quorum; expires: 1h; }
}
@id("stop") forbid stop { action == read; when Rate::"today".percent > 90; }
"""
ANN, BOB = EntityRef("User", "ann"), EntityRef("User", "bob")
BOARD, DOC, RATE = EntityRef("Group", "board"), EntityRef("Doc", "d"), EntityRef("Rate", "today")
INTENT = Intent(principal=ANN, action="read", resource=DOC, args={"n": 1})


def put(tenant: TenantAuthority, *, quorum: int = 1, big: bool = False, percent: int = 0, board: bool = True) -> None:
    tenant.put_entities(
        [
            Entity(ref=BOARD),
            Entity(ref=ANN, attributes={"quorum": quorum}),
            Entity(ref=BOB, parents=frozenset({BOARD} if board else ()), attributes={"quorum": 1}),
            Entity(ref=DOC, attributes={"big": big}),
            Entity(ref=RATE, attributes={"percent": percent}),
        ]
    )


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[TenantAuthority]:
    (tmp_path / "data").mkdir()
    (tmp_path / "keys").mkdir()
    clock = ManualClock(1_795_000_000_000_000)
    with Authority.create(tmp_path / "data" / "a.db", key_file=tmp_path / "keys" / "kek", clock=clock, durability="normal") as made:
        tenant = made.create_tenant("acme")
        tenant.activate({"p.policy": POLICY})
        put(tenant)
        yield tenant


@pytest.fixture
def approval(tenant: TenantAuthority) -> str:
    """The id of a request that bob has approved."""
    key = LocalPersonKey.generate(SystemRandomness())
    tenant.register_person(BOB, key.public_key)
    waiting = tenant.authorize(INTENT, audience="desk")
    assert isinstance(waiting, Pending)
    assert tenant.approve(waiting.approval_id, person=BOB, key=key).state == "APPROVED"
    return waiting.approval_id


def refused(tenant: TenantAuthority, approval: str) -> str:
    found = tenant.authorize(INTENT, audience="desk", approval=approval)
    assert isinstance(found, Deny)
    return found.reasons[0].text


def test_an_entity_that_the_intent_names_changed(tenant: TenantAuthority, approval: str) -> None:
    put(tenant, big=True)
    assert "changed after the request" in refused(tenant, approval)
    put(tenant, quorum=2)
    assert "changed after the request" in refused(tenant, approval)
    put(tenant)
    assert isinstance(tenant.authorize(INTENT, audience="desk", approval=approval), Granted)


def test_a_quorum_that_grew_is_not_carried_over(tenant: TenantAuthority, approval: str) -> None:
    put(tenant, percent=51)
    assert "standing" in refused(tenant, approval)


def test_an_approver_who_left_the_group_no_longer_counts(tenant: TenantAuthority, approval: str) -> None:
    put(tenant, board=False)
    assert "standing" in refused(tenant, approval)


def test_an_approver_whose_key_was_replaced_no_longer_counts(tenant: TenantAuthority, approval: str) -> None:
    tenant.register_person(BOB, LocalPersonKey.generate(SystemRandomness()).public_key)
    assert "standing" in refused(tenant, approval)


def test_an_approval_never_lifts_a_forbid(tenant: TenantAuthority, approval: str) -> None:
    put(tenant, percent=91)
    found = tenant.authorize(INTENT, audience="desk", approval=approval)
    assert isinstance(found, Deny)
    assert found.kind == "forbid"


def test_the_policy_set_changed(tenant: TenantAuthority, approval: str) -> None:
    tenant.activate({"p.policy": POLICY + "# a comment\n"})
    assert "policy set changed" in refused(tenant, approval)


def test_another_audience_and_a_second_use(tenant: TenantAuthority, approval: str) -> None:
    found = tenant.authorize(INTENT, audience="mail", approval=approval)
    assert isinstance(found, Deny)
    assert isinstance(tenant.authorize(INTENT, audience="desk", approval=approval), Granted)
    assert "used" in refused(tenant, approval)
