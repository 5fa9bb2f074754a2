"""Every effect of every flow is broken in every way: the answer is a denial or a raise, nothing is lost, nothing is usable twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import pytest

from intended_core import (
    AuditError,
    Call,
    Deny,
    EntityRef,
    Granted,
    HaltTarget,
    LocalPersonKey,
    Pending,
    RedeemedToken,
    TokenError,
)
from intended_core.audit.fields import erase_fields
from intended_core.canonical import pack
from intended_core.clock import SystemRandomness
from intended_core.flows import approve, evidence, hold, persons, queue, secrets, withdraw, write
from intended_core.flows.activate import activate
from intended_core.flows.attenuate import attenuate
from intended_core.flows.authorize import authorize
from intended_core.flows.closing import close_tenant, closing_digest
from intended_core.flows.credentials import credential, digest_to_withdraw, withdraw_credentials
from intended_core.flows.deliver import deliver
from intended_core.flows.duties import find_overdue
from intended_core.flows.effects import Effect, Flow
from intended_core.flows.erase import Plan, erase, statement_of
from intended_core.flows.evidence_range import collect_range
from intended_core.flows.halt import engage, list_halts, resume
from intended_core.flows.receipts import receipt
from intended_core.flows.recover import recover
from intended_core.flows.redeem import redeem
from intended_core.flows.refusals import record_counts
from intended_core.flows.remote import serve
from intended_core.flows.retire import mark_compromised, retire_due
from intended_core.flows.revoke import revoke_principal, revoke_token
from intended_core.flows.rewrap import rewrap
from intended_core.flows.rollback import Evidence, suspect
from intended_core.flows.rotate import prepare, rotate
from intended_core.flows.runtime import drive
from intended_core.flows.tenant import found
from intended_core.keys.hidden import SecretBytes
from intended_core.lang.source import Source
from intended_core.persons import Person
from intended_core.ports import Notification, NotificationReceipt
from tests.faults.fault_world import DRIVERS, FAULTS, run, twice
from tests.reference.flow_world import (
    ACCOUNT,
    ANN,
    ANN_KEY,
    BOB,
    BOB_KEY,
    BOT,
    CLOSED,
    ENTITIES,
    SECRET,
    STRICT,
    World,
    intent,
    pay,
)


def closing(w: World) -> Flow[Any]:
    """Two persons close the tenant."""
    asked = closing_digest(w.context.scope, generation=1, reason="over")
    return close_tenant(w.context, reason="over", signatures=[(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))])


def remote_request(w: World) -> bytes:
    """What an adapter elsewhere asks: to redeem the world's token."""
    call = '{"action":"pay","args":{"amount":"d:12.5"},"resource":["Account","main"]}'
    return pack(
        {
            "attempt": "A" * 22, "call": call, "credential": w.tenant.tokens.credential("bank"), "proof": None, "token": w.token,
            "v": 0,
        }
    )  # fmt: skip


