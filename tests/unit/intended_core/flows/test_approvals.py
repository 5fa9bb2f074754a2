"""An approval as it is spent: bound to what was shown, counted today, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import Entity, Pending
from intended_core.entities import EntitySnapshot
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.approvals import ApprovedUse, bound_digest, load_approval, satisfied, use_approval
from intended_core.flows.cache import LoadedEntities
from intended_core.flows.rows import ApprovalRow
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.outcome import ApprovalRequirement
from intended_core.unit import Row, RowKey, UnitView
from tests.reference.flow_world import ACCOUNT, ANN, ANN_KEY, BOB, BOT, CHIEFS, ENTITIES, NOW_US, World, intent, trace

ONE = ApprovalRequirement(key="a#0", rule="a", group=CHIEFS, quorum=1, exclude=frozenset(), expires_ms=1)
TWO = replace(ONE, key="b#0", quorum=2)


def test_a_quorum_counts_distinct_persons_and_every_requirement() -> None:
    assert satisfied(((ONE,),), {"a#0": {ANN}}) == frozenset({"a#0"})
    assert satisfied(((TWO,),), {"b#0": {ANN}}) is None
    assert satisfied(((TWO,),), {"b#0": {ANN, BOB}}) == frozenset({"b#0"})
    assert satisfied(((ONE, TWO),), {"a#0": {ANN}, "b#0": {ANN}}) is None
    assert satisfied(((ONE, TWO),), {"a#0": {ANN}, "b#0": {ANN, BOB}}) == frozenset({"a#0", "b#0"})


def test_the_first_alternative_that_holds() -> None:
    assert satisfied(((TWO,), (ONE,)), {"a#0": {ANN}}) == frozenset({"a#0"})
    assert satisfied(((ONE,), (TWO,)), {"a#0": {ANN}, "b#0": {ANN, BOB}}) == frozenset({"a#0"})


@pytest.mark.parametrize("nothing", [(), ((),), ((), ())])
def test_nothing_required_is_nothing_satisfied(nothing: tuple[tuple[ApprovalRequirement, ...], ...]) -> None:
    assert satisfied(nothing, {"a#0": {ANN, BOB}}) is None


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
    use_ = use(world, row)
    view = UnitView(world.data().head, {RowKey("approval", row.key): row})
    write = use_.spend(world.context, view)
    assert (write.row.state, write.row.version, write.replaces, write.row.body) == ("USED", row.version + 1, row.version, row.body)
    for seen in ({}, {RowKey("approval", row.key): write.row}):
        with pytest.raises(UnitRefusedError) as raised:
            use_.spend(world.context, UnitView(world.data().head, seen))
        assert raised.value.code == "approval_state"


def test_the_submitter_is_no_person(world: World) -> None:
    assert BOT not in world.tenant.policy().persons
