"""Whatever is refused at the real door leaves the nonce as it was: its holder can still redeem, once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest

from intended_core import TokenError
from intended_core.canonical import canonical_json
from intended_core.flows.retire import retire_due
from intended_core.flows.runtime import drive
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import inspect
from tests.reference.flow_world import NOW_US, World, pay
from tests.reference.token_world import b64, sign


def _parts(token: str) -> tuple[dict[str, object], dict[str, object], str]:
    head, body, tail = token.split(".")
    opened = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body)]
    return opened[0], opened[1], tail


def _with(token: str, *, head: dict[str, object] | None = None, body: dict[str, object] | None = None, name: str = "") -> str:
    """The token with members changed, under its old signature or, with `name`, under that of a key of the attacker's."""
    was_head, was_body, tail = _parts(token)
    start = b64(canonical_json({**was_head, **(head or {})})) + "." + b64(canonical_json({**was_body, **(body or {})}))  # type: ignore[dict-item]
    return f"{start}.{b64(sign(start.encode(), name=name)) if name else tail}"


def _hmac(token: str) -> str:
    start = _with(token, head={"alg": "HS256"}).rpartition(".")[0]
    return start + "." + b64(hmac.digest(b"", start.encode(), hashlib.sha256))


@pytest.fixture(scope="module")
def made() -> World:
    return World()


@pytest.fixture
def world(made: World) -> World:
    made.restore()
    return made


SPOILT: dict[str, Callable[[str], str]] = {
    "alg none": lambda token: _with(token, head={"alg": "none"}).rpartition(".")[0] + ".",
    "hmac under nothing": _hmac,
    "another algorithm": lambda token: _with(token, head={"alg": "PS256"}),
    "a key that comes along": lambda token: _with(token, head={"jwk": {"kty": "RSA"}}),
    "an unknown key": lambda token: _with(token, head={"kid": "A" * 43}),
    "signed by a stranger": lambda token: _with(token, name="stranger"),
    "another audience under the old signature": lambda token: _with(token, body={"aud": "evil"}),
    "a later end under the old signature": lambda token: _with(token, body={"exp": NOW_US // 1_000_000 + 3000}),
    "a segment too many": lambda token: token + "." + token.rpartition(".")[2],
    "padding": lambda token: token + "=",
    "the last bits of a segment": lambda token: token[:-1] + chr(ord(token[-1]) + 1),
    "json": lambda token: json.dumps(dict(zip(("protected", "payload", "signature"), token.split("."), strict=True))),
    "too long": lambda token: token + "A" * 9000,
    "nothing": lambda token: "",
}


@pytest.mark.parametrize("name", sorted(SPOILT))
def test_what_is_refused_before_its_signature_holds_writes_no_nonce_and_no_record(world: World, name: str) -> None:
    before, size = {key: row for key, row in world.data().rows.items() if key.kind == "nonce"}, world.head.size
    spoilt = SPOILT[name](world.token)
    assert spoilt != world.token
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(spoilt, pay(), adapter=world.tenant.adapter("bank"))
    assert str(caught.value) == TokenError.PUBLIC_MESSAGE
    assert {key: row for key, row in world.data().rows.items() if key.kind == "nonce"} == before
    assert world.head.size == size
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


def test_what_is_refused_for_its_call_place_or_time_is_recorded_and_leaves_the_nonce(world: World) -> None:
    jti = inspect(parse(world.token), find_key=world.tenant.policy().ring.find, now_s=NOW_US // 1_000_000).claims.jti
    before, size = world.row("nonce", jti), world.head.size
    for call, adapter in ((pay("99.00"), "bank"), (pay(), "other")):
        with pytest.raises(TokenError):
            world.tenant.redeem(world.token, call, adapter=world.tenant.adapter(adapter))
    world.clock.advance(seconds=-3600)
    with pytest.raises(TokenError):
        world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))
    world.clock.advance(seconds=3600)
    assert world.row("nonce", jti) == before
    assert world.kinds(size)[:2] == ["token.refused", "token.refused"]
    world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))


def test_one_token_in_two_spellings_is_one_nonce(world: World) -> None:
    world.tenant.redeem(world.token.encode(), pay(), adapter=world.tenant.adapter("bank"))
    with pytest.raises(TokenError) as caught:
        world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"))
    assert caught.value.code == "token.replayed"


def test_a_key_that_another_process_retired_is_not_remembered_past_it(world: World) -> None:
    """This process still holds the key as ACTIVE and parsed; its unit compares the guards under the lock and looks again."""
    here, token = world.tenant, world.token
    here.policy()
    world.reopen()
    world.with_key_overdue()
    drive(world.runtime, world.context, retire_due(world.context))
    with pytest.raises(TokenError) as caught:
        here.redeem(token, pay(), adapter=here.adapter("bank"))
    assert caught.value.code == "token.key_state"
