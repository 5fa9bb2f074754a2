"""redeem: verify, bind to the call that is about to run, consume last and once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from intended_core import Call, RedeemedToken, TenantAuthority, TokenError
from intended_core.audit.record import parse_entry
from intended_core.canonical import b64url
from intended_core.errors import AdapterError, IntendedError, KeyRingError, StoreError, UnitRefusedError
from intended_core.flows.effects import Commit, Draw, LoadState
from intended_core.flows.redeem import redeem
from intended_core.flows.rows import NonceRow
from intended_core.flows.steps import thread_commitment
from intended_core.tokens.claims import claims_digest
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import inspect
from tests.reference.flow_world import ACCOUNT, NOW_US, POLICY, Traced, World, at, intent, pay, raising, trace


def redeeming(world: World, token: str | bytes | None = None, call: Call | None = None, audience: str = "bank", before: object = None) -> Traced:
    flow = redeem(world.context, token or world.token, call or pay(), audience=audience)
    return trace(world, flow, before)  # type: ignore[arg-type]


def refused(world: World, *given: object, **named: object) -> str:
    seen = redeeming(world, *given, **named)  # type: ignore[arg-type]
    assert isinstance(seen.error, TokenError)
    assert str(seen.error) == TokenError.PUBLIC_MESSAGE, "one message for every cause"
    return seen.error.code


def jti(world: World, token: str) -> str:
    return inspect(parse(token), find_key=world.tenant.policy().ring.find, now_s=NOW_US // 1_000_000).claims.jti


def test_the_nonce_is_spent_last_in_one_shielded_unit(world: World) -> None:
    size = world.head.size
    seen = redeeming(world)
    assert seen.order == ["LoadState", "Commit"]
    assert seen.effects[-1].shielded  # type: ignore[union-attr]
    done = seen.result
    assert isinstance(done, RedeemedToken)
    assert (done.seq, done.call.action, done.claims.aud) == (size, "pay", "bank")
    assert world.kinds(size) == ["token.consumed"]
    row = world.row("nonce", done.claims.jti)
    assert (row.state, row.version, NonceRow.from_row(row).attempt) == ("CONSUMED", 2, done.attempt_id)
    assert world.body()["attempt"] == done.attempt_id
    assert done.claims.jti not in (world.data().records[-1].body + world.data().records[-1].entry).decode()


def test_the_second_time_is_a_replay_and_recorded_as_one(world: World) -> None:
    assert redeeming(world).error is None
    size = world.head.size
    assert refused(world) == "token.replayed"
    assert world.kinds(size) == ["replay.refused"]


def test_somebody_else_was_faster(world: World) -> None:
    bank = world.tenant.adapter("bank")
    assert refused(world, before=at(Commit, lambda: world.tenant.redeem(world.token, pay(), adapter=bank))) == "token.replayed"


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (pay("12.51"), "token.binding"), (replace(pay(), action="fly"), "token.binding"), (pay("much"), "token.binding"),
        (replace(pay(), args={}), "token.binding"), (replace(pay(), args={"amount": "12.50", "more": 1}), "token.binding"),
    ],
    ids=["amount", "action", "type", "missing", "more"],
)  # fmt: skip
def test_another_call_than_the_one_allowed(world: World, call: Call, code: str) -> None:
    size = world.head.size
    assert refused(world, None, call) == code
    assert world.kinds(size) == ["token.refused"]
    assert world.body()["code"] == code
    assert redeeming(world).error is None, "and the token is not spent by it"


def test_the_same_call_in_another_spelling_is_the_same_call(world: World) -> None:
    assert redeeming(world, None, pay("12.5")).error is None


def test_another_adapter(world: World) -> None:
    assert refused(world, audience="mail") == "token.audience"


def test_after_it_has_expired(world: World) -> None:
    world.clock.advance(seconds=61)
    assert redeeming(world).error is None, "within the leeway"
    world.restore()
    world.clock.advance(seconds=62)
    assert refused(world) == "token.expired"


def test_another_tenants_token(world: World) -> None:
    world.found_another()
    flow = redeem(world.new, world.token, pay(), audience="bank")
    assert isinstance(trace(world, flow).error, TokenError)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", b"\xff\xfe", "e30.e30.e30", "x" * 9000, "\ud800"])
def test_what_is_no_token_leaves_no_record(world: World, token: str | bytes) -> None:
    before = world.data()
    flow = redeem(world.context, token, pay(), audience="bank")
    assert isinstance(trace(world, flow).error, TokenError)
    assert world.data() == before


def test_a_signature_that_does_not_hold_leaves_no_record(world: World) -> None:
    before = world.data()
    head, claims, signature = world.token.split(".")
    forged = signature[:10] + ("A" if signature[10] != "A" else "B") + signature[11:]
    assert refused(world, f"{head}.{claims}.{forged}") == "token.signature"
    assert world.data() == before


def test_a_policy_that_was_activated_since(world: World) -> None:
    world.tenant.activate({"bank.policy": POLICY + "# a comment\n"})
    assert refused(world) == "token.policy"


def test_a_policy_that_is_activated_meanwhile(world: World) -> None:
    """The guard under the lock: what was verified before no longer counts."""
    change = at(Commit, lambda: world.tenant.activate({"bank.policy": POLICY + "# a comment\n"}))
    assert refused(world, before=change) == "token.policy"
    assert world.row("nonce", jti(world, world.token)).state == "ISSUED"


def test_a_key_that_was_rotated_meanwhile_still_verifies(world: World) -> None:
    seen = redeeming(world, before=at(Commit, world.tenant.rotate_keys))
    assert isinstance(seen.result, RedeemedToken)
    assert [effect.fresh for effect in seen.effects if isinstance(effect, LoadState)] == [False, True]


def test_guards_that_never_stand_still(world: World) -> None:
    change = at(Commit, world.tenant.rotate_keys, times=3)
    assert refused(world, before=change) == "token.conflict"
    assert world.row("nonce", jti(world, world.token)).state == "ISSUED"


# -- the ledger says otherwise ----------------------------------------------------------------------------------------


def test_a_nonce_that_is_gone(world: World) -> None:
    world.remove("nonce", jti(world, world.token))
    assert refused(world) == "token.nonce_unknown"


def test_a_nonce_that_was_revoked(world: World) -> None:
    name = jti(world, world.token)
    row = world.row("nonce", name)
    world.edit(world.context.mac.seal_row(world.context.scope, "nonce", name, row.version + 1, "REVOKED", row.body))
    assert refused(world) == "token.nonce_revoked"


@pytest.mark.parametrize(
    "change",
    [{"claims": b"x" * 32}, {"audience": "mail"}, {"expires_s": 1}, {"generation": 2}, {"seq": 0}],
    ids=lambda change: next(iter(change)),
)
def test_a_ledger_that_says_something_else_about_the_token(world: World, change: dict[str, object]) -> None:
    name = jti(world, world.token)
    row = world.row("nonce", name)
    body = replace(NonceRow.from_row(row), **change).to_body()  # type: ignore[arg-type]
    world.edit(world.context.mac.seal_row(world.context.scope, "nonce", name, 1, "ISSUED", body))
    assert refused(world) == "token.nonce_mismatch"


def test_a_nonce_edited_by_somebody_without_the_key(world: World) -> None:
    row = world.row("nonce", jti(world, world.spent))
    world.edit(replace(row, state="ISSUED"))
    assert refused(world, world.spent).startswith("token.unavailable")


def test_a_spent_nonce_put_back_as_it_was(world: World) -> None:
    """Authentic at its version; the log remembers that it was spent."""
    name = jti(world, world.token)
    before = world.row("nonce", name)
    assert redeeming(world).error is None
    world.edit(before)
    assert refused(world) == "token.replayed"


# -- effects that fail ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [StoreError("x"), AdapterError("x"), KeyRingError("x")])
@pytest.mark.parametrize("kind", [LoadState, Draw, Commit])
def test_an_effect_that_fails_lets_nothing_run(world: World, kind: type, error: IntendedError) -> None:
    assert refused(world, before=at(kind, raising(error))) == f"token.unavailable:{type(error).__name__}"


def test_a_refusal_that_cannot_be_recorded_is_still_a_refusal(world: World) -> None:
    assert refused(world, None, pay("99.00"), before=at(Commit, raising(StoreError("full")))) == "token.binding"


def test_a_unit_that_waited_while_the_log_went_on_takes_the_time_anew(world: World) -> None:
    def waited() -> None:
        world.clock.advance(seconds=5)
        world.tenant.authorize(intent("1.00"), audience="bank")

    assert redeeming(world, before=at(Commit, waited)).error is None


def test_the_clock_stands_before_the_newest_record(world: World) -> None:
    world.clock.advance(seconds=5)
    world.tenant.authorize(intent("1.00"), audience="bank")
    world.clock.advance(seconds=-5)
    assert refused(world) == "token.clock"


def test_what_is_redeemed_cannot_be_changed_afterwards(world: World) -> None:
    args: dict[str, object] = {"amount": "12.50"}
    done = redeeming(world, None, Call(action="pay", resource=ACCOUNT, args=args)).result
    args["amount"] = "9999.00"
    assert "9999" not in repr(done.call)


# -- what the process remembers, and what it writes -------------------------------------------------------------------


def elsewhere(world: World, change: Callable[[], object]) -> TenantAuthority:
    """This process, which has looked at the store before another one changed it."""
    here = world.tenant
    here.authorize(intent("1.00"), audience="bank")
    world.reopen()
    change()
    return here


@pytest.mark.parametrize("change", ["policy", "key"])
def test_a_process_that_remembers_an_older_store_looks_again_before_it_refuses(world: World, change: str) -> None:
    def act() -> object:
        return world.tenant.activate({"bank.policy": POLICY + "# newer\n"}) if change == "policy" else world.tenant.keyring.rotate()

    here = elsewhere(world, act)
    token = world.tenant.require(intent(), audience="bank")
    assert here.redeem(token, pay(), adapter=here.adapter("bank")).claims.aud == "bank"


def test_a_refusal_that_nothing_newer_could_change_looks_only_once(world: World) -> None:
    here = elsewhere(world, lambda: world.tenant.activate({"bank.policy": POLICY + "# newer\n"}))
    size = world.head.size
    assert isinstance(trace(world, redeem(here.context, world.token, pay(), audience="mail")).error, TokenError)
    assert world.kinds(size) == ["token.refused"]
    world.restore()
    seen = redeeming(world, None, pay(), "mail")
    assert [type(effect).__name__ for effect in seen.effects].count("LoadState") == 1


def test_what_a_refusal_says_of_the_token(world: World) -> None:
    commitment = b64url(thread_commitment("token", jti(world, world.token)))
    assert refused(world, None, pay("12.51")) == "token.binding"
    body = world.body()
    assert {name: body[name] for name in body if name != "salt"} == {"audience": "bank", "code": "token.binding", "token": commitment}
    world.clock.advance(seconds=100)
    assert refused(world) == "token.expired"
    assert sorted(world.body()) == ["code", "salt"]


def test_what_a_redemption_says_of_the_token(world: World) -> None:
    done = redeeming(world).result
    body, entry = world.body(), parse_entry(world.data().records[-1].entry)
    assert {name: body[name] for name in body if name != "salt"} == {
        "attempt": done.attempt_id, "audience": "bank", "claims_digest": b64url(claims_digest(done.claims)), "kid": world.signing,
    }  # fmt: skip
    assert len(done.attempt_id) == len(body["salt"]) == 22
    assert entry.thread is not None
    assert (entry.thread.n, entry.thread.previous) == (1, done.claims.log[1])
    assert entry.thread.commitment == thread_commitment("token", done.claims.jti)
    assert entry.policy_digest == done.claims.pol


@pytest.mark.parametrize(
    ("change", "code", "order"),
    [
        ({"policy": None}, "token.no_policy", ["LoadState", "Draw", "ReadHead"]),
        ({"data_since": 10**6}, "token.data", ["LoadState", "Draw", "Commit"]),
    ],
)
def test_a_state_without_a_policy_set_or_with_newer_values(world: World, change: dict[str, object], code: str, order: list[str]) -> None:
    flow = redeem(world.context, world.token, pay(), audience="bank")
    effect, asked = next(flow), []
    with pytest.raises(TokenError) as caught:
        while True:
            asked.append(type(effect).__name__)
            answer = world.runtime.perform(effect, world.context)
            effect = flow.send(replace(answer, **change) if isinstance(effect, LoadState) else answer)
    assert (caught.value.code, asked[:3]) == (code, order)
    assert world.row("nonce", jti(world, world.token)).state == "ISSUED"


def test_an_adapter_with_a_register_of_its_own_is_counted_there(world: World) -> None:
    def under(*registers: tuple[str, str]) -> Traced:
        context = replace(world.context, settings=replace(world.context.settings, detached_registers=registers))
        return trace(world, redeem(context, world.token, pay(), audience="bank"))

    seen = under(("bank", "edge"), ("mail", "other"))
    assert isinstance(seen.error, TokenError)
    assert (seen.error.code, seen.order) == ("token.register", [])
    assert under(("mail", "other")).error is None


def test_in_a_store_that_was_rolled_back_nothing_is_spent_and_a_refusal_is_recorded(world: World) -> None:
    world.context.heads.suspect(world.head.generation)
    seen = redeeming(world)
    assert isinstance(seen.error, TokenError)
    assert (seen.error.code, seen.order.count("Commit")) == ("token.rolled_back", 1)
    assert world.row("nonce", jti(world, world.token)).state == "ISSUED"
    size = world.head.size
    assert refused(world, None, pay("12.51")) == "token.binding"
    assert world.kinds(size)[0] == "token.refused"


def test_an_attempt_id_is_one_of_ours(world: World) -> None:
    chosen = "B" * 21 + "A"
    flow = redeem(world.context, world.token, pay(), audience="bank", attempt=chosen)
    assert trace(world, flow).result.attempt_id == chosen
    bad = trace(world, redeem(world.context, world.token, pay(), audience="bank", attempt="short"))
    assert isinstance(bad.error, TokenError)
    assert (bad.error.code, bad.order) == ("token.attempt", [])


def test_who_is_not_admitted_spends_nothing(world: World) -> None:
    def admit(state: object) -> None:
        raise TokenError("token.withdrawn")

    seen = trace(world, redeem(world.context, world.token, pay(), audience="bank", admit=admit))
    assert isinstance(seen.error, TokenError)
    assert seen.error.code == "token.withdrawn"
    assert "Commit" not in seen.order
    assert redeeming(world).error is None


def test_a_store_that_went_back_behind_this_process_tells_all_others(world: World) -> None:
    before = world.store.snapshot()
    world.tenant.authorize(intent("1.00"), audience="bank")
    world.store.restore(before)
    size = world.head.size
    assert refused(world) == "token.rolled_back"
    assert world.kinds(size)[0] == "halt.engaged"


def test_what_was_refused_before_its_signature_is_counted(world: World) -> None:
    assert refused(world, world.token[:-4] + "AAAA") == "token.signature"
    assert [(item.code, item.count) for item in world.context.refusals.take()] == [("token.signature", 1)]


def test_no_other_refusal_of_the_unit_is_tried_again(world: World) -> None:
    def refuses() -> None:
        raise UnitRefusedError("scope_missing", "gone")

    seen = redeeming(world, before=at(Commit, refuses))
    assert isinstance(seen.error, TokenError)
    assert (seen.error.code, seen.order.count("LoadState")) == ("token.scope_missing", 1)


def test_an_expired_token_of_a_key_that_no_longer_signs_still_tells_that_the_store_went_back(world: World) -> None:
    before = world.store.snapshot()
    token = world.tenant.require(intent("1.00"), audience="bank").text
    world.store.restore(before)
    world.reopen()
    world.tenant.keyring.rotate()
    world.clock.advance(seconds=100)
    size = world.head.size
    assert refused(world, token, pay("1.00")) == "token.expired"
    assert "halt.engaged" in world.kinds(size)
