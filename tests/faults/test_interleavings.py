"""Every pair of flows in every order of their effects: the outcome is that of one after the other, or of one alone.

A flow joins by a row in FLOWS. What each run is held to: the log is whole and in the order of what it says; one key is ACTIVE; no nonce
is spent twice; nothing is allowed or consumed under a policy that was replaced before, or for entities that had changed; and both
answers together with what they left are what some serial order gives. A flow that lost a race may also refuse, and then leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import combinations_with_replacement
from typing import Any, Literal

import pytest

from intended_core import Entity, EntityRef, Granted, HaltTarget, LocalPersonKey, RedeemedToken
from intended_core.audit.holds import Kept
from intended_core.audit.record import EventKind, parse_entry
from intended_core.canonical import b64url, pack
from intended_core.clock import SystemRandomness
from intended_core.flows import cache as caches
from intended_core.flows import decided
from intended_core.flows.activate import activate
from intended_core.flows.approve import approve
from intended_core.flows.attenuate import attenuate
from intended_core.flows.authorize import authorize
from intended_core.flows.closing import close_tenant, closing_digest
from intended_core.flows.credentialrows import withdrawal_digest
from intended_core.flows.credentials import withdraw_credentials
from intended_core.flows.deliver import deliver
from intended_core.flows.effects import Context, Flow
from intended_core.flows.erase import Plan, erase, statement_of
from intended_core.flows.halt import engage, resume
from intended_core.flows.haltrows import halt_digest
from intended_core.flows.hold import HoldPlan, place, place_statement
from intended_core.flows.persons import register_person, remove_person, rotate_person, rotation_digest
from intended_core.flows.recover import recover, recovery_digest
from intended_core.flows.redeem import redeem
from intended_core.flows.remote import serve
from intended_core.flows.retire import mark_compromised, retire_due
from intended_core.flows.revoke import revoke_principal, revoke_token
from intended_core.flows.rewrap import rewrap
from intended_core.flows.rollback import Evidence, suspect
from intended_core.flows.rotate import prepare, rotate
from intended_core.flows.secrets import open_secret, put_secret, remove_secret
from intended_core.flows.steps import open_head
from intended_core.flows.sweep import sweep
from intended_core.flows.withdraw import cancel, expire_requests, reject, rejection_digest
from intended_core.flows.write import put_entities
from intended_core.keys.hidden import SecretBytes
from intended_core.lang.checker import check
from intended_core.lang.source import Source
from intended_core.persons import Person
from intended_core.ports import Notification, NotificationReceipt
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import inspect
from tests.faults.schedules import Ended, Process, Running, answer, left, picture, play, schedules
from tests.reference.flow_world import ACCOUNT, ANN, ANN_KEY, BOB, BOB_KEY, BOT, NOW_US, STRICT, World, intent, pay

AT_MOST = 2_000
END_US = NOW_US + 7_200_000_000  # the world stands an hour after NOW_US
CLOSING = Entity(ref=ACCOUNT, attributes={"closed": True})
# A flow that met a change under its feet and does not start over says so with one of these, and has done nothing.
LOST = (
    "UnitRefusedError tenant_closed", "UnitRefusedError guards_moved", "UnitRefusedError entities_moved", "UnitRefusedError approval_state", "Rotated adopted",
)  # fmt: skip

FLOWS: dict[str, Callable[[World, Context], Flow[Any]]] = {
    "authorize": lambda w, c: authorize(c, intent(), audience="bank"),
    "escalate": lambda w, c: authorize(c, intent("500.00"), audience="bank"),
    "redeem": lambda w, c: redeem(c, w.token, pay(), audience="bank"),
    "attenuate": lambda w, c: attenuate(c, w.token, intent("5.00")),
    "approve": lambda w, c: approve(c, w.pending.approval_id, person=ANN, signature=ANN_KEY.sign(w.pending.digest)),
    "cancel": lambda w, c: cancel(c, approved(w)),
    "spend-approval": lambda w, c: authorize(c, intent("700.00"), audience="bank", approval_id=approved(w)),
    "rotate": lambda w, c: rotate(c),
    "prepare": lambda w, c: prepare(c),
    "compromise": lambda w, c: mark_compromised(c, w.signing, signatures=w.both_sign(w.signing)),
    "retire": lambda w, c: retire_due(c),
    "rewrap": lambda w, c: rewrap(c, kek_id="newer"),
    "put-secret": lambda w, c: put_secret(c, "bank", "login", SecretBytes(b"second")),
    "remove-secret": lambda w, c: remove_secret(c, "bank", "login"),
    "open-secret": lambda w, c: open_secret(c, w.redeemed, "login"),
    "activate": lambda w, c: activate(c, [Source.from_bytes("bank.policy", STRICT.encode())]),
    "put-entities": lambda w, c: put_entities(c, [CLOSING]),
    "halt": lambda w, c: _signed(w, "engage", HaltTarget("environment"), [(ANN, ANN_KEY)]),
    "resume": lambda w, c: _signed(w, "resume", OTHER, [(ANN, ANN_KEY), (BOB, BOB_KEY)]),
    "revoke-token": lambda w, c: revoke_token(c, _jti(w), reason="leaked", signatures=_revoking(w, _jti(w))),
    "revoke-principal": lambda w, c: revoke_principal(c, BOT, reason="leaked", expires_us=END_US, signatures=_revoking(w, BOT)),
    "suspect": lambda w, c: suspect(c, Evidence(kind="mark", generation=1, size=999, hash=b"r" * 32)),
    "recover": lambda w, c: _recovering(w, c),
    "close": lambda w, c: _closing(w, c),
    "replace-person": lambda w, c: register_person(c, Person(ref=ANN, public_key=OTHER_KEY.public_key)),
}
# These meet what they can meet, and each other; with the rest they share no row but the head.
LATER: dict[str, Callable[[World, Context], Flow[Any]]] = {
    "reject": lambda w, c: reject(c, w.pending.approval_id, person=ANN, signature=ANN_KEY.sign(rejection_digest(w.pending.digest))),
    "rotate-person": lambda w, c: _rotating(w, c),
    "remove-person": lambda w, c: remove_person(c, ANN),
    "sweep": lambda w, c: sweep(c),
    "expire-requests": lambda w, c: expire_requests(c),
    "deliver": lambda w, c: deliver(c, "ops", Notices(), since=world().head_size),
    "withdraw-credentials": lambda w, c: _withdrawing(w, c),
    "serve": lambda w, c: serve(c, _request(w)),
    "hold": lambda w, c: _holding(w, c),
    "erase": lambda w, c: _erasing(w, c),
}
MET = ("approve", "cancel", "spend-approval", "authorize", "escalate", "redeem", "attenuate", "halt", "replace-person", "revoke-principal", "suspect")
OTHER = HaltTarget.of_adapter("other")
OTHER_KEY = LocalPersonKey.generate(SystemRandomness())


def _signed(w: World, verb: Literal["engage", "resume"], target: HaltTarget, keys: list[tuple[EntityRef, LocalPersonKey]]) -> Flow[Any]:
    """Signed before the race, as in life."""
    version = 0 if verb == "engage" else 1
    asked = halt_digest(w.context.scope, verb, target, "why", version + 1)
    act = engage if verb == "engage" else resume
    return act(w.context, target, reason="why", signatures=[(ref, key.sign(asked)) for ref, key in keys])


def _recovering(w: World, c: Context) -> Flow[Any]:
    asked = recovery_digest(w.context.scope, generation=2, evidence=b"", reason="restored")
    return recover(c, reason="restored", signatures=[(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))])


def _closing(w: World, c: Context) -> Flow[Any]:
    asked = closing_digest(w.context.scope, generation=1, reason="over")
    return close_tenant(c, reason="over", signatures=[(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))])


def _holding(w: World, c: Context) -> Flow[Any]:
    until = w.clock.now_us() + 600_000_000
    planned = HoldPlan(kept=Kept(places=((5, 10),), size=10, later=None), reason="case", basis="order", generation=1)
    asked = place_statement(w.context, planned, expires_us=until).digest()
    return place(c, planned, expires_us=until, signatures=[(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))])


def _erasing(w: World, c: Context) -> Flow[Any]:
    until = w.clock.now_us() + 600_000_000
    planned = Plan(why="redact", places=((9, 10),), snapshots=(), reason="asked", basis="law", generation=1)
    asked = statement_of(w.context, planned, expires_us=until).digest()
    return erase(c, planned, expires_us=until, signatures=[(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))])


class Notices:
    """A notifier that takes everything."""

    def send(self, notification: Notification) -> NotificationReceipt:
        return NotificationReceipt(status=len(notification.id))


def _rotating(w: World, c: Context) -> Flow[int]:
    asked = rotation_digest(w.context.scope, Person(ref=ANN, public_key=ANN_KEY.public_key), OTHER_KEY.public_key)
    return rotate_person(c, ANN, OTHER_KEY.public_key, signature=ANN_KEY.sign(asked), proof=OTHER_KEY.sign(asked))


def _withdrawing(w: World, c: Context) -> Flow[int]:
    asked = withdrawal_digest(w.context.scope, "bank", "", "lost", 1)
    return withdraw_credentials(c, "bank", reason="lost", signatures=[(BOB, BOB_KEY.sign(asked))])


def _request(w: World) -> bytes:
    call = '{"action":"pay","args":{"amount":"d:12.5"},"resource":["Account","main"]}'
    return pack({"attempt": "A" * 22, "call": call, "credential": world().credential, "proof": None, "token": w.token, "v": 0})


def _jti(w: World) -> str:
    return inspect(parse(w.token), find_key=w.runtime.states.get(w.context.scope, w.context.mac, fresh=True).ring.find, now_s=w.clock.now_us() // 1_000_000).claims.jti


def _revoking(w: World, what: EntityRef | str) -> list[tuple[EntityRef, bytes]]:
    return [(ANN, ANN_KEY.sign(w.tenant.halts.revocation_digest(what, "leaked", expires_us=END_US)))]


LONG = {"sweep", "deliver"}  # many effects, most of them reads: thousands of orders, tried where there is time
APART = {("deliver", "deliver"), ("deliver", "sweep"), ("sweep", "sweep"), ("sweep", "attenuate")}  # told or swept by two: tests of their own
PAIRS = [
    *combinations_with_replacement(sorted(FLOWS), 2),
    *((name, other) for name in sorted(LATER) for other in MET),
    *combinations_with_replacement(sorted(LATER), 2),
]
MARKED = [pytest.param(pair, marks=pytest.mark.slow if LONG & set(pair) else ()) for pair in PAIRS if pair not in APART]
FLOWS.update(LATER)


def approved(world: World) -> str:
    """The id of the request that was approved before the race."""
    (name,) = (key.key for key, row in world.data().rows.items() if key.kind == "approval" and row.state == "APPROVED")
    return name


class Raced(World):
    """The world of the races: `credential` of the adapter bank, and the record from which on a notifier is told."""

    credential = ""
    head_size = 0


@cache
def world() -> Raced:
    """With a key and a request whose time is over, a request that waits, one that was approved, and one process that has read everything."""
    made = Raced().with_key_overdue()
    made.clock.advance(seconds=3601)
    made.pending = made.tenant.authorize(intent("500.00"), audience="bank")  # type: ignore[assignment]
    granted, spent = (made.tenant.require(intent(), audience="bank") for _ in range(2))
    made.token = granted.text
    made.redeemed = made.tenant.redeem(spent, pay(), adapter=made.tenant.adapter("bank"))
    request = made.tenant.authorize(intent("700.00"), audience="bank")
    made.tenant.approve(request.approval_id, person=ANN, key=ANN_KEY)  # type: ignore[union-attr]
    made.tenant.halts.engage(OTHER, reason="before the race", keys=((ANN, ANN_KEY),))
    made.credential = made.tenant.tokens.credential("bank")
    made.head_size = made.head.size - 2
    made.save()
    return made


@cache
def warm() -> Process:
    here = world()
    here.restore()
    process = Process.of(here)
    for name in ("authorize", "escalate", "spend-approval", "approve"):
        Running(process, FLOWS[name](here, here.context)).finish()
    here.restore()
    process.runtime.states.get(here.context.scope, here.context.mac, fresh=True)
    for version in process.runtime.entities._versions.values():
        assert version == here.head.entities
    return process


@pytest.fixture(autouse=True)
def _compile_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sources are checked once per run: thousands of activations would only measure the parser."""
    monkeypatch.setattr(caches, "check", _checked)


