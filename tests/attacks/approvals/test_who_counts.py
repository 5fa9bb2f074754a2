"""Who may approve, and how often one approval is worth something: on a real file, with callers at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from intended_core import (
    AccessDeniedError,
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
    UnitRefusedError,
)
from intended_core.clock import SystemRandomness

POLICY = """
entity Group;
@root entity User in Group { level: Int }
@root entity Agent { owner: User }
entity Doc;
action open, close { principal: Agent; resource: Doc; args: { n: Int }; }
action send, sign { principal: User; resource: Doc; args: { n: Int }; }
@id("ask") permit ask { action == send; approval { from: Group::"a"; quorum: 1; expires: 1h; } }
@id("gate") escalate gate { action == send; approval { from: Group::"b"; quorum: 1; expires: 1h; } }
@id("mine") permit mine { action == open; approval { from: Group::"a"; quorum: 1; expires: 1h; } }
@id("others") permit others {
  action == close; approval { from: Group::"a"; quorum: 1; exclude: [principal.owner]; expires: 1h; }
}
@id("signed") permit signed {
  action == sign;
  approval { from: Group::"a"; quorum: 1; expires: 1h; when approver.level > args.n; }
}
"""
ANN, BOB, EVE, DOC = (EntityRef("User", "ann"), EntityRef("User", "bob"), EntityRef("User", "eve"), EntityRef("Doc", "d"))
KEYS = {ref: LocalPersonKey.generate(SystemRandomness()) for ref in (ANN, BOB, EVE)}
BOT = EntityRef("Agent", "bot")
A, B = EntityRef("Group", "a"), EntityRef("Group", "b")


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[TenantAuthority]:
    for name in ("data", "keys"):
        (tmp_path / name).mkdir()
    with Authority.create(
        tmp_path / "data" / "a.db", key_file=tmp_path / "keys" / "kek", clock=ManualClock(1_795_000_000_000_000), durability="normal"
    ) as authority:
        made = authority.create_tenant("acme")
        made.activate({"p.policy": POLICY})
        made.put_entities(
            [
                Entity(ref=BOT, attributes={"owner": BOB}), Entity(ref=A), Entity(ref=B), Entity(ref=DOC), Entity(ref=EVE, attributes={"level": 1}),
                Entity(ref=ANN, parents=frozenset({A, B}), attributes={"level": 5}),
                Entity(ref=BOB, parents=frozenset({A}), attributes={"level": 3}),
            ]
        )  # fmt: skip
        for ref, key in KEYS.items():
            made.register_person(ref, key.public_key)
        yield made


def asking(action: str, n: int = 1) -> Intent:
    return Intent(principal=EVE, action=action, resource=DOC, args={"n": n})


def waiting(tenant: TenantAuthority, action: str, n: int = 1) -> str:
    found = tenant.authorize(asking(action, n), audience="desk")
    assert isinstance(found, Pending)
    return found.approval_id


@pytest.mark.parametrize("order", [(ANN, BOB), (BOB, ANN)], ids=["who may serve both first", "last"])
def test_who_may_serve_two_is_counted_where_they_are_needed(tenant: TenantAuthority, order: tuple[EntityRef, ...]) -> None:
    """Ann may serve both, Bob only the first: counted greedily, Ann takes Bob's place and nobody can end it."""
    request = waiting(tenant, "send")
    states = [tenant.approvals.approve(request, person=ref, key=KEYS[ref]).state for ref in order]
    assert states == ["PENDING", "APPROVED"]
    assert isinstance(tenant.authorize(asking("send"), audience="desk", approval=request), Granted)


def test_one_person_is_never_two(tenant: TenantAuthority) -> None:
    request = waiting(tenant, "send")
    assert tenant.approvals.approve(request, person=ANN, key=KEYS[ANN]).state == "PENDING"
    with pytest.raises(AccessDeniedError, match="distinct"):
        tenant.approvals.approve(request, person=ANN, key=KEYS[ANN])
    assert isinstance(tenant.authorize(asking("send"), audience="desk", approval=request), Deny)


