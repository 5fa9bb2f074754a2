"""A tenant is closed by two persons, once; from then on every unit refuses, and its slot shows the final head in every epoch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from intended_core import (
    Authority,
    Deny,
    EntityRef,
    Granted,
    HaltTarget,
    LocalPersonKey,
    TokenError,
    check_proof,
    export_record_proof,
    verify_tenant_log,
)
from intended_core.audit.log import Draft, LogHead, append
from intended_core.audit.record import EventKind, parse_body, parse_entry
from intended_core.clock import SystemRandomness
from intended_core.errors import (
    AccessDeniedError,
    IntendedError,
    IntentError,
    KeyRingError,
    StoreCorruptError,
    UnitRefusedError,
)
from intended_core.flows.anchor import SLOTS, Slots, Tombstone, slot_key, tombstone_of
from intended_core.flows.closing import bury, close_tenant, closing_digest
from intended_core.flows.effects import Commit
from tests.reference.data_world import governed_world
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, World, intent, pay
from tests.reference.sealed_world import SealedWorld
from tests.reference.tile_world import fill

KEYS = ((ANN, ANN_KEY), (BOB, BOB_KEY))
WHY = "the contract ended"


def code(call: object, *given: object, **named: object) -> str:
    with pytest.raises(UnitRefusedError) as caught:
        call(*given, **named)  # type: ignore[operator]
    return caught.value.code


def test_two_persons_close_a_tenant_and_nothing_is_granted_any_more(world: World) -> None:
    tenant = world.tenant
    first, second = (tenant.require(intent(), audience="bank") for _ in range(2))
    tenant.redeem(first, pay(), adapter=tenant.adapter("bank"))
    size = tenant.head().size
    closed = tenant.closing.close(reason=WHY, keys=KEYS)
    assert (closed.seq, closed.size) == (size, size + 1)
    assert tenant.closing.closed() == closed
    row = list(tenant.records())[-1]
    entry = parse_entry(row.entry)
    body = parse_body(row.body, expected=entry.body_hash)
    assert (entry.kind, body["reason"], len(body["persons"])) == (EventKind.TENANT_CLOSED, WHY, 2)  # type: ignore[arg-type]
    outcome = tenant.authorize(intent(), audience="bank")
    assert isinstance(outcome, Deny)
    assert (outcome.kind, outcome.seq) == ("halted", None)
    with pytest.raises(TokenError) as caught:
        tenant.redeem(second, pay(), adapter=tenant.adapter("bank"))
    assert caught.value.code == "token.tenant_closed"
    for act in (
        lambda: tenant.rotate_keys(),
        lambda: tenant.activate({"bank.policy": "entity A; "}),
        lambda: tenant.put_entities([]),
        lambda: tenant.halts.engage(HaltTarget("tenant"), reason="stop", keys=KEYS[:1]),
        lambda: tenant.recovery.recover(reason="again", keys=KEYS),
        lambda: tenant.closing.close(reason=WHY, keys=KEYS),
        lambda: tenant.register_person(EntityRef("User", "eve"), bytes(32)),
        lambda: tenant.secrets.put("bank", "key", b"value"),
    ):
        with pytest.raises(IntendedError):
            act()
    assert tenant.head().size == size + 1
    assert verify_tenant_log(tenant).findings == ()
    assert code(tenant.closing.close, reason=WHY, keys=KEYS) == "tenant_closed"


def test_who_may_close(world: World) -> None:
    """The founder's hand until there is an admin; whoever signs before that must sign rightly all the same."""
    tenant = world.tenant
    asked = tenant.closing.digest(WHY)
    assert asked == closing_digest(tenant.scope, generation=1, reason=WHY) != tenant.closing.digest("else")
    with pytest.raises(KeyRingError):
        tenant.closing.close(reason=WHY, keys=KEYS[:1])
    with pytest.raises(KeyRingError):
        tenant.closing.close(reason=WHY, signatures=((ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(bytes(32)))))
    with pytest.raises(IntentError):
        tenant.closing.close(reason="")
    assert tenant.closing.closed() is None
    assert tenant.closing.close(reason=WHY).size == tenant.head().size


def test_where_there_is_an_admin_one_hand_is_not_enough() -> None:
    world = governed_world()
    tenant = world.tenant
    for keys in ((), KEYS[:1], (KEYS[0], KEYS[0])):
        with pytest.raises(KeyRingError):
            tenant.closing.close(reason=WHY, keys=keys)
    viewer = LocalPersonKey.generate(SystemRandomness())
    assert tenant.closing.closed() is None
    assert isinstance(tenant.authorize(intent("50.00"), audience="bank"), Granted)
    with pytest.raises((KeyRingError, AccessDeniedError)):
        tenant.closing.close(reason=WHY, keys=((ANN, ANN_KEY), (EntityRef("Person", "zed"), viewer)))
    tenant.closing.close(reason=WHY, keys=KEYS)
    assert isinstance(tenant.authorize(intent("50.00"), audience="bank"), Deny)


