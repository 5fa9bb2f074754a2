"""An approval as it is spent: bound to what was shown, counted today, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Entity, Pending
from intended_core.entities import EntitySnapshot
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.approvals import ApprovedUse, bound_digest, load_approval, use_approval
from intended_core.flows.cache import LoadedEntities
from intended_core.flows.requests import request_reads
from intended_core.flows.rows import ApprovalRow
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.unit import Row, RowKey, UnitView
from tests.reference.flow_world import ACCOUNT, ANN, ANN_KEY, BOB, BOT, CHIEFS, ENTITIES, NOW_US, World, intent, trace


def code(world: World, name: str) -> str:
    error = trace(world, load_approval(world.context, name)).error
    assert isinstance(error, UnitRefusedError)
    return error.code


def test_a_request_is_loaded_with_who_approved_it(world: World) -> None:
    name = world.pending.approval_id
    seen = trace(world, load_approval(world.context, name))
    assert (seen.order, seen.result) == (["ReadRows"], (world.row("approval", name), frozenset()))
    world.tenant.approve(name, person=ANN, key=ANN_KEY)
    assert trace(world, load_approval(world.context, name)).result[1] == frozenset({ANN})
    assert code(world, "none") == "approval_unknown"


def test_an_edited_request_is_not_loaded(world: World) -> None:
    row = world.row("approval", world.pending.approval_id)
    world.edit(replace(row, state="APPROVED"))
    assert isinstance(trace(world, load_approval(world.context, row.key)).error, StoreCorruptError)


def snapshot(world: World, *changed: Entity) -> TypedSnapshot:
    policy = world.tenant.policy().policy
    assert policy is not None
    entities = {entity.ref: entity for entity in (*ENTITIES, *changed)}
    return type_snapshot(policy.checked.schema, EntitySnapshot(version="1", entities=entities))


def test_only_entities_that_the_intent_names_are_bound(world: World) -> None:
    policy = world.tenant.policy().policy
    assert policy is not None
    asked = validate(policy.checked.schema, world.context.scope, intent("500.00"))
    first = bound_digest(asked, snapshot(world))
    assert len(first) == 32
    assert bound_digest(asked, snapshot(world, Entity(ref=BOB, parents=frozenset({CHIEFS})))) == first
    assert bound_digest(asked, snapshot(world, Entity(ref=ACCOUNT, attributes={"closed": True}))) != first


def use(world: World, row: Row, *, now_us: int = NOW_US, audience: str = "bank", amount: str = "500.00", **given: object) -> ApprovedUse:
    state = world.tenant.policy()
    assert state.policy is not None
    asked = validate(state.policy.checked.schema, world.context.scope, intent(amount))
    entities = LoadedEntities(version=1, snapshot=given.get("shown", snapshot(world)))  # type: ignore[arg-type]
    waiting = given.get("waiting", world.pending)
    assert isinstance(waiting, Pending)
    return use_approval(
        world.context, state, state.policy, asked, entities, row, waiting=waiting, now_us=now_us, audience=audience
    )  # fmt: skip


def approved(world: World) -> Row:
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    return world.row("approval", world.pending.approval_id)


def refused(world: World, row: Row, **given: object) -> str:
    with pytest.raises(UnitRefusedError) as raised:
        use(world, row, **given)  # type: ignore[arg-type]
    return raised.value.code


def test_what_an_approval_is_worth(world: World) -> None:
    row = approved(world)
    (alternative,) = world.pending.alternatives
    found = use(world, row)
    assert (found.keys, found.approval_id) == (frozenset(need.key for need in alternative), row.key)


def test_it_counts_until_it_expires_and_not_at_that_moment(world: World) -> None:
    row = approved(world)
    expires = ApprovalRow.from_row(row).expires_us
    assert expires == NOW_US + 3_600 * 1_000_000
    use(world, row, now_us=expires - 1)
    assert refused(world, row, now_us=expires) == "approval_expired"


def test_it_is_for_this_intent_adapter_and_world(world: World) -> None:
    row = approved(world)
    assert refused(world, row, audience="mail") == "approval_binding"
    assert refused(world, row, amount="500.01") == "approval_binding"
    closed = Entity(ref=ACCOUNT, attributes={"closed": True})
    assert refused(world, row, shown=snapshot(world, closed)) == "approval_binding"


@pytest.mark.parametrize("state", ["PENDING", "USED", "EXPIRED"])
def test_only_an_approved_request_is_worth_anything(world: World, state: str) -> None:
    assert refused(world, replace(approved(world), state=state)) == "approval_state"


def test_todays_quorum_counts(world: World) -> None:
    row = approved(world)
    (alternative,) = world.pending.alternatives
    more = replace(world.pending, alternatives=(tuple(replace(need, quorum=2) for need in alternative),))
    assert refused(world, row, waiting=more) == "approval_quorum"
    assert refused(world, row, shown=snapshot(world, Entity(ref=ANN))) == "approval_quorum"


def test_it_is_spent_once_and_only_as_it_was_read(world: World) -> None:
    row = approved(world)
    spending = use(world, row)
    rows, head = world.data().rows, world.head
    reads = request_reads(row.key)
    view = UnitView(world.data().head, {key: rows[key] for key in reads if key in rows})
    after, (write, *roster) = spending.spend(world.context, view, head)
    assert (write.row.state, write.row.version, write.replaces, write.row.body) == ("USED", row.version + 1, row.version, row.body)
    assert after.approvals == head.approvals + 1
    spent = {**view.rows, RowKey("approval", row.key): write.row, **{RowKey("approval", each.row.key): each.row for each in roster}}
    with pytest.raises(UnitRefusedError, match="somebody else"):
        spending.spend(world.context, UnitView(view.head, spent), after)
    put_back = {**spent, RowKey("approval", row.key): row}
    with pytest.raises(StoreCorruptError):
        spending.spend(world.context, UnitView(view.head, put_back), after)
    with pytest.raises(StoreCorruptError):
        spending.spend(world.context, UnitView(view.head, {}), head)


def test_the_submitter_is_no_person(world: World) -> None:
    assert BOT not in world.tenant.policy().persons