FLOWS: dict[str, Callable[[World], Flow[Any]]] = {
    "authorize-allow": lambda w: authorize(w.context, intent(), audience="bank"),
    "authorize-deny": lambda w: authorize(w.context, intent(account=CLOSED), audience="bank"),
    "authorize-escalate": lambda w: authorize(w.context, intent("500.00"), audience="bank"),
    "authorize-invalid": lambda w: authorize(w.context, intent("a lot"), audience="bank"),
    "redeem": lambda w: redeem(w.context, w.token, pay(), audience="bank"),
    "redeem-replay": lambda w: redeem(w.context, w.spent, pay(), audience="bank"),
    "redeem-other-call": lambda w: redeem(w.context, w.token, pay("99.00"), audience="bank"),
    "redeem-forged": lambda w: redeem(counting(w).context, forged(w.token), pay(), audience="bank"),
    "record-counts": lambda w: record_counts(counting(w).context),
    "attenuate": lambda w: attenuate(w.context, w.token, intent("5.00")),
    "attenuate-spent": lambda w: attenuate(w.context, w.spent, intent("5.00")),
    "serve": lambda w: serve(w.context, remote_request(w)),
    "credential": lambda w: credential(w.context, "bank", life_seconds=60),
    "withdraw-credential": lambda w: withdrawing(w),
    "receipt": lambda w: receipt(w.context, w.pending),
    "approve": lambda w: approve.approve(
        w.context, w.pending.approval_id, person=ANN, signature=ANN_KEY.sign(w.pending.digest)
    ),
    "reject": lambda w: withdraw.reject(
        w.context, w.pending.approval_id, person=ANN, signature=ANN_KEY.sign(withdraw.rejection_digest(w.pending.digest))
    ),
    "cancel": lambda w: withdraw.cancel(w.context, w.pending.approval_id),
    "list-approvals": lambda w: queue.list_approvals(w.context, approver=ANN),
    "deliver": lambda w: deliver(w.context, "ops", Notices(), since=0),
    "expire-requests": lambda w: withdraw.expire_requests(w.context),
    "find-overdue": lambda w: find_overdue(w.context),
    "rotate": lambda w: rotate(w.context),
    "prepare": lambda w: prepare(w.context),
    "compromise": lambda w: mark_compromised(w.context, w.signing, signatures=w.both_sign(w.signing)),
    "retire": lambda w: retire_due(w.with_key_overdue().context),
    "rewrap": lambda w: rewrap(w.renew_kek().context, kek_id="newer"),
    "put-secret": lambda w: secrets.put_secret(w.context, "bank", "login", SecretBytes(b"second")),
    "remove-secret": lambda w: secrets.remove_secret(w.context, "bank", "login"),
    "open-secret": lambda w: secrets.open_secret(w.context, w.redeemed, "login"),
    "activate": lambda w: activate(w.context, [Source.from_bytes("bank.policy", STRICT.encode())]),
    "put-entities": lambda w: write.put_entities(w.context, ENTITIES),
    "remove-entities": lambda w: write.remove_entities(w.context, [ACCOUNT]),
    "register-person": lambda w: persons.register_person(w.context, Person(ref=ANN, public_key=ANN_KEY.public_key)),
    "rotate-person": lambda w: rotating(w),
    "remove-person": lambda w: persons.remove_person(w.context, BOB),
    "halt": lambda w: halting(w, "engage", HaltTarget.of_adapter("bank"), ((ANN, ANN_KEY),)),
    "resume": lambda w: halting(w, "resume", OTHER, ((ANN, ANN_KEY), (BOB, BOB_KEY))),
    "revoke-token": lambda w: revoking(w, w.tenant.halts.jti(w.token)),
    "revoke-principal": lambda w: revoking(w, BOT),
    "suspect": lambda w: suspect(w.context, LOST),
    "recover": lambda w: recovering(w),
    "close": lambda w: closing(w),
    "list-halts": lambda w: list_halts(w.context),
    "found": lambda w: found(w.new, origin="faults/new", issuer="faults", secret=SECRET),
    "checkpoint": lambda w: evidence.checkpoint(w.context),
    "erase": lambda w: erase(
        w.context, ERASURE, expires_us=w.runtime.clock.now_us() + 600_000_000,
        signatures=[
            (ref, key.sign(statement_of(w.context, ERASURE, expires_us=w.runtime.clock.now_us() + 600_000_000).digest()))
            for ref, key in ((ANN, ANN_KEY), (BOB, BOB_KEY))
        ],
    ),
    "erase-fields": lambda w: erase(
        w.context, PARTS, expires_us=w.runtime.clock.now_us() + 600_000_000,
        signatures=[
            (ref, key.sign(statement_of(w.context, PARTS, expires_us=w.runtime.clock.now_us() + 600_000_000).digest()))
            for ref, key in ((ANN, ANN_KEY), (BOB, BOB_KEY))
        ],
    ),
    "hold": lambda w: placing(w),
    "lift-hold": lambda w: lifting(w),
    "erase-held": lambda w: erasing_held(w),
    "list-holds": lambda w: hold.list_holds(w.context),
    "collect-range": lambda w: collect_range(w.context, 1, 3),
    "collect": lambda w: evidence.collect(w.context, w.pending.seq),
}