def test_a_record_after_the_end_is_found(world: World) -> None:
    tenant = world.tenant
    tenant.closing.close(reason=WHY)
    data = world.data()
    head = LogHead.from_state(data.head.state)  # type: ignore[union-attr]
    more, rows = append(
        head, tenant.scope, [Draft(kind=EventKind.ACTION_DONE, body={"n": 1}, salt=bytes(16))], now_us=head.time_us, writer="w"
    )
    snapshot = world.store.snapshot()
    made = world.context.heads.write(world.context.mac, tenant.scope, data.head.version + 1, more)  # type: ignore[union-attr]
    snapshot[tenant.scope.key] = replace(data, head=made, records=(*data.records, *rows))
    world.store.restore(snapshot)
    found = verify_tenant_log(tenant)
    assert [(one.code, one.seq) for one in found.findings] == [("log.closed", head.size)]


def test_a_head_that_says_closed_otherwise_is_damaged(world: World) -> None:
    head = world.tenant.head()
    state = replace(head, closed=True).to_state()
    assert LogHead.from_state(state).closed
    for bad in (b'"cl":0', b'"cl":2'):
        with pytest.raises(StoreCorruptError):
            LogHead.from_state(state.replace(b'"cl":1', bad))


@pytest.fixture
def sealed() -> SealedWorld:
    return SealedWorld()


def stone(world: SealedWorld) -> Tombstone | None:
    row = world.data().rows[slot_key(world.tenant().scope)]
    return tombstone_of(row)


def test_the_slot_of_a_closed_tenant_is_a_tombstone_in_every_epoch(sealed: SealedWorld) -> None:
    anchor = sealed.authority.anchor
    anchor.seal()
    closed = sealed.authority.close_tenant("acme", reason=WHY)
    head = sealed.tenant().head()
    assert stone(sealed) == Tombstone(generation=1, size=closed.size, root=head.frontier.root())
    for _ in range(3):
        sealed.grow("beta")
        anchor.seal()
    for epoch in (1, 2, 3):
        opening = anchor.prove_slot(sealed.tenant().scope, epoch=epoch).opening
        assert (opening.size, opening.root) == (closed.size, head.frontier.root())
    policy = f"log {anchor.key()}\nquorum none\n".encode()
    last = list(sealed.tenant().records())[-1]
    assert check_proof(export_record_proof(sealed.authority, sealed.tenant(), closed.seq), policy=policy, entry=last.entry)
    anchor.bury(sealed.tenant().scope)
    anchor.bury(sealed.tenant("beta").scope)
    assert sealed.check() == 4
    anchor.release()
    sealed.reopen().anchor.seal()


def test_what_was_broken_off_is_finished_by_the_next_epoch(sealed: SealedWorld) -> None:
    sealed.tenant().closing.close(reason=WHY)
    assert stone(sealed) is None
    sealed.authority.anchor.seal()
    assert stone(sealed) is not None
    sealed.authority.anchor.seal()


def test_another_log_than_the_one_that_was_closed_stops_the_epochs(sealed: SealedWorld) -> None:
    before = sealed.store.snapshot()
    sealed.authority.close_tenant("acme", reason=WHY)
    sealed.authority.anchor.seal()
    sealed.authority.anchor.release()
    snapshot, key = sealed.store.snapshot(), sealed.tenant().scope.key
    whole = snapshot[key]
    snapshot[key] = before[key]  # put back to before it was closed
    sealed.store.restore(snapshot)
    with pytest.raises(StoreCorruptError):
        sealed.reopen().anchor.seal()
    del snapshot[key]  # deleted
    sealed.store.restore(snapshot)
    with pytest.raises(StoreCorruptError, match="gone"):
        sealed.reopen().anchor.seal()
    snapshot[key] = whole
    sealed.store.restore(snapshot)
    assert sealed.reopen().anchor.seal() is not None