def _checked(sources: Any) -> Any:
    return _check_once(tuple((source.name, source.text) for source in sources))


@lru_cache(maxsize=16)
def _check_once(pairs: tuple[tuple[str, str], ...]) -> Any:
    return check([Source.from_bytes(name, text.encode()) for name, text in pairs])


def pair(names: tuple[str, ...], memory: Process | None) -> tuple[Running, ...]:
    """The flows, each in a process of its own that remembers what `memory` does, on the store as it was before."""
    here = world()
    here.restore()
    processes = [Process.of(here, memory) for _ in names]
    if "rewrap" in names:
        here.renew_kek()
        processes = [Process.of(here, memory) for _ in names]
    return tuple(Running(process, FLOWS[name](here, process.context)) for name, process in zip(names, processes, strict=True))


def serial(names: tuple[str, str]) -> set[tuple[object, ...]]:
    """What the two come to one after the other, in both orders."""
    found = set()
    for order in (0, 1), (1, 0):
        one, two = pair(names, None)
        for number in order:
            (one, two)[number].finish()
        found.add(picture(world(), (one, two)))
    return found


def alone(name: str) -> tuple[object, ...]:
    """What one flow comes to when nothing else runs."""
    (one,) = pair((name,), None)
    one.finish()
    return (answer(one), *left(world()))


