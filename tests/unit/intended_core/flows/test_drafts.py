"""Each step of a draft, and who may take it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from intended_core import AccessDeniedError, IntentError, PolicyError
from intended_core.errors import KeyRingError, UnitRefusedError
from intended_core.flows import drafts
from intended_core.flows.drafts import check_draft
from intended_core.flows.effects import Commit
from tests.reference.data_world import EVE, EVE_KEY, LOWER, ROOT, ROOT_KEY, WITH_DATA, governed_world, ready
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World, trace


@pytest.fixture
def world() -> Iterator[World]:
    made = governed_world()
    made.restore()
    yield made
    made.check()


def test_the_states_in_their_order(world: World) -> None:
    desk = world.tenant.policies
    start = world.head.size
    name = ready(world, note="less")
    assert desk.show(name).state == "SIMULATED"
    shown = desk.approve(name, person=ANN, key=ANN_KEY)
    assert (shown.state, shown.approved_by, shown.signed, shown.note) == ("APPROVED", (ANN,), True, "less")
    assert [each.draft_id for each in desk.list()] == [name]
    assert world.kinds(start) == ["policy.drafted", "policy.drafted", "policy.drafted", "policy.simulated", "policy.approved"]
    assert world.body()["approved_by"][:2] == ["Person", "ann"]


def test_a_set_that_does_not_check_stays_a_draft(world: World) -> None:
    draft = world.tenant.policies.draft({"a.policy": "permit x {"})
    with pytest.raises(PolicyError):
        world.tenant.policies.check(draft.draft_id)
    assert world.tenant.policies.show(draft.draft_id).state == "DRAFT"


def test_a_set_whose_own_test_fails_stays_a_draft(world: World) -> None:
    failing = WITH_DATA + 'test "no" { given frozen = []; entity Agent::"b" {}; entity Account::"c" { closed: false }; intent { principal: Agent::"b"; action: pay; resource: Account::"c"; args: { amount: 1.00 }; } expect deny; }'
    draft = world.tenant.policies.draft({"a.policy": failing})
    with pytest.raises(PolicyError, match="own tests fail"):
        world.tenant.policies.check(draft.draft_id)


def test_nothing_is_skipped(world: World) -> None:
    desk = world.tenant.policies
    name = desk.draft({"bank.policy": LOWER}, drafter=EVE, key=EVE_KEY).draft_id
    for act in (lambda: desk.approve(name, person=ANN, key=ANN_KEY), lambda: desk.simulate(name), lambda: desk.activate(name)):
        with pytest.raises(UnitRefusedError):
            act()
    desk.check(name)
    with pytest.raises(UnitRefusedError, match="simulate"):
        desk.approve(name, person=ANN, key=ANN_KEY)
    with pytest.raises(UnitRefusedError, match="second person"):
        desk.activate(name)


def test_who_may_not_approve(world: World) -> None:
    desk = world.tenant.policies
    name = ready(world)
    with pytest.raises(AccessDeniedError):
        desk.approve(name, person=EVE, key=EVE_KEY)  # an operator, and the drafter
    with pytest.raises(KeyRingError):
        desk.approve(name, person=ANN, key=BOB_KEY)
    with pytest.raises(KeyRingError):
        desk.approve(name, person=ANN, signature=ANN_KEY.sign(desk.show(name).to_sign))
    assert desk.show(name).state == "SIMULATED"


def test_the_drafter_never_counts_under_any_name(world: World) -> None:
    """Ann may draft and approve; her key stands under a second name as well."""
    desk = world.tenant.policies
    world.tenant.persons.add(ANN, ANN_KEY.public_key, roles=["operator", "approver"], keys=[(ROOT, ROOT_KEY)])
    world.tenant.persons.add(BOB, ANN_KEY.public_key, roles=["approver"], keys=[(ROOT, ROOT_KEY)])
    draft = desk.draft({"bank.policy": LOWER}, drafter=ANN, key=ANN_KEY)
    desk.check(draft.draft_id)
    desk.simulate(draft.draft_id)
    for person in (ANN, BOB):
        with pytest.raises(AccessDeniedError, match="never approves"):
            desk.approve(draft.draft_id, person=person, key=ANN_KEY)


def test_who_may_not_draft(world: World) -> None:
    with pytest.raises(AccessDeniedError):
        world.tenant.policies.draft({"bank.policy": LOWER}, drafter=ANN, key=ANN_KEY)
    with pytest.raises(KeyRingError):
        world.tenant.policies.draft({"bank.policy": LOWER}, drafter=EVE, key=ANN_KEY)
    unsigned = world.tenant.policies.draft({"bank.policy": LOWER})
    with pytest.raises(KeyRingError, match="names nobody"):
        world.tenant.policies.sign(unsigned.draft_id, key=EVE_KEY)
    world.tenant.policies.check(unsigned.draft_id)
    world.tenant.policies.simulate(unsigned.draft_id)
    with pytest.raises(UnitRefusedError, match="not signed"):
        world.tenant.policies.approve(unsigned.draft_id, person=BOB, key=BOB_KEY)


def test_a_withdrawn_draft_is_closed(world: World) -> None:
    desk = world.tenant.policies
    name = ready(world)
    desk.approve(name, person=ANN, key=ANN_KEY)
    assert desk.withdraw(name).state == "WITHDRAWN"
    for act in (lambda: desk.activate(name), lambda: desk.check(name), lambda: desk.simulate(name), lambda: desk.withdraw(name),
                lambda: desk.approve(name, person=BOB, key=BOB_KEY)):  # fmt: skip
        with pytest.raises(UnitRefusedError, match="withdrawn"):
            act()


def test_somebody_else_acts_meanwhile(world: World) -> None:
    name = world.tenant.policies.draft({"bank.policy": LOWER}).draft_id

    def act(effect: object) -> None:
        if isinstance(effect, Commit) and world.tenant.policies.show(name).state == "DRAFT":
            world.tenant.policies.withdraw(name)

    ended = trace(world, check_draft(world.context, name), act)
    assert isinstance(ended.error, UnitRefusedError)
    assert world.tenant.policies.show(name).state == "WITHDRAWN"


def test_open_drafts_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "MAX_OPEN", 1)
    first = world.tenant.policies.draft({"bank.policy": LOWER})
    with pytest.raises(UnitRefusedError, match="are open"):
        world.tenant.policies.draft({"bank.policy": LOWER})
    world.tenant.policies.withdraw(first.draft_id)
    world.tenant.policies.draft({"bank.policy": LOWER})


@pytest.mark.parametrize("note", ["x" * 501, "a\nb", "\u202e"])
def test_a_note_is_one_short_line(world: World, note: str) -> None:
    with pytest.raises(IntentError):
        world.tenant.policies.draft({"bank.policy": LOWER}, note=note)


def test_an_unknown_draft(world: World) -> None:
    with pytest.raises(UnitRefusedError, match="no draft"):
        world.tenant.policies.show("nope")


def test_a_data_draft_is_typed_when_it_is_made(world: World) -> None:
    with pytest.raises(IntentError) as caught:
        world.tenant.data.draft(params={"capp": "1.00"})
    assert caught.value.place == "capp"
