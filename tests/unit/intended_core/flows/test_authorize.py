"""authorize: allow, then record, then sign, then release; whatever goes wrong on the way is a denial."""

from __future__ import annotations

import pytest

from intended_core import Deny, Entity, EntityRef, Granted, Intent, Pending
from intended_core.canonical import b64url
from intended_core.errors import AdapterError, IntendedError, KeyRingError, StoreBusyError, StoreError, StoreFullError
from intended_core.flows.authorize import authorize
from intended_core.flows.effects import Commit, Draw, LoadEntities, LoadState, Sign
from intended_core.flows.rows import NonceRow
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import inspect
from tests.reference.flow_world import (
    ACCOUNT,
    ANN,
    ANN_KEY,
    BOT,
    CLOSED,
    NOW_US,
    POLICY,
    STRICT,
    Traced,
    World,
    at,
    intent,
    pay,
    raising,
    trace,
)

STALE = Entity(ref=ACCOUNT, attributes={"closed": False})


def asking(world: World, given: Intent | None = None, approval: str | None = None, before: object = None) -> Traced:
    flow = authorize(world.context, given or intent(), audience="bank", approval_id=approval)
    seen = trace(world, flow, before)  # type: ignore[arg-type]
    assert seen.error is None, "authorize answers; it never raises"
    return seen


def denial(world: World, given: Intent | None = None, approval: str | None = None, before: object = None) -> Deny:
    outcome = asking(world, given, approval, before).result
    assert isinstance(outcome, Deny)
    return outcome


def nonces(world: World) -> list[str]:
    return sorted(row.state for row in world.data().rows.values() if row.kind == "nonce")


def test_an_allow_is_committed_before_it_is_signed(world: World) -> None:
    size = world.head.size
    seen = asking(world)
    assert seen.order == ["LoadState", "LoadEntities", "Commit", "Sign"]
    assert isinstance(seen.result, Granted)
    assert (seen.result.seq, seen.result.rules) == (size, ("small",))
    assert seen.result.expires_s == NOW_US // 1_000_000 + 60
    assert world.kinds(size) == ["decision.allow"]