def log_in_order(here: World) -> None:
    """Read the log from its beginning: each record only says what was true at its place."""
    active, closed, spent, stopped, before, ended, held = b"", False, set(), False, 0, False, False
    issued: dict[str, int] = {}
    for record in here.data().records:
        entry = parse_entry(record.entry)
        body = here.body(entry.seq) if record.body else {}
        assert not (held and entry.kind is EventKind.LOG_REDACT), "erased in spite of a hold"
        held = held or entry.kind is EventKind.HOLD_PLACED
        assert not ended, f"{entry.kind} after the end"
        ended = entry.kind is EventKind.TENANT_CLOSED
        if entry.kind is EventKind.POLICY_ACTIVATED:
            active = entry.policy_digest or b""
        if entry.kind is EventKind.ENTITY_WRITTEN and len(body["entities"]) == 1:
            closed = True
        if entry.kind is EventKind.HALT_ENGAGED and body["target"] == ["environment"]:
            stopped = True
        if entry.kind is EventKind.TOKEN_REVOKED and body["cause"] == "principal":
            before = entry.seq
        if entry.kind is EventKind.HALT_ENGAGED and body["target"] == ["rollback"]:
            stopped = True
        if entry.kind is EventKind.LOG_RECOVER:
            before = entry.seq  # what was issued in an older generation is void
        if entry.kind in (EventKind.DECISION_ALLOW, EventKind.DECISION_ESCALATE, EventKind.TOKEN_CONSUMED):
            assert not stopped, f"{entry.kind} after its halt"
        if entry.kind in (EventKind.DECISION_ALLOW, EventKind.DECISION_ESCALATE, EventKind.TOKEN_CONSUMED, EventKind.APPROVAL_GRANTED):
            assert entry.policy_digest == active, f"{entry.kind} under a policy that was replaced"
        if entry.kind is EventKind.DECISION_ALLOW:
            assert not closed, "allowed for an account that was closed before"
            assert body["policy_digest"] == b64url(active)
            issued[record.thread] = entry.seq
        if entry.kind is EventKind.TOKEN_CONSUMED:
            assert body["claims_digest"] not in spent, "spent twice"
            spent.add(body["claims_digest"])
            assert issued[record.thread] >= before, "consumed after a revocation of all, or a recovery"