@pytest.mark.parametrize(("n", "may"), [(2, True), (3, False), (4, False)])
def test_the_conditions_on_the_approver(tenant: TenantAuthority, n: int, may: bool) -> None:
    request = waiting(tenant, "sign", n)
    if may:
        assert tenant.approvals.approve(request, person=BOB, key=KEYS[BOB]).state == "APPROVED"
    else:
        with pytest.raises(AccessDeniedError):
            tenant.approvals.approve(request, person=BOB, key=KEYS[BOB])
        assert tenant.approvals.approve(request, person=ANN, key=KEYS[ANN]).state == "APPROVED"


def test_nobody_approves_or_rejects_what_they_asked_for(tenant: TenantAuthority) -> None:
    tenant.put_entities([Entity(ref=EVE, parents=frozenset({A}), attributes={"level": 9})])
    request = waiting(tenant, "sign")
    for act in (tenant.approvals.approve, tenant.approvals.reject):
        with pytest.raises(AccessDeniedError):
            act(request, person=EVE, key=KEYS[EVE])


@pytest.mark.parametrize(("action", "may"), [("open", True), ("close", False)])
def test_an_agents_owner_is_excluded_only_where_the_policy_says_so(tenant: TenantAuthority, action: str, may: bool) -> None:
    found = tenant.authorize(Intent(principal=BOT, action=action, resource=DOC, args={"n": 1}), audience="desk")
    assert isinstance(found, Pending)
    if may:
        assert tenant.approvals.approve(found.approval_id, person=BOB, key=KEYS[BOB]).state == "APPROVED"
    else:
        with pytest.raises(AccessDeniedError, match="excluded"):
            tenant.approvals.approve(found.approval_id, person=BOB, key=KEYS[BOB])


def test_without_the_role_nobody_approves(tenant: TenantAuthority) -> None:
    request = waiting(tenant, "sign")
    tenant.persons.add(BOB, KEYS[BOB].public_key, roles=["viewer", "operator"])
    with pytest.raises(AccessDeniedError, match="role"):
        tenant.approvals.approve(request, person=BOB, key=KEYS[BOB])


def test_a_role_that_was_taken_away_before_the_use_counts_no_longer(tenant: TenantAuthority) -> None:
    request = waiting(tenant, "sign")
    tenant.approvals.approve(request, person=BOB, key=KEYS[BOB])
    tenant.persons.add(BOB, KEYS[BOB].public_key, roles=["viewer"])
    assert isinstance(tenant.authorize(asking("sign"), audience="desk", approval=request), Deny)


def test_one_approval_is_used_once_by_callers_at_once(tenant: TenantAuthority) -> None:
    request = waiting(tenant, "sign")
    tenant.approvals.approve(request, person=BOB, key=KEYS[BOB])
    start, found = threading.Barrier(16), []

    def call() -> None:
        start.wait()
        found.append(tenant.authorize(asking("sign"), audience="desk", approval=request))

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(each, Granted) for each in found) == 1
    assert sum(isinstance(each, Deny) for each in found) == 15


def test_a_yes_and_a_no_at_once_end_in_one_of_both(tenant: TenantAuthority) -> None:
    for _ in range(10):
        request = waiting(tenant, "sign")
        start, said = threading.Barrier(2), []

        def speak(request: str, act: str, start: threading.Barrier, said: list[str]) -> None:
            start.wait()
            try:
                said.append(getattr(tenant.approvals, act)(request, person=BOB, key=KEYS[BOB]).state)
            except UnitRefusedError:
                said.append("refused")

        threads = [threading.Thread(target=speak, args=(request, act, start, said)) for act in ("approve", "reject")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        state = tenant.approvals.show(request).state
        assert state in said
        assert state == ("REJECTED" if "REJECTED" in said else "APPROVED")