def test_the_token_says_what_the_ledger_and_the_log_say(world: World) -> None:
    granted = asking(world).result
    claims = inspect(parse(granted.token.text), find_key=world.tenant.policy().ring.find, now_s=NOW_US // 1_000_000).claims
    nonce = NonceRow.from_row(world.row("nonce", claims.jti))
    assert (nonce.audience, nonce.expires_s, nonce.seq, nonce.attempt) == ("bank", granted.expires_s, granted.seq, "")
    assert claims.log == (1, granted.seq, world.data().records[granted.seq].leaf)
    assert (claims.aud, claims.sub, claims.action, claims.env) == ("bank", BOT, "pay", "live")
    body = world.body(granted.seq)
    assert (body["outcome"], body["rules"], body["now"]) == ("allow", ["small"], NOW_US)
    assert body["policy_digest"] == b64url(claims.pol)
    assert claims.jti not in world.data().records[granted.seq].body.decode()


@pytest.mark.parametrize(
    ("given", "order", "kind"),
    [
        (intent("500.00"), ["LoadState", "LoadEntities", "Commit"], "decision.escalate"),
        (intent(account=CLOSED), ["LoadState", "LoadEntities", "Commit"], "decision.deny"),
        (intent("-1.00"), ["LoadState", "LoadEntities", "Commit"], "decision.deny"),
        (intent("much"), ["LoadState", "ReadHead", "Commit"], "decision.deny"),
    ],
    ids=["escalate", "forbid", "default", "invalid"],
)
def test_nothing_but_an_allow_is_signed_and_everything_is_recorded(world: World, given: Intent, order: list[str], kind: str) -> None:
    size, before = world.head.size, nonces(world)
    assert asking(world, given).order == order
    assert world.kinds(size) == [kind]
    assert nonces(world) == before


def test_an_escalation_keeps_what_was_asked(world: World) -> None:
    pending = asking(world, intent("500.00")).result
    assert isinstance(pending, Pending)
    row = world.row("approval", pending.approval_id)
    assert (row.state, row.version) == ("PENDING", 1)
    assert world.body()["approval_digest"] == b64url(pending.digest)
    assert asking(world, intent("500.00")).result.digest != pending.digest, "each request is another"


@pytest.mark.parametrize(
    ("given", "kind", "place"),
    [
        (intent("much"), "intent_invalid", "args.amount"),
        (Intent(principal=BOT, action="fly", resource=ACCOUNT, args={}), "intent_invalid", "action"),
        (Intent(principal=BOT, action="pay", resource=ACCOUNT, args={"amount": 1.5}), "intent_invalid", "args.amount"),
        (Intent(principal=BOT, action="pay", resource=ACCOUNT, args={"amount": "1", "more": 1}), "intent_invalid", "args.more"),
        (Intent(principal=BOT, action="pay", resource=ACCOUNT, args={}), "intent_invalid", "args.amount"),
        (Intent(principal=ANN, action="pay", resource=ACCOUNT, args={"amount": "1"}), "intent_invalid", "principal"),
        (intent(account=EntityRef("Account", "none")), "error", ""),
    ],
    ids=["type", "action", "float", "unknown", "missing", "principal", "entity"],
)
def test_what_a_caller_can_get_wrong_is_a_denial_with_its_place(world: World, given: Intent, kind: str, place: str) -> None:
    outcome = denial(world, given)
    assert outcome.kind == kind
    assert outcome.seq == world.head.size - 1
    if place:
        assert outcome.reasons[0].place == place


def test_without_a_policy_everything_is_denied(world: World) -> None:
    world.found_another()
    outcome = trace(world, authorize(world.new, intent(), audience="bank")).result
    # The driver of the test performs under the first scope's tags: what cannot be authenticated is no policy either.
    assert isinstance(outcome, Deny)
    assert outcome.kind in {"default", "unavailable"}


# -- the store moved on -----------------------------------------------------------------------------------------------


def test_a_policy_that_changed_meanwhile_is_the_one_that_decides(world: World) -> None:
    seen = asking(world, before=at(Commit, lambda: world.tenant.activate({"bank.policy": STRICT})))
    assert seen.order == ["LoadState", "LoadEntities", "Commit", "LoadState", "LoadEntities", "Commit"]
    assert isinstance(seen.result, Pending), "12.50 needs a chief under the stricter set"
    assert [effect.fresh for effect in seen.effects if isinstance(effect, LoadState | LoadEntities)] == [False, False, True, True]


def test_entities_that_changed_meanwhile_decide(world: World) -> None:
    close = Entity(ref=ACCOUNT, attributes={"closed": True})
    outcome = denial(world, before=at(Commit, lambda: world.tenant.put_entities([close])))
    assert (outcome.kind, outcome.rules) == ("forbid", ("closed",))


def test_a_store_that_never_stands_still_ends_in_a_conflict(world: World) -> None:
    retries = world.context.settings.state_retries
    still = asking(world, before=at(Commit, lambda: world.tenant.put_entities([STALE]), times=retries))
    assert isinstance(still.result, Granted)
    world.restore()
    outcome = denial(world, before=at(Commit, lambda: world.tenant.put_entities([STALE]), times=retries + 1))
    assert outcome.kind == "conflict"
    assert outcome.seq == world.head.size - 1


def test_a_denial_from_memory_is_looked_at_again(world: World) -> None:
    """What this process takes for invalid may be valid by now."""
    wider = POLICY.replace("args: { amount: Decimal }", "args: { amount: Decimal, note?: String }")
    noted = Intent(principal=BOT, action="pay", resource=ACCOUNT, args={"amount": "1.00", "note": "x"})
    assert denial(world, noted).kind == "intent_invalid"
    world.tenant.activate({"bank.policy": wider})  # which leaves what the process remembers as it was
    seen = asking(world, noted)
    assert isinstance(seen.result, Granted)
    assert seen.order == ["LoadState", "ReadHead", "LoadState", "LoadEntities", "Commit", "Sign"]


# -- effects that fail ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [StoreError("x"), StoreFullError("x"), StoreBusyError("x"), AdapterError("x"), KeyRingError("x")])
@pytest.mark.parametrize("kind", [LoadState, LoadEntities, Draw, Commit])
def test_an_effect_that_fails_is_a_denial(world: World, kind: type, error: IntendedError) -> None:
    before = nonces(world)
    assert denial(world, before=at(kind, raising(error))).kind == "unavailable"
    assert nonces(world) == before


def test_a_signature_that_fails_revokes_its_nonce_and_says_so_in_the_log(world: World) -> None:
    size = world.head.size
    seen = asking(world, before=at(Sign, raising(KeyRingError("the key is gone"))))
    assert isinstance(seen.result, Deny)
    assert [type(effect) for effect in seen.effects[-2:]] == [Sign, Commit], "no unshielded effect between the two"
    assert seen.effects[-1].shielded  # type: ignore[union-attr]
    assert world.kinds(size) == ["decision.allow", "token.sign_failed"]
    assert nonces(world) == ["CONSUMED", "ISSUED", "REVOKED"]


def test_a_revocation_that_fails_too_is_still_a_denial_and_nothing_is_released(world: World) -> None:
    calls: list[str] = []

    def broken(effect: object) -> None:
        if isinstance(effect, Sign):
            calls.append("sign")
            raise KeyRingError("gone")
        if isinstance(effect, Commit) and calls:
            raise StoreError("gone as well")

    assert denial(world, before=broken).kind == "unavailable"


def test_a_denial_that_cannot_be_recorded_is_still_a_denial(world: World) -> None:
    outcome = denial(world, intent("much"), before=at(Commit, raising(StoreFullError("no space"))))
    assert (outcome.kind, outcome.seq) == ("intent_invalid", None)
    assert "could not be recorded" in outcome.reasons[-1].text


def test_a_unit_that_waited_while_the_log_went_on_takes_the_time_anew(world: World) -> None:
    def waited() -> None:
        # another process writes a record 5 s later, while this one's unit stands in the queue
        world.clock.advance(seconds=5)
        world.tenant.authorize(intent("1.00"), audience="bank")

    assert isinstance(asking(world, before=at(Commit, waited)).result, Granted)


def test_the_clock_stands_before_the_newest_record(world: World) -> None:
    before = world.data()
    world.clock.advance(seconds=-3)
    assert denial(world).kind == "clock"
    assert denial(world, intent(account=CLOSED)).kind == "clock"
    assert world.data() == before
    world.clock.advance(seconds=1)  # within the leeway
    assert isinstance(asking(world).result, Granted)


def test_a_fault_of_ours_is_a_denial_that_names_its_class_only(world: World) -> None:
    flow = authorize(world.context, intent(), audience="bank")
    next(flow)
    with pytest.raises(StopIteration) as stopped:
        flow.throw(ZeroDivisionError("secret detail"))
    outcome = stopped.value.value
    assert isinstance(outcome, Deny)
    assert outcome.reasons[0].text == "internal fault (ZeroDivisionError)"


# -- approvals --------------------------------------------------------------------------------------------------------


def test_an_approval_is_spent_with_the_nonce_that_it_allows(world: World) -> None:
    name = world.pending.approval_id
    world.tenant.approve(name, person=ANN, key=ANN_KEY)
    seen = asking(world, intent("500.00"), name)
    assert seen.order == ["LoadState", "ReadRows", "LoadEntities", "Commit", "Sign"]
    assert isinstance(seen.result, Granted)
    assert world.row("approval", name).state == "USED"
    assert world.body(seen.result.seq)["approvals_used"] == [name]
    assert denial(world, intent("500.00"), name).kind == "conflict"


def test_two_who_spend_one_approval_at_once_get_one_token(world: World) -> None:
    name = world.pending.approval_id
    world.tenant.approve(name, person=ANN, key=ANN_KEY)
    other: list[object] = []
    meanwhile = at(Commit, lambda: other.append(world.tenant.authorize(intent("500.00"), audience="bank", approval=name)))
    assert denial(world, intent("500.00"), name, meanwhile).kind == "conflict"
    assert isinstance(other[0], Granted)


@pytest.mark.parametrize("name", ["", "none", "\ud800", "x" * 10_000])
def test_an_approval_that_nobody_asked_for(world: World, name: str) -> None:
    assert denial(world, intent("500.00"), name).kind in {"conflict", "unavailable"}


def test_an_approval_that_still_waits_lifts_nothing(world: World) -> None:
    assert denial(world, intent("500.00"), world.pending.approval_id).kind == "conflict"


def test_an_allow_does_not_spend_an_approval_that_it_does_not_need(world: World) -> None:
    name = world.pending.approval_id
    world.tenant.approve(name, person=ANN, key=ANN_KEY)
    assert isinstance(asking(world, intent("1.00"), name).result, Granted)
    assert world.row("approval", name).state == "APPROVED"


def test_the_redeemed_call_is_the_one_that_was_decided(world: World) -> None:
    granted = asking(world).result
    redeemed = world.tenant.redeem(granted.token, pay(), adapter=world.tenant.adapter("bank"))
    assert redeemed.call.arh == granted.intent.arh
