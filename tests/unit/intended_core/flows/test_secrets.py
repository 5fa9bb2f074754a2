"""secrets: put, list and remove by an operator; opened only for the redeemed token of its adapter, recorded before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import AccessDeniedError, Deny, IntentError, RedeemedToken, TokenError, UnitRefusedError
from intended_core.errors import KeyRingError, StoreCorruptError, StoreError
from intended_core.flows.effects import Commit, ReadHead, Seal, Unseal
from intended_core.flows.haltrows import HaltTarget
from intended_core.flows.secrets import list_secrets, notifier_secret, open_secret, put_secret, remove_secret
from intended_core.keys.hidden import SecretBytes
from tests.reference.flow_world import ANN, ANN_KEY, World, at, intent, pay, raising, trace

VALUE = b"S3CRET-OF-THE-BANK"
ROW = "adapter:bank:api-key"


@pytest.fixture
def stocked(world: World) -> World:
    world.tenant.secrets.put("bank", "api-key", VALUE)
    return world


def redeemed(world: World, audience: str = "bank") -> RedeemedToken:
    token = world.tenant.require(intent(), audience=audience)
    return world.tenant.redeem(token, pay(), adapter=world.tenant.adapter(audience))


def test_put_is_a_record_without_the_value(world: World) -> None:
    size, guards = world.head.size, world.head.guards
    seen = trace(world, put_secret(world.context, "bank", "api-key", SecretBytes(VALUE)))
    assert seen.order == ["LoadState", "ReadRows", "Seal", "Commit"]
    assert (seen.result, world.kinds(size), world.head.guards) == (size, ["secret.stored"], guards + 1)
    assert {name: world.body()[name] for name in ("adapter", "name", "sealing")} == {"adapter": "bank", "name": "api-key", "sealing": 1}
    for row in world.data().rows.values():
        assert VALUE not in row.body


def test_opened_for_its_adapters_token_and_recorded_first(stocked: World) -> None:
    token, size = redeemed(stocked), stocked.head.size
    seen = trace(stocked, open_secret(stocked.context, token, "api-key"))
    assert bytes(seen.result) == VALUE
    assert seen.order == ["LoadState", "Commit", "Unseal"], "the record commits before the value leaves"
    assert stocked.kinds(size) == ["secret.opened"]
    assert (stocked.body()["adapter"], stocked.body()["attempt"]) == ("bank", token.attempt_id)
    assert bytes(stocked.tenant.secrets.open(token, "api-key")) == VALUE


def test_a_value_in_place_of_another(stocked: World) -> None:
    old = stocked.row("secret", ROW).body
    stocked.tenant.secrets.put("bank", "api-key", b"second")
    (info, _) = stocked.tenant.secrets.list()
    assert (info.adapter, info.name, info.sealing) == ("bank", "api-key", 2)
    assert bytes(stocked.tenant.secrets.open(redeemed(stocked), "api-key")) == b"second"
    assert all(old not in row.body for row in stocked.data().rows.values())


def test_removed_is_gone_and_may_be_put_again(stocked: World) -> None:
    sealed = stocked.row("secret", ROW).body
    size = stocked.head.size
    assert stocked.tenant.secrets.remove("bank", "api-key") == size
    assert stocked.kinds(size) == ["secret.removed"]
    assert [info.name for info in stocked.tenant.secrets.list()] == ["login"]
    assert len(stocked.row("secret", ROW).body) < len(sealed)
    assert b'"sealed":null' in stocked.row("secret", ROW).body
    for again in (lambda: stocked.tenant.secrets.remove("bank", "api-key"), lambda: stocked.tenant.secrets.open(redeemed(stocked), "api-key")):
        with pytest.raises(UnitRefusedError, match="secret_unknown"):
            again()
    stocked.tenant.secrets.put("bank", "api-key", b"third")
    assert stocked.tenant.secrets.list()[0].sealing == 2


def test_no_other_token_opens_it(stocked: World) -> None:
    mine, other = redeemed(stocked), redeemed(stocked, "shop")
    opening = stocked.tenant.secrets.open
    for bad, code in (
        (other, "secret_unknown"), (replace(mine, attempt_id="A" * 22), "act_attempt"), (replace(mine, seq=mine.seq + 1), "act_completed"),
        (replace(mine, claims=replace(mine.claims, jti="A" * 22)), "act_attempt"),
        (replace(other, claims=replace(other.claims, jti=mine.claims.jti)), "act_attempt"),
    ):  # fmt: skip
        with pytest.raises(UnitRefusedError, match=code):
            opening(bad, "api-key")
    with pytest.raises(AccessDeniedError):
        opening(replace(mine, claims=replace(mine.claims, tid="f" * 32)), "api-key")
    with pytest.raises(AccessDeniedError):
        opening(replace(mine, claims=replace(mine.claims, env="test")), "api-key")
    with pytest.raises(AccessDeniedError):
        opening(stocked.token, "api-key")  # type: ignore[arg-type]
    with pytest.raises(AccessDeniedError):
        opening(stocked.tenant.inspect(stocked.token), "api-key")  # type: ignore[arg-type]


def test_not_after_the_act_is_over(stocked: World) -> None:
    token = redeemed(stocked)
    stocked.tenant.complete(token, "done")
    with pytest.raises(UnitRefusedError, match="act_completed"):
        stocked.tenant.secrets.open(token, "api-key")


def test_a_halt_meanwhile_keeps_it_shut(stocked: World) -> None:
    """Redeemed before the halt, and the credential asked for after it, also where this process has not seen the halt yet."""
    token = redeemed(stocked)
    assert bytes(stocked.tenant.secrets.open(token, "api-key")) == VALUE
    stop = at(Commit, lambda: stocked.tenant.halts.engage(HaltTarget.of_adapter("bank"), reason="stop", keys=((ANN, ANN_KEY),)))
    assert isinstance(trace(stocked, open_secret(stocked.context, token, "api-key"), stop).error, TokenError)


@pytest.mark.parametrize("bad", [("Bank!", "a", b"x"), ("bank", "A", b"x"), ("bank", "a", b""), ("bank", "a", b"x" * 65_537)])
def test_what_is_no_secret(world: World, bad: tuple[str, str, bytes]) -> None:
    before = world.data()
    with pytest.raises(IntentError):
        world.tenant.secrets.put(*bad)
    assert world.data() == before


@pytest.mark.parametrize("kind", [Seal, Commit])
def test_a_failure_leaves_the_old_value(stocked: World, kind: type) -> None:
    before = stocked.data()
    seen = trace(stocked, put_secret(stocked.context, "bank", "api-key", SecretBytes(b"new")), at(kind, raising(StoreError("broken"))))
    assert isinstance(seen.error, StoreError)
    assert stocked.data() == before


def test_what_cannot_be_recorded_is_not_opened(stocked: World) -> None:
    token = redeemed(stocked)
    seen = trace(stocked, open_secret(stocked.context, token, "api-key"), at(Commit, raising(StoreError("broken"))))
    assert isinstance(seen.error, StoreError)
    assert "Unseal" not in seen.order
    failed = trace(stocked, open_secret(stocked.context, token, "api-key"), at(Unseal, raising(KeyRingError("does not open"))))
    assert isinstance(failed.error, KeyRingError)


def test_two_at_once_look_again(stocked: World) -> None:
    other = at(Commit, lambda: stocked.tenant.secrets.put("bank", "api-key", b"theirs"))
    assert trace(stocked, put_secret(stocked.context, "bank", "api-key", SecretBytes(b"mine")), other).error is None
    assert stocked.tenant.secrets.list()[0].sealing == 3
    gone = trace(stocked, remove_secret(stocked.context, "bank", "api-key"), at(Commit, lambda: stocked.tenant.secrets.remove("bank", "api-key")))
    assert isinstance(gone.error, UnitRefusedError)


def test_a_list_that_changed_while_it_was_read_is_read_again(stocked: World) -> None:
    change = at(ReadHead, lambda: stocked.tenant.secrets.put("shop", "other", b"x"), times=2)
    assert [info.adapter for info in trace(stocked, list_secrets(stocked.context), change).result] == ["bank", "bank", "shop"]
    busy = at(ReadHead, lambda: stocked.tenant.secrets.put("shop", "other", b"x"), times=99)
    assert isinstance(trace(stocked, list_secrets(stocked.context), busy).error, UnitRefusedError)


@pytest.mark.parametrize("how", ["deleted", "put back", "moved", "edited"])
def test_a_row_that_somebody_touched_opens_nothing(stocked: World, how: str) -> None:
    first = stocked.row("secret", ROW)
    stocked.tenant.secrets.put("bank", "api-key", b"second")
    stocked.tenant.secrets.put("shop", "api-key", b"of the shop")
    token = redeemed(stocked)
    if how == "deleted":
        stocked.remove("secret", ROW)
    elif how == "put back":
        stocked.edit(first)
    elif how == "moved":
        stocked.edit(replace(stocked.row("secret", "adapter:shop:api-key"), key=ROW))
    else:
        stocked.edit(replace(stocked.row("secret", ROW), state="REMOVED"))
    for call in (
        lambda: stocked.tenant.secrets.open(token, "api-key"), stocked.tenant.secrets.list,
        lambda: stocked.tenant.secrets.put("bank", "api-key", b"third"),
    ):  # fmt: skip
        with pytest.raises(StoreCorruptError):
            call()


def test_a_notifiers_secret_is_sealed_like_any_and_no_token_opens_it(world: World) -> None:
    world.tenant.secrets.put("notifier:ops", "webhook", VALUE)
    found = trace(world, notifier_secret(world.context, "ops", "webhook")).result
    assert type(found) is SecretBytes
    assert bytes(found) == VALUE
    assert ("notifier:ops", "webhook") in {(one.adapter, one.name) for one in world.tenant.secrets.list()}
    for row in world.data().rows.values():
        assert VALUE not in row.body
    assert not isinstance(world.tenant.authorize(intent(), audience="bank"), Deny)
    with pytest.raises(IntentError):
        world.tenant.authorize(intent(), audience="notifier:ops")
    with pytest.raises(UnitRefusedError):
        world.tenant.secrets.open(redeemed(world), "webhook")


def test_the_key_encryption_key_of_a_notifiers_secret_is_renewed(world: World) -> None:
    world.tenant.secrets.put("notifier:ops", "webhook", VALUE)
    world.renew_kek()
    world.tenant.keyring.rewrap("newer")
    assert set(world.tenant.keyring.sealed_under()) == {"newer"}
    assert bytes(world.tenant.notices.secret("ops", "webhook")) == VALUE


def test_a_notifiers_secret_that_is_gone_edited_or_never_was(world: World) -> None:
    for notifier, name, kind in (("ops", "webhook", UnitRefusedError), ("No Name", "webhook", IntentError), ("ops", "No", IntentError)):
        assert isinstance(trace(world, notifier_secret(world.context, notifier, name)).error, kind)
    world.tenant.secrets.put("notifier:ops", "webhook", VALUE)
    first = world.row("secret", "notifier:ops:webhook")
    world.tenant.secrets.put("notifier:ops", "webhook", b"another")
    world.edit(first)
    assert isinstance(trace(world, notifier_secret(world.context, "ops", "webhook")).error, StoreCorruptError)
    world.remove("secret", "notifier:ops:webhook")
    assert isinstance(trace(world, notifier_secret(world.context, "ops", "webhook")).error, StoreCorruptError)


def test_a_removed_notifiers_secret_opens_no_more(world: World) -> None:
    world.tenant.secrets.put("notifier:ops", "webhook", VALUE)
    world.tenant.secrets.remove("notifier:ops", "webhook")
    assert isinstance(trace(world, notifier_secret(world.context, "ops", "webhook")).error, UnitRefusedError)
