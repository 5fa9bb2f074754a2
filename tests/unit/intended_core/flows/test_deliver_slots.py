"""Each epoch is told at least once, oldest first, bounded, with the growth since the one told before; over a real server too."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from intended_adapters.notify.webhook import WebhookNotifier
from intended_core import FollowedSlot, IntentError, follow_slot_proof
from intended_core.errors import AdapterError, AuditError, StoreCorruptError, UnitRefusedError
from intended_core.flows import deliver_slots as room
from intended_core.flows.deliver import FIRST_PAUSE_US, MAX_TRIES
from intended_core.flows.deliver_slots import SlotsTold, deliver_slots
from intended_core.flows.effects import Commit
from intended_core.ports import Notification, NotificationReceipt
from intended_core.unit import RowKey
from tests.reference.loopback import receiving
from tests.reference.sealed_world import SealedWorld


class Told:
    """A notifier that remembers; while `broken` it takes what comes and says that it did not, or does not take it."""

    def __init__(self) -> None:
        self.seen: list[Notification] = []
        self.broken = self.lost = False

    def send(self, notification: Notification) -> NotificationReceipt:
        if self.broken:
            raise AdapterError("nobody answers")
        self.seen.append(notification)
        if self.lost:
            raise AdapterError("the answer got lost")
        return NotificationReceipt(status=204)

    @property
    def epochs(self) -> list[int]:
        return [json.loads(each.data)["epoch"] for each in self.seen]


@pytest.fixture
def world() -> SealedWorld:
    return SealedWorld()


def seal(world: SealedWorld, times: int = 1, *, grow: bool = True) -> None:
    for _ in range(times):
        if grow:
            world.grow()
        world.authority.anchor.seal()
        world.authority.anchor.cosign(world.witness, world.witness.key)


def tell(world: SealedWorld, told: object, *, since: int | None = None, name: str = "customer") -> SlotsTold:
    return world.authority.anchor.tell_slots(world.tenant().scope, name, told, since=since)  # type: ignore[arg-type]


def follow(world: SealedWorld, messages: list[bytes], kept: bytes | None = None) -> list[FollowedSlot]:
    policy = f"log {world.authority.anchor.key()}\nwitness w {world.witness.key}\nquorum w\n".encode()
    found: list[FollowedSlot] = []
    for body in messages:
        one = follow_slot_proof(body, policy=policy, origin=world.tenant().head().origin, kept=kept)
        kept = one.kept.to_bytes()
        found.append(one)
    return found


def body(notification: Notification) -> bytes:
    return b'{"type":"%b","timestamp":"2026-01-01T00:00:00.000000Z","data":%b}' % (notification.kind.encode(), notification.data)


def test_every_epoch_is_told_once_in_order_and_goes_on_from_the_one_before(world: SealedWorld) -> None:
    told = Told()
    seal(world, 3)
    size = world.tenant().head().size
    assert tell(world, told, since=0) == SlotsTold(told=3, next_epoch=3, due_us=0, waiting=0, given_up=0)
    assert tell(world, told).told == 0
    seal(world, grow=False)
    seal(world)
    assert tell(world, told).told == 2
    assert told.epochs == [0, 1, 2, 3, 4]
    assert world.tenant().head().size == size + 1, "telling writes no record"
    found = follow(world, [body(each) for each in told.seen])
    assert [one.kept.epoch for one in found] == [0, 1, 2, 3, 4]
    assert [one.head.grade.value for one in found] == ["WITNESSED"] * 5
    assert not any(one.missed or one.again or one.recovered for one in found)
    assert len({each.id for each in told.seen}) == 5
    assert max(len(each.data) for each in told.seen) < 4_096


def test_it_begins_with_the_newest_epoch_and_survives_a_restart(world: SealedWorld) -> None:
    told = Told()
    with pytest.raises(AuditError):
        tell(world, told)
    seal(world, 3)
    assert tell(world, told).told == 1
    world.authority.anchor.release()
    world.reopen()
    seal(world)
    assert tell(world, told).told == 1
    assert told.epochs == [2, 3]
    follow(world, [body(each) for each in told.seen])


def test_one_that_fails_is_asked_again_after_longer_pauses_and_then_given_up(world: SealedWorld) -> None:
    told = Told()
    seal(world, 2)
    told.broken = True
    done = tell(world, told, since=0)
    assert done == SlotsTold(told=0, next_epoch=0, due_us=world.clock.now_us() + FIRST_PAUSE_US, waiting=2, given_up=0)
    assert tell(world, told).due_us == done.due_us, "not before the pause is over"
    pauses = []
    for _ in range(MAX_TRIES - 2):
        world.clock.advance(seconds=3_600)
        pauses.append(tell(world, told).due_us - world.clock.now_us())
    assert pauses == sorted(pauses)
    world.clock.advance(seconds=3_600)
    told.broken = False
    world.authority.anchor.release()
    world.reopen()
    assert tell(world, told) == SlotsTold(told=2, next_epoch=2, due_us=0, waiting=0, given_up=0)
    seal(world)
    told.broken = True
    for _ in range(MAX_TRIES):
        done = tell(world, told)
        world.clock.advance(seconds=3_600)
    assert (done.given_up, done.next_epoch) == (1, 3)
    told.broken = False
    seal(world)
    assert tell(world, told).told == 1
    found = follow(world, [body(each) for each in told.seen])
    assert [one.missed for one in found] == [0, 0, 1]


def test_an_answer_that_got_lost_breaks_no_chain(world: SealedWorld) -> None:
    """The other side took it and kept it, whatever we believe; what comes next goes on from there."""
    told = Told()
    seal(world)
    tell(world, told)
    seal(world)
    told.lost = True
    for _ in range(MAX_TRIES):
        tell(world, told)
        world.clock.advance(seconds=3_600)
    told.lost = False
    seal(world)
    assert tell(world, told).given_up == 1
    found = follow(world, [body(each) for each in told.seen])
    assert [one.again for one in found] == [False, False, *[True] * (MAX_TRIES - 1), False]


def test_what_waits_is_bounded(world: SealedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_QUEUED", 3)
    told = Told()
    seal(world, 8)
    done = tell(world, told, since=0)
    assert (told.epochs, done.given_up) == ([5, 6, 7], 5)
    monkeypatch.setattr(room, "AT_ONCE", 1)
    seal(world, 2)
    assert (tell(world, told).told, tell(world, told).told, tell(world, told).told) == (1, 1, 0)


def test_epochs_before_the_log_was_there_are_passed_over(world: SealedWorld) -> None:
    seal(world)
    late = world.authority.create_tenant("late")
    seal(world)
    told = Told()
    done = world.authority.anchor.tell_slots(late.scope, "customer", told, since=0)
    assert (told.epochs, done.given_up) == ([1], 1)


def test_names_rows_and_two_at_once(world: SealedWorld) -> None:
    told = Told()
    seal(world, 2)
    with pytest.raises(IntentError):
        tell(world, told, name="No Name")
    tell(world, told, since=0)
    seal(world)
    anchor, seat = world.context, world.authority.anchor._seat(world.tenant().scope)
    flow = deliver_slots(anchor, seat, "customer", told)
    effect = next(flow)
    while not isinstance(effect, Commit):
        effect = flow.send(world.runtime.perform(effect, world.tenant().context))
    tell(world, told)
    with pytest.raises(UnitRefusedError) as caught:
        world.runtime.perform(effect, world.tenant().context)
    assert caught.value.code == "notifier_moved"
    snapshot = world.store.snapshot()
    key, context = RowKey("outbox", "slots:customer"), world.tenant().context
    for bad in (b"{}", b"no", b'{"due":0,"generation":0,"given_up":0,"next":"a","size":0,"tries":0,"unsure":0}'):
        rows = snapshot[context.scope.key].rows
        rows[key] = context.mac.seal_row(context.scope, "outbox", key.key, rows[key].version, "STANDS", bad)
        world.store.restore(snapshot)
        with pytest.raises(StoreCorruptError):
            tell(world, told)
    rows[key] = replace(rows[key], mac=bytes(32))
    world.store.restore(snapshot)
    with pytest.raises(StoreCorruptError):
        tell(world, told)


def test_over_a_real_server_signed_and_refused_once(world: SealedWorld) -> None:
    seal(world, 2)
    with receiving() as (posted, url):
        hook = WebhookNotifier(url=url, secret=bytes(range(32)), timeout_seconds=5, clock=world.clock)
        posted.answer = lambda headers, body: 500
        assert tell(world, hook, since=0).told == 0
        posted.answer = lambda headers, body: 204
        world.clock.advance(seconds=60)
        assert tell(world, hook).told == 2
        first, again, second = posted.seen
    assert first[1] == again[1]
    assert first[0]["webhook-id"] == again[0]["webhook-id"] != second[0]["webhook-id"]
    assert all(headers["webhook-signature"].startswith("v1,") for headers, _ in posted.seen)
    found = follow(world, [body for _, body in (first, second)])
    assert [one.kept.epoch for one in found] == [0, 1]
