"""TenantAuthority: plain calls of one tenant, which answer outcomes or raise, and take no second tenant."""

from __future__ import annotations

import copy
import pickle

import pytest

from intended_core import (
    AccessDeniedError,
    AdapterHandle,
    Deny,
    Granted,
    IntentError,
    KeyRingError,
    Pending,
    PolicyError,
    TokenError,
)
from intended_core.audit.checkpoint import open_checkpoint
from intended_core.authority import TenantAuthority
from intended_core.errors import StoreError
from intended_core.flows.effects import Effect, ReadHead, Sign
from intended_core.flows.runtime import Runtime
from tests.reference.flow_world import ANN, ANN_KEY, BOB, BOB_KEY, CLOSED, World, intent, pay


@pytest.fixture
def other(world: World) -> TenantAuthority:
    """Another tenant of the same authority."""
    world.found_another()
    return TenantAuthority(runtime=world.runtime, context=world.new)


def test_the_whole_path(world: World) -> None:
    tenant = world.tenant
    outcome = tenant.authorize(intent(), audience="bank")
    assert isinstance(outcome, Granted)
    assert tenant.redeem(outcome.token, pay(), adapter=tenant.adapter("bank")).call.action == "pay"
    for token in (outcome.token, outcome.token.text, outcome.token.text.encode()):
        with pytest.raises(TokenError):
            tenant.redeem(token, pay(), adapter=tenant.adapter("bank"))


def test_require_raises_with_the_outcome_and_why(world: World) -> None:
    with pytest.raises(AccessDeniedError, match="the account is closed") as raised:
        world.tenant.require(intent(account=CLOSED), audience="bank")
    assert isinstance(raised.value.outcome, Deny)
    with pytest.raises(AccessDeniedError, match="a chief approves") as waiting:
        world.tenant.require(intent("500.00"), audience="bank")
    assert isinstance(waiting.value.outcome, Pending)


@pytest.mark.parametrize("audience", ["", "Bank", "bank ", "a", "bank/x/y", "../bank", "b\x00nk", "*"])
def test_an_audience_is_one_adapter(world: World, audience: str) -> None:
    with pytest.raises(IntentError):
        world.tenant.adapter(audience)
    with pytest.raises(IntentError):
        world.tenant.authorize(intent(), audience=audience)


def test_only_a_handle_of_this_tenant_redeems(world: World, other: TenantAuthority) -> None:
    for handle in (other.adapter("bank"), "bank", None, (world.tenant.scope, "bank")):
        with pytest.raises(AccessDeniedError):
            world.tenant.redeem(world.token, pay(), adapter=handle)  # type: ignore[arg-type]
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


def test_a_handle_is_not_copied_out_of_the_process(world: World) -> None:
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copied(world.tenant.adapter("bank"))
    assert isinstance(world.tenant.adapter("bank"), AdapterHandle)


def test_another_tenant_knows_nothing_of_this_one(world: World, other: TenantAuthority) -> None:
    with pytest.raises(TokenError):
        other.redeem(world.token, pay(), adapter=other.adapter("bank"))
    with pytest.raises(TokenError):
        other.inspect(world.token)
    assert isinstance(other.authorize(intent(), audience="bank"), Deny)
    one, two = other.keys(), world.tenant.keys()
    assert {record.kid for record in one}.isdisjoint(record.kid for record in two)
    assert len(list(other.records())) == other.head().size


def test_to_inspect_grants_nothing(world: World) -> None:
    shown = world.tenant.inspect(world.token)
    assert shown.claims.action == "pay"
    with pytest.raises(TokenError):
        world.tenant.inspect("x.y.z")
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))
    world.tenant.rotate_keys()
    assert world.tenant.inspect(world.tenant.require(intent(), audience="bank")).claims.action == "pay"