OTHER = HaltTarget.of_adapter("other")
LOST = Evidence(kind="mark", generation=1, size=999, hash=b"r" * 32)
WHY = "it pays the wrong people"


def until(w: World) -> int:
    return w.runtime.clock.now_us() + 600_000_000


def placing(w: World) -> Flow[Any]:
    planned = w.tenant.holds.plan(reason="case", basis="order")
    asked = w.tenant.holds.digest(planned, expires_us=until(w))
    return hold.place(w.context, planned, expires_us=until(w), signatures=[(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))])


def held_already(w: World) -> int:
    planned = w.tenant.holds.plan(reason="case", basis="order")
    return w.tenant.holds.place(planned, expires_us=until(w), keys=((ANN, ANN_KEY), (BOB, BOB_KEY))).seq


def lifting(w: World) -> Flow[Any]:
    seq = held_already(w)
    asked = w.tenant.holds.lift_digest(seq, reason="over", basis="order", expires_us=until(w))
    return hold.lift(
        w.context, seq, reason="over", basis="order", generation=w.tenant.head().generation, expires_us=until(w),
        signatures=[(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))],
    )  # fmt: skip


def erasing_held(w: World) -> Flow[Any]:
    """What a hold keeps, whatever fails meanwhile: nothing goes."""
    held_already(w)
    asked = statement_of(w.context, ERASURE, expires_us=until(w)).digest()
    flow = erase(w.context, ERASURE, expires_us=until(w), signatures=[(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))])
    return refused_as_held(flow)


def refused_as_held(flow: Flow[Any]) -> Flow[Any]:
    try:
        yield from flow
    except AuditError as error:
        assert error.code == "audit.held"
        return "held"
    raise AssertionError("erased in spite of a hold")


def halting(w: World, verb: Literal["engage", "resume"], target: HaltTarget, keys: Sequence[tuple[EntityRef, LocalPersonKey]]) -> Flow[Any]:
    asked = w.tenant.halts.digest(verb, target, WHY)
    act = engage if verb == "engage" else resume
    return act(w.context, target, reason=WHY, signatures=[(ref, key.sign(asked)) for ref, key in keys])


def revoking(w: World, what: EntityRef | str) -> Flow[Any]:
    end_us = w.clock.now_us() + 60_000_000
    signed = [(ANN, ANN_KEY.sign(w.tenant.halts.revocation_digest(what, WHY, expires_us=end_us)))]
    if isinstance(what, EntityRef):
        return revoke_principal(w.context, what, reason=WHY, expires_us=end_us, signatures=signed)
    return revoke_token(w.context, what, reason=WHY, signatures=signed)


def withdrawing(w: World) -> Flow[Any]:
    asked = drive(w.runtime, w.context, digest_to_withdraw(w.context, "bank", "", WHY))
    return withdraw_credentials(w.context, "bank", reason=WHY, signatures=[(ANN, ANN_KEY.sign(asked))])


def counting(w: World) -> World:
    """Nine refusals are counted; with the next they are recorded."""
    for _ in range(9):
        w.context.refusals.add("token.signature", w.runtime.clock.now_us(), interval_us=60_000_000)
    return w


def forged(token: str) -> str:
    """The token with a signature that does not hold."""
    return token[:-9] + ("A" if token[-9] != "A" else "B") + token[-8:]


class Notices:
    """A notifier that takes everything."""

    def send(self, notification: Notification) -> NotificationReceipt:
        return NotificationReceipt(status=len(notification.id))


NEW_KEY = LocalPersonKey.generate(SystemRandomness())


def rotating(w: World) -> Flow[int]:
    asked = persons.rotation_digest(w.context.scope, Person(ref=ANN, public_key=ANN_KEY.public_key), NEW_KEY.public_key)
    return persons.rotate_person(
        w.context, ANN, NEW_KEY.public_key, signature=ANN_KEY.sign(asked), proof=NEW_KEY.sign(asked)
    )


def recovering(w: World) -> Flow[Any]:
    drive(w.runtime, w.context, suspect(w.context, LOST))
    w.reopen()
    asked = w.tenant.recovery.digest(WHY)
    return recover(w.context, reason=WHY, signatures=[(ANN, ANN_KEY.sign(asked)), (BOB, BOB_KEY.sign(asked))])