def test_a_tombstone_taken_away_or_exchanged_is_found(sealed: SealedWorld) -> None:
    sealed.authority.anchor.seal()
    before = sealed.data().rows
    sealed.authority.close_tenant("acme", reason=WHY)
    sealed.authority.anchor.release()
    snapshot, anchor = sealed.store.snapshot(), sealed.context.scope.key
    name = slot_key(sealed.tenant().scope)
    snapshot[anchor].rows[name] = before[name]
    sealed.store.restore(snapshot)
    with pytest.raises(StoreCorruptError, match="slots"):
        sealed.reopen().anchor.seal()
    snapshot[anchor].rows[SLOTS] = before[SLOTS]
    sealed.store.restore(snapshot)
    with pytest.raises(StoreCorruptError):
        sealed.reopen().anchor.seal()


def test_one_stone_a_slot(sealed: SealedWorld) -> None:
    sealed.authority.close_tenant("acme", reason=WHY)
    scope = sealed.tenant().scope
    other = Tombstone(generation=1, size=1, root=bytes(32))

    def run(flow: object) -> None:
        sealed.authority.anchor._driver.operate(flow)  # type: ignore[arg-type]

    assert code(run, bury(sealed.context, scope, other)) == "slot_closed"
    assert code(run, bury(sealed.context, replace(scope, uuid="f" * 32), other)) == "slot_unknown"


def test_rows_of_a_slot_have_one_form(sealed: SealedWorld) -> None:
    sealed.authority.close_tenant("acme", reason=WHY)
    row = sealed.data().rows[slot_key(sealed.tenant().scope)]
    for bad in (b"{}", b'{"final":[1,2],"slot":3}', b'{"final":["1",2,"AAAA"],"slot":3}', b'{"final":[1,2,"AAAA"],"slot":3}'):
        with pytest.raises(StoreCorruptError):
            tombstone_of(replace(row, body=bad))
    slots = Slots.from_row(sealed.data().rows[SLOTS], version=LogHead.from_state(sealed.data().head.state).entities)  # type: ignore[union-attr]
    assert slots.closed.bit_count() == 1
    assert slots.closed & slots.taken == slots.closed


def test_keys_of_a_closed_tenant_are_carried_over_without_a_record(tmp_path: Path) -> None:
    """Else the older key-encryption key could never be dropped."""
    for name in ("store", "keys"):
        (tmp_path / name).mkdir()
    place = {"store": tmp_path / "store" / "a.db", "key_file": tmp_path / "keys" / "kek"}
    with Authority.create(**place) as authority:
        authority.create_tenant("acme", algorithm="Ed25519")
        closed = authority.close_tenant("acme", reason=WHY)
        current = authority.rewrap()
        assert authority.drop_older_keys()
    with Authority.open(**place) as authority:
        tenant = authority.tenant("acme")
        assert tenant.keyring.sealed_under().keys() == {current}
        assert tenant.head().size == closed.size == tenant.closing.closed().size  # type: ignore[union-attr]
        assert verify_tenant_log(tenant).findings == ()
        authority.anchor.seal()


def test_a_close_that_meets_another_change_starts_over(world: World) -> None:
    flow = close_tenant(world.context, reason=WHY, signatures=())
    effect = next(flow)
    while not isinstance(effect, Commit):
        effect = flow.send(world.runtime.perform(effect, world.context))
    world.tenant.register_person(EntityRef("Person", "new"), LocalPersonKey.generate(SystemRandomness()).public_key)
    with pytest.raises(UnitRefusedError) as caught:
        world.runtime.perform(effect, world.context)
    effect = flow.throw(caught.value)
    with pytest.raises(StopIteration):
        while True:
            effect = flow.send(world.runtime.perform(effect, world.context))
    assert world.tenant.closing.closed() is not None


def test_a_whole_page_after_the_end_is_found(sealed: SealedWorld) -> None:
    """The last record of a page ends the log: what follows is looked at although every record of it is well made."""
    tenant = sealed.tenant()
    fill(tenant, 15)
    assert tenant.closing.close(reason=WHY).seq == 15
    snapshot = sealed.store.snapshot()
    data = snapshot[tenant.scope.key]
    assert data.head is not None
    head = LogHead.from_state(data.head.state)
    drafts = [Draft(kind=EventKind.ACTION_DONE, body={"n": at}, salt=bytes(16)) for at in range(300)]
    more, rows = append(head, tenant.scope, drafts, now_us=head.time_us, writer="w")
    made = tenant.context.heads.write(tenant.context.mac, tenant.scope, data.head.version + 1, more)
    snapshot[tenant.scope.key] = replace(data, head=made, records=(*data.records, *rows))
    sealed.store.restore(snapshot)
    found = verify_tenant_log(sealed.reopen().tenant("acme"))
    assert [(one.code, one.seq) for one in found.findings] == [("log.closed", 16)]