def test_a_set_has_a_file(world: World) -> None:
    before = world.data()
    with pytest.raises(PolicyError):
        world.tenant.activate({})
    with pytest.raises(PolicyError):
        world.tenant.activate({"a.policy": "\ud800"})
    assert world.data() == before


def test_a_person_approves_with_a_key_or_with_a_signature(world: World) -> None:
    name, digest = world.pending.approval_id, world.pending.digest
    for given in ({}, {"key": ANN_KEY, "signature": ANN_KEY.sign(digest)}):
        with pytest.raises(TypeError):
            world.tenant.approve(name, person=ANN, **given)  # type: ignore[arg-type]
    with pytest.raises(KeyRingError):
        world.tenant.approve(name, person=ANN, key=BOB_KEY)
    with pytest.raises(AccessDeniedError):
        world.tenant.approve(name, person=BOB, signature=BOB_KEY.sign(digest))
    assert world.tenant.approve(name, person=ANN, signature=ANN_KEY.sign(digest)).state == "APPROVED"
    assert world.tenant.approval(name).approved_by == (ANN,)


def test_keys_and_records_in_their_order(world: World) -> None:
    world.clock.advance(seconds=1)
    assert len(world.tenant.keys()) == 2
    active = world.tenant.rotate_keys().active
    assert world.tenant.keys()[-1].kid == active, "as the store has them now, not as the process remembers them"
    assert [record.seq for record in world.tenant.records(start=2, stop=5)] == [2, 3, 4]


def test_a_checkpoint_under_the_logs_own_key(world: World) -> None:
    note, key = world.tenant.checkpoint()
    assert open_checkpoint(note, [key]).size == world.tenant.head().size


def test_what_the_log_key_signs_is_checked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = world.tenant.policy().ring.active("log")
    key.public_key().verify(world.tenant.sign_log(b"manifest"), b"manifest")
    honest = Runtime.perform
    monkeypatch.setattr(
        Runtime, "perform", lambda self, effect, context: bytes(64) if isinstance(effect, Sign) else honest(self, effect, context)
    )
    with pytest.raises(KeyRingError):
        world.tenant.sign_log(b"manifest")


def test_what_fails_below_is_raised_where_there_is_no_outcome(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Runtime._perform

    def broken(self: Runtime, effect: Effect, context: object) -> object:
        if isinstance(effect, ReadHead):
            raise StoreError("gone")
        return honest(self, effect, context)  # type: ignore[arg-type]

    monkeypatch.setattr(Runtime, "_perform", broken)
    with pytest.raises(StoreError):
        world.tenant.head()


def test_it_shows_its_name_and_nothing_else(world: World) -> None:
    assert repr(world.tenant) == "TenantAuthority('acme', 'live')"


def test_a_denial_that_the_log_did_not_take_is_counted_and_said_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    size, commit = world.head.size, world.runtime.storage.commit

    def full(unit: object) -> object:
        raise StoreError("no space is left")

    monkeypatch.setattr(world.runtime.storage, "commit", full)
    for _ in range(3):
        outcome = world.tenant.authorize(intent(), audience="bank")
        assert isinstance(outcome, Deny)
        assert (outcome.kind, outcome.seq) == ("unavailable", None)
    with pytest.raises(TokenError):
        world.tenant.redeem(world.token, pay("99.00"), adapter=world.tenant.adapter("bank"))
    assert world.tenant.context.refusals.pending == 4
    monkeypatch.setattr(world.runtime.storage, "commit", commit)
    assert isinstance(world.tenant.authorize(intent("5000.00", CLOSED), audience="bank"), Deny)
    assert world.tenant.sweep().counted == 4
    assert world.kinds(size) == ["decision.deny", "refusals.counted", "refusals.counted"]
    assert [(world.body(at)["code"], world.body(at)["count"]) for at in (size + 1, size + 2)] == [("denial.unwritten", 3), ("refusal.unwritten", 1)]
    assert world.tenant.sweep().counted == 0, "said once"