PARTS = Plan(
    why="redact", places=(), parts=((7, ("intent.args.amount", "ith")),), snapshots=(), reason="asked", basis="law", generation=1
)
ERASURE = Plan(why="redact", places=((6, 8),), snapshots=(), reason="asked", basis="law", generation=1)
OFTEN = frozenset({"authorize-allow", "redeem"})


@cache
def world() -> World:
    """With an adapter that is halted, beside the one that the tests use."""
    made = World()
    made.tenant.halts.engage(OTHER, reason=WHY, keys=((ANN, ANN_KEY),))
    made.save()
    return made


@cache
def effects_of(name: str) -> tuple[Effect, ...]:
    """The effects of the undisturbed flow, in order."""
    here = world()
    here.restore()
    seen: list[Effect] = []
    while True:
        here.restore()
        reached = run(here, FLOWS[name](here), at=len(seen), fault=_watch).reached
        if reached is None:
            return tuple(seen)
        seen.append(reached)


def _watch(here: World, effect: Effect) -> Any:
    return here.runtime.perform(effect, here.context)


def usable(here: World, token: str, call: Call | None = None) -> bool:
    """Whether a new process still honours the token; honouring it spends it."""
    here.reopen()
    try:
        here.tenant.redeem(token, call or pay(), adapter=here.tenant.adapter("bank"))
    except TokenError:
        return False
    return True


BOTH = (*sorted(set(DRIVERS) - {"sync"}), "sync")
# The whole matrix on an event loop takes its time; what grants and what consumes is always tried there.
CELLS = [
    pytest.param(name, fault, driver, marks=pytest.mark.slow if driver != "sync" and name not in OFTEN else (), id=f"{name}-{fault}-{driver}")
    for name in sorted(FLOWS)
    for fault in sorted(FAULTS)
    for driver in BOTH
    if driver != "trio" or name.startswith(("authorize", "redeem"))
]  # fmt: skip


