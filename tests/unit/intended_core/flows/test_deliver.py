"""People outside are told after the commit, at least once, in order; whether they are changes no answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from intended_core import IntentError, Pending, UnitRefusedError, lock_packs
from intended_core.canonical import b64url
from intended_core.errors import AdapterError, StoreCorruptError
from intended_core.flows.deliver import FIRST_PAUSE_US, MAX_TRIES, Delivered, deliver
from intended_core.flows.effects import Commit
from intended_core.ports import Notification, NotificationReceipt
from tests.reference.data_world import governed_world, ready
from tests.reference.flow_world import ANN, ANN_KEY, BOT, NOW_US, Traced, World, at, intent, pay, trace


class Told:
    """A notifier that remembers; it fails while `broken`."""

    def __init__(self) -> None:
        self.seen: list[Notification] = []
        self.broken = False

    def send(self, notification: Notification) -> NotificationReceipt:
        if self.broken:
            raise AdapterError("nobody answers")
        self.seen.append(notification)
        return NotificationReceipt(status=204)

    @property
    def kinds(self) -> list[str]:
        return [each.kind for each in self.seen]


def telling(world: World, told: Told, *, since: int | None = 0, before: object = None) -> Traced:
    return trace(world, deliver(world.context, "ops", told, since=since), before)  # type: ignore[arg-type]


def test_a_request_and_what_became_of_it(world: World) -> None:
    told = Told()
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    world.tenant.approvals.reject(world.pending.approval_id, person=ANN, key=ANN_KEY, reason="no")
    size = world.head.size
    done = telling(world, told).result
    assert done == Delivered(told=3, next_seq=size, due_us=0, given_up=0)
    assert told.kinds == ["approval.requested", "approval.granted", "approval.rejected"]
    assert world.head.size == size, "telling writes no record"
    assert len({each.id for each in told.seen}) == 3
    request, granted, rejected = (json.loads(each.data) for each in told.seen)
    assert request["approval"] == granted["approval"] == world.pending.approval_id
    assert (request["tenant"], request["environment"], request["principal"]) == ("acme", "live", [BOT.type, BOT.id])
    assert (granted["person"], rejected["reason"]) == (["Person", "ann"], "no")


def test_no_argument_of_an_intent_leaves(world: World) -> None:
    told = Told()
    telling(world, told)
    for each in told.seen:
        assert b"500" not in each.data
        assert b"signature" not in each.data


def test_everything_is_told_once_when_all_goes_well(world: World) -> None:
    told = Told()
    telling(world, told)
    assert telling(world, told).result.told == 0
    assert isinstance(world.tenant.authorize(intent("600.00"), audience="bank"), Pending)
    assert telling(world, told).result.told == 1


def test_a_notifier_begins_with_what_happens_from_now_on(world: World) -> None:
    told = Told()
    assert telling(world, told, since=None).result.told == 0
    world.tenant.approvals.cancel(world.pending.approval_id)
    assert telling(world, told, since=None).result.told == 1
    assert told.kinds == ["approval.cancelled"]


def test_one_that_fails_is_asked_again_after_longer_and_longer_pauses(world: World) -> None:
    told = Told()
    told.broken = True
    pauses = []
    for tries in range(3):
        done = telling(world, told).result
        now = world.clock.now_us()
        assert (done.told, done.given_up) == (0, 0)
        pauses.append(done.due_us - now)
        assert telling(world, told).result.due_us == done.due_us, f"asked too early after {tries + 1}"
        world.clock.advance(seconds=pauses[-1] // 1_000_000)
    assert pauses == [FIRST_PAUSE_US, 2 * FIRST_PAUSE_US, 4 * FIRST_PAUSE_US]
    told.broken = False
    assert telling(world, told).result.told == 1


def test_one_that_never_takes_it_is_given_up_and_the_next_is_told(world: World) -> None:
    told = Told()
    told.broken = True
    for _ in range(MAX_TRIES):
        done = telling(world, told).result
        world.clock.advance(seconds=3_600)
    assert (done.given_up, done.due_us) == (1, 0)
    told.broken = False
    world.tenant.approvals.cancel(world.pending.approval_id)
    assert telling(world, told).result == Delivered(told=1, next_seq=world.head.size, due_us=0, given_up=1)


def test_a_broken_notifier_is_in_nobodys_way(world: World) -> None:
    told = Told()
    told.broken = True
    telling(world, told)
    world.tenant.approve(world.pending.approval_id, person=ANN, key=ANN_KEY)
    token = world.tenant.require(intent("500.00"), audience="bank", approval=world.pending.approval_id)
    world.tenant.redeem(token, pay("500.00"), adapter=world.tenant.adapter("bank"))


def test_what_was_told_but_not_remembered_is_told_again_under_the_same_id(world: World) -> None:
    told = Told()
    lost = at(Commit, lambda: (_ for _ in ()).throw(AdapterError("the store is gone")))
    assert isinstance(telling(world, told, before=lost).error, AdapterError)
    telling(world, told)
    assert len(told.seen) == 2
    assert told.seen[0] == told.seen[1]


def test_two_at_once_for_one_name(world: World) -> None:
    told, other = Told(), Told()
    seen = telling(world, told, before=at(Commit, lambda: world.tenant.run(deliver(world.context, "ops", other, since=0))))
    assert isinstance(seen.error, UnitRefusedError)
    assert told.seen == other.seen


@pytest.mark.parametrize("name", ["", "Ops", "a b", "x" * 41, "ops:1"])
def test_a_name_is_a_word(world: World, name: str) -> None:
    assert isinstance(trace(world, deliver(world.context, name, Told())).error, IntentError)


def test_an_edited_cursor_is_not_believed(world: World) -> None:
    telling(world, Told())
    row = world.row("outbox", "notifier:ops")
    world.edit(replace(row, body=row.body.replace(b'"tries":0', b'"tries":1')))
    assert isinstance(telling(world, Told()).error, StoreCorruptError)


def test_the_time_is_when_it_happened(world: World) -> None:
    told = Told()
    world.clock.advance(seconds=5)
    telling(world, told)
    assert told.seen[0].at_us == NOW_US


def test_drafts_approvals_of_drafts_and_withdrawn_credentials_are_told() -> None:
    world = governed_world()
    world.restore()
    told, since = Told(), world.head.size
    draft = ready(world)
    world.tenant.policies.approve(draft, person=ANN, key=ANN_KEY)
    world.tenant.tokens.withdraw("bank", reason="lost", keys=((ANN, ANN_KEY),))
    telling(world, told, since=since)
    assert told.kinds == ["policy.drafted", "policy.approved", "credential.withdrawn"], "a draft is told of once, not at each of its steps"
    drafted, approved, withdrawn = (json.loads(each.data) for each in told.seen)
    assert (drafted["draft"], drafted["subject"], drafted["drafter"]) == (draft, "policy", ["Person", "eve"])
    assert (approved["draft"], approved["content"]) == (draft, drafted["content"])
    assert (withdrawn["adapter"], withdrawn["id"], withdrawn["reason"]) == ("bank", None, "lost")


def test_a_draft_that_moves_a_lock_says_so() -> None:
    world = governed_world()
    world.restore()
    lib = 'policy pack lib version "1";\nentity Shelf {}\n'
    locks = lock_packs({"lib.policy": lib.encode()})
    told, since = Told(), world.head.size
    world.tenant.policies.draft({"a.policy": "import lib as lib;\nentity Thing {}\n", "lib.policy": lib}, packs=locks)
    telling(world, told, since=since)
    (drafted,) = (json.loads(each.data) for each in told.seen)
    assert drafted["packs"] == {"lib": b64url(locks["lib"])}
    assert "unlock" not in drafted