def holds(here: World, running: tuple[Running, Running]) -> None:
    here.check()
    log_in_order(here)
    keys = [row for row in here.data().rows.values() if row.kind == "signing_key" and row.key.startswith("token:")]
    assert [row.state for row in keys].count("ACTIVE") == 1
    results = [each.result for each in running]
    redeemed = [result.claims.jti for result in results if isinstance(result, RedeemedToken)]
    assert len(redeemed) == len(set(redeemed)), "one token ran twice"
    granted = [result.token.text for result in results if isinstance(result, Granted)]
    assert len(granted) == len(set(granted))
    if granted:
        used = [result.approvals for result in results if isinstance(result, Granted) and result.approvals]
        assert len(used) <= 1, "one approval allowed two tokens"


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_a_flow_that_meets_nobody_does_what_it_is_for(name: str) -> None:
    (one,) = pair((name,), None)
    one.finish()
    assert one.error is None, "a flow that is refused anyway tells nothing of what it meets"


@pytest.mark.parametrize("names", MARKED, ids="-with-".join)
def test_every_interleaving_is_one_after_the_other(names: tuple[str, str]) -> None:
    orders = serial(names)
    single = {name: alone(name) for name in names}
    memory = warm()
    ran: list[tuple[Running, Running]] = []

    def execute(prefix: tuple[int, ...]) -> Ended:
        one, two = pair(names, memory)
        ran.append((one, two))
        return play((one, two), prefix)

    count = 0
    for ended in schedules(execute, at_most=AT_MOST):
        count += 1
        running = ran.pop()
        where = f"{names} in the order {ended.turns}"
        holds(world(), running)
        seen = picture(world(), running)
        lost = [number for number, each in enumerate(running) if answer(each) in LOST]
        if len(lost) == 1:
            winner = 1 - lost[0]
            assert (answer(running[winner]), *left(world())) == single[names[winner]], f"{where}: a flow that lost left something"
        else:
            assert seen in orders, f"{where}: {seen[:2]}, but one after the other gives {sorted(str(each[:2]) for each in orders)}"
    assert count >= 2, "there was nothing to interleave"


def test_a_flow_that_forgot_its_guard_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge judges: a unit that does not look at the versions under the lock goes red."""
    honest = open_head
    warm()  # made by honest units
    monkeypatch.setattr(decided, "open_head", lambda context, view, *, now_us, guards=None, entities=None, **rest: honest(context, view, now_us=now_us, **rest))
    with pytest.raises(AssertionError, match=r"replaced|one after the other"):
        test_every_interleaving_is_one_after_the_other(("activate", "authorize"))
    with pytest.raises(AssertionError, match=r"closed|one after the other"):
        test_every_interleaving_is_one_after_the_other(("authorize", "put-entities"))