@pytest.mark.parametrize(("name", "fault", "driver"), CELLS)
def test_no_fault_lets_anything_through(name: str, fault: str, driver: str) -> None:
    here = world()
    for at, effect in enumerate(effects_of(name)):
        here.restore()
        before = here.data()
        ended = run(here, FLOWS[name](here), at=at, fault=FAULTS[fault], driver=driver)
        where = f"{name}, effect {at} ({type(effect).__name__}), {fault}, {driver}"
        assert ended.reached is not None, where
        here.check()
        after = here.data()
        assert [row.leaf for row in after.records[: len(before.records)]] == [row.leaf for row in before.records], where
        for was, row in zip(before.records, after.records, strict=False):
            # A body goes only in the unit that records why.
            permitted = len(after.records) > len(before.records)
            if permitted and name == "erase" and row.body == b"":
                was = replace(was, body=b"", fields=b"")
            elif permitted and name == "erase-fields" and was.seq == PARTS.parts[0][0]:
                was = replace(was, fields=erase_fields(was.fields, PARTS.parts[0][1], by=len(before.records)))
            assert row == was, f"{where}: a record is gone"
        if name.startswith("authorize"):
            assert not isinstance(ended.result, Granted | Pending), f"{where}: granted"
            assert ended.error is None or fault.startswith("crash"), f"{where}: authorize raised {ended.error!r}"
            assert isinstance(ended.result, Deny) or fault.startswith("crash"), where
        elif name.startswith("attenuate"):
            assert not isinstance(ended.result, Granted | Pending), f"{where}: granted"
            assert isinstance(ended.result, Deny) or ended.error is not None, where
            spent_for = [row for row in after.rows.values() if row.kind == "nonce" and row.state == "ATTENUATED"]
            assert len(spent_for) == here.kinds().count("token.attenuated"), where
        elif name == "serve":
            assert b"consumed" not in (ended.result or b""), f"{where}: redeemed"
        elif name.startswith("redeem"):
            assert not isinstance(ended.result, RedeemedToken), f"{where}: redeemed"
            assert ended.error is not None, where
        elif name == "open-secret":
            assert ended.error is not None, f"{where}: opened"
        keys = here.data().rows.values()
        assert [row.state for row in keys if row.key.startswith("token:")].count("ACTIVE") == 1, where
        spent = here.store.snapshot()[here.tenant.scope.key].rows
        consumed = sum(row.kind == "nonce" and row.state == "CONSUMED" for row in spent.values())
        if any(kind in ("halt.engaged", "token.revoked", "tenant.closed") for kind in here.kinds(len(before.records))) or here.head.generation > 1:
            assert not usable(here, here.token), f"{where}: redeemed after its halt or revocation, or after the end"
        assert not usable(here, here.spent), f"{where}: a spent token is usable again"
        first, second = usable(here, here.token), usable(here, here.token)
        assert not second, f"{where}: a token is usable twice"
        assert not (first and consumed > 1), f"{where}: the spent nonce was spent again"
        here.check()


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_an_effect_that_happens_twice_gives_nothing_twice(name: str) -> None:
    here = world()
    for at, effect in enumerate(effects_of(name)):
        here.restore()
        ended = run(here, FLOWS[name](here), at=at, fault=twice)
        where = f"{name}, effect {at} ({type(effect).__name__}) twice"
        here.check()
        assert not usable(here, here.spent), where
        redeemed = isinstance(ended.result, RedeemedToken)
        assert not (redeemed and usable(here, here.token)), f"{where}: redeemed, and usable again"
        if isinstance(ended.result, Granted):
            call = pay("5.00" if name.startswith("attenuate") else "12.50")
            assert usable(here, ended.result.token.text, call), where
            assert not usable(here, ended.result.token.text, call), f"{where}: usable twice"


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("name", sorted(FLOWS))
def test_after_any_fault_the_authority_still_works(name: str, fault: str) -> None:
    here = world()
    for at, effect in enumerate(effects_of(name)):
        here.restore()
        run(here, FLOWS[name](here), at=at, fault=FAULTS[fault])
        here.reopen()
        where = f"{name}, effect {at} ({type(effect).__name__}), {fault}"
        moved = name in {"activate", "remove-entities"}
        amount = "0.50" if moved else "12.50"
        outcome = here.tenant.authorize(intent(amount), audience="bank")
        if name == "remove-entities" and isinstance(outcome, Deny):
            assert outcome.kind == "error", where
            continue
        if name in ("close", "halt", "suspect", "recover") and isinstance(outcome, Deny):
            assert outcome.kind == "halted", where
            continue
        assert isinstance(outcome, Granted), f"{where}: {outcome}"
        here.tenant.redeem(outcome.token, pay(amount), adapter=here.tenant.adapter("bank"))
        here.check()


def test_the_flows_are_long_enough_to_break() -> None:
    counts = {name: len(effects_of(name)) for name in FLOWS}
    assert counts.pop("list-holds") == 1  # one look at the rows, and nothing beside it
    assert min(counts.values()) >= 2, counts
    assert counts["authorize-allow"] >= 5, counts
    assert counts["redeem"] >= 3, counts


def test_authorize_commits_before_it_signs_and_redeem_commits_last() -> None:
    """Allow, then record, then sign; consume, then act."""
    granting = [type(effect).__name__ for effect in effects_of("authorize-allow")]
    assert granting[-2:] == ["Commit", "Sign"]
    assert [type(effect).__name__ for effect in effects_of("redeem")][-1] == "Commit"


def test_a_failed_signature_revokes_the_nonce() -> None:
    here = world()
    effects = effects_of("authorize-allow")
    for fault in ("error", "no-answer", "wrong-answer"):
        here.restore()
        ended = run(here, FLOWS["authorize-allow"](here), at=len(effects) - 1, fault=FAULTS[fault])
        assert isinstance(ended.result, Deny), fault
        assert ended.result.kind == "unavailable"
        states = sorted(row.state for row in here.data().rows.values() if row.kind == "nonce")
        assert states == ["CONSUMED", "ISSUED", "REVOKED"]
