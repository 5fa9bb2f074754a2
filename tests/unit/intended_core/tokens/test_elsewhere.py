"""The small redeemer: every numbered check before the register is asked, one register, the journal before the act."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from intended_core import (
    CallText,
    KeySet,
    LedgerByCall,
    LocalHolderKey,
    RedeemedElsewhere,
    Redeemer,
    SystemRandomness,
    TokenError,
    call_text_from_json,
)
from intended_core.errors import AdapterError, IntentError, KeyRingError
from intended_core.keys.ring import KeyRing
from tests.reference.flow_world import ACCOUNT, NOW_US, World, pay
from tests.reference.proof_world import URL, proven
from tests.reference.remote_world import EDGE, detach, granted, over_ledger, redeemer
from tests.reference.token_world import record


class Memory:
    """A detached register and journal that live as long as the test."""

    name, detached = EDGE, True

    def __init__(self) -> None:
        self.spent: dict[str, int] = {}
        self.entries: list[bytes] = []
        self.answer: Any = None
        self.full = False

    def consume(self, jti: str, keep_seconds: int, **_: object) -> Any:
        if self.answer is not None:
            return self.answer
        if jti in self.spent:
            return "spent"
        self.spent[jti] = keep_seconds
        return "consumed"

    def record(self, entry: bytes) -> None:
        if self.full:
            raise OSError("full")
        self.entries.append(entry)


@pytest.fixture
def edge(world: World) -> tuple[World, Memory]:
    detach(world)
    return world, Memory()


def refused(code: str, act: Any) -> None:
    with pytest.raises(TokenError) as caught:
        act()
    assert caught.value.code == code
    assert str(caught.value) == TokenError.PUBLIC_MESSAGE


def test_a_token_is_redeemed_once_against_the_ledger(world: World) -> None:
    outcome, there = granted(world), over_ledger(world)
    call = call_text_from_json(world.tenant.tokens.call_text(outcome).to_json())
    done = there.redeem(outcome.token.text, call)
    assert (done.action, done.resource, dict(done.args)) == ("pay", ACCOUNT, {"amount": "d:12.5"})
    assert world.kinds()[-1] == "token.consumed"
    assert world.body()["attempt"] == done.attempt_id
    refused("token.replayed", lambda: there.redeem(outcome.token.text, call))
    refused("token.replayed", lambda: over_ledger(world).redeem(outcome.token.text.encode(), call))
    with pytest.raises(TokenError):
        world.tenant.redeem(outcome.token, pay(), adapter=world.tenant.adapter("bank"))
    world.check()


def test_a_token_is_redeemed_once_against_a_detached_register(edge: tuple[World, Memory]) -> None:
    world, memory = edge
    outcome = granted(world)
    call = world.tenant.tokens.call_text(outcome)
    there = redeemer(world, memory, memory)
    done = there.redeem(outcome.token.text, call)
    assert done.claims.reg == EDGE
    assert done.claims.exp - done.claims.iat == 15
    assert list(memory.spent.values()) == [15 + 2 * 2]
    assert len(memory.entries) == 1
    refused("token.replayed", lambda: there.redeem(outcome.token.text, call))
    assert len(memory.entries) == 1
    size = world.head.size
    refused("token.register", lambda: world.tenant.redeem(outcome.token, pay(), adapter=world.tenant.adapter("bank")))
    assert world.head.size == size


def test_the_journal_comes_before_the_act_and_the_nonce_stays_spent_without_it(edge: tuple[World, Memory]) -> None:
    world, memory = edge
    outcome, memory.full = granted(world), True
    call = world.tenant.tokens.call_text(outcome)
    there = redeemer(world, memory, memory)
    refused("token.unavailable:OSError", lambda: there.redeem(outcome.token.text, call))
    memory.full = False
    refused("token.replayed", lambda: there.redeem(outcome.token.text, call))
    assert memory.entries == []


@pytest.mark.parametrize("answer", [True, 1, "yes", "CONSUMED", b"consumed", False, {}])
def test_an_answer_that_is_none_lets_nothing_run(edge: tuple[World, Memory], answer: object) -> None:
    world, memory = edge
    outcome, memory.answer = granted(world), answer
    there = redeemer(world, memory, memory)
    refused("token.unavailable:register", lambda: there.redeem(outcome.token.text, world.tenant.tokens.call_text(outcome)))


def test_a_token_of_another_register(edge: tuple[World, Memory]) -> None:
    world, memory = edge
    there = redeemer(world, memory, memory)
    call = world.tenant.tokens.call_text(granted(world))
    refused("token.lifetime", lambda: there.redeem(world.token, call))  # a ledger token lives too long for here
    there._max_life_s = 60  # type: ignore[misc]
    refused("token.register", lambda: there.redeem(world.token, call))
    assert memory.spent == {}
    memory.name = "edge-2"
    with pytest.raises(AdapterError):
        redeemer(world, memory, memory)
    memory.name = EDGE
    with pytest.raises(AdapterError):
        redeemer(world, memory)


def test_a_detached_token_that_lives_longer_than_fifteen_seconds_is_refused(edge: tuple[World, Memory]) -> None:
    world, memory = edge
    outcome = granted(world)
    call, there = world.tenant.tokens.call_text(outcome), redeemer(world, memory, memory)
    world.clock.advance(seconds=17)
    refused("token.expired", lambda: there.redeem(outcome.token.text, call))
    assert there._max_life_s == 15


def test_the_call_is_exactly_the_one_that_was_signed_for(world: World) -> None:
    outcome, there = granted(world), over_ledger(world)
    call = world.tenant.tokens.call_text(outcome)
    size = world.head.size
    for bad in (
        replace(call, wire=call.wire.replace(b"12.5", b"99.5")), replace(call, wire=call.wire + b" "), replace(call, wire=b"{}"),
        replace(call, schema=bytes(32)), replace(call, schema=b""), replace(call, wire=b"x" * 300_000), None, "call", call.wire,
    ):  # fmt: skip
        refused("token.binding", lambda bad=bad: there.redeem(outcome.token.text, bad))
    assert world.head.size == size, "nothing reached the authority"
    assert there.redeem(outcome.token.text, call)


def test_a_bound_token_takes_its_proof_here_as_well(world: World) -> None:
    key = LocalHolderKey.generate(SystemRandomness())
    outcome, there = granted(world, holder=key.holder), over_ledger(world)
    call = world.tenant.tokens.call_text(outcome)
    refused("token.proof_missing", lambda: there.redeem(outcome.token.text, call))
    jwt = key.prove(outcome.token.text, method="POST", url=URL, now_s=NOW_US // 1_000_000, randomness=SystemRandomness())
    assert there.redeem(outcome.token.text, call, proof=proven(jwt)).claims.cnf == key.holder


def test_another_audience_tenant_key_or_form_never_reaches_the_register(edge: tuple[World, Memory]) -> None:
    world, memory = edge
    outcome = granted(world)
    call = world.tenant.tokens.call_text(outcome)
    honest = redeemer(world, memory, memory)
    for changed in (
        replace(honest._expected, audience="vault"), replace(honest._expected, issuer="evil"),
        replace(honest._expected, scope=replace(honest._expected.scope, uuid="f" * 32)),
        replace(honest._expected, scope=replace(honest._expected.scope, environment="test")),
    ):  # fmt: skip
        there = type(honest)(
            expected=changed, keys=KeySet(world.tenant.tokens.jwks()), register=memory, clock=world.clock,
            randomness=SystemRandomness(), journal=memory,
        )  # fmt: skip
        with pytest.raises(TokenError):
            there.redeem(outcome.token.text, call)
    honest.replace_keys(KeySet(KeyRing([record("stranger")]).jwks()))
    for bad in (outcome.token.text, "", "a.b.c", outcome.token.text + "="):
        with pytest.raises(TokenError):
            honest.redeem(bad, call)
    assert memory.spent == {}


def test_a_key_of_the_set_counts_until_its_retire_time(edge: tuple[World, Memory]) -> None:
    world, memory = edge
    outcome = granted(world)
    call = world.tenant.tokens.call_text(outcome)
    world.tenant.rotate_keys()
    retired = world.tenant.tokens.jwks()
    for key in retired["keys"]:
        key["exp"] = NOW_US // 1_000_000
    there = redeemer(world, memory, memory)
    there.replace_keys(KeySet(retired))
    refused("token.key_state", lambda: there.redeem(outcome.token.text, call))
    there.replace_keys(KeySet(world.tenant.tokens.jwks()))
    assert there.redeem(outcome.token.text, call)


def test_key_sets_that_are_none(world: World) -> None:
    (key,) = world.tenant.tokens.jwks()["keys"]
    for bad in ({}, {"keys": []}, {"keys": [key] * 65}, {"keys": [key, key]}, {"keys": [{**key, "d": "AA"}]}, {"keys": [{**key, "kid": "x"}]},
                {"keys": [{**key, "use": "enc"}]}, {"keys": [{**key, "alg": "HS256"}]}, {"keys": [{**key, "nbf": "1"}]}, {"keys": [5]}, None,
                {"keys": [{**key, "exp": True}]}):  # fmt: skip
        with pytest.raises(KeyRingError):
            KeySet(bad)  # type: ignore[arg-type]


def test_what_was_redeemed_has_one_maker_and_cannot_be_changed(world: World) -> None:
    outcome = granted(world)
    done = over_ledger(world).redeem(outcome.token.text, world.tenant.tokens.call_text(outcome))
    with pytest.raises(TypeError):
        RedeemedElsewhere(action="pay", resource=ACCOUNT, args={}, claims=done.claims, attempt_id="x")
    with pytest.raises(TypeError):
        done.args["amount"] = "d:99"  # type: ignore[index]
    with pytest.raises(TypeError):
        pickle.dumps(done)


def test_a_call_text_from_outside() -> None:
    for bad in ({}, {"schema": 5, "wire": "{}"}, {"schema": "AA", "wire": None}, {"schema": "=", "wire": "{}"}):
        with pytest.raises(IntentError):
            call_text_from_json(bad)
    assert call_text_from_json({"schema": "AA", "wire": "é"}) == CallText(schema=b"\0", wire="é".encode())


HEAVY = ("lark", "sqlalchemy", "pydantic", "anyio", "pluggy", "typer", "alembic", "jwt", "yaml", "rich")
ROOMS = ("intended_core.lang", "intended_core.engine", "intended_core.flows", "intended_core.audit", "intended_core.authority", "intended_core.access")


def test_it_imports_no_engine_and_no_store() -> None:
    text = (
        "import sys; import intended_core.tokens.elsewhere, intended_core.tokens.register, intended_adapters.register.sqlite;"
        "print(' '.join(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60)
    loaded = done.stdout.split()
    assert [name for name in loaded if name.startswith((*HEAVY, *ROOMS))] == []


def test_refusals_are_counted_by_reason_for_the_host(edge: tuple[World, Memory]) -> None:
    world, memory = edge
    outcome, there = granted(world), redeemer(world, memory, memory)
    call = world.tenant.tokens.call_text(outcome)
    there.redeem(outcome.token.text, call)
    assert there.refusals() == ()
    refused("token.replayed", lambda: there.redeem(outcome.token.text, call))
    world.clock.advance(seconds=1)
    refused("token.replayed", lambda: there.redeem(outcome.token.text, call))
    refused("token.size", lambda: there.redeem("x" * 10_000, call))
    memory.answer = "yes"
    refused("token.unavailable:register", lambda: there.redeem(outcome.token.text, call))
    found = there.refusals()
    assert [(item.code, item.count, item.until_us - item.from_us) for item in found] == [
        ("token.replayed", 2, 1_000_000), ("token.size", 1, 0), ("token.unavailable:register", 1, 0),
    ]  # fmt: skip
    assert there.refusals(take=True) == found
    assert there.refusals() == ()
    assert not any(secret in repr((found, there)) for secret in (outcome.token.text, world.tenant.inspect(outcome.token).claims.jti, call.wire.decode()))


def test_counts_are_bounded_and_a_clock_that_fails_stops_none(world: World) -> None:
    outcome = granted(world)
    call = world.tenant.tokens.call_text(outcome)

    def carry(request: bytes) -> bytes:
        raise type(f"Error{len(there.refusals())}" + "x" * 200, (Exception,), {})

    there = over_ledger(world, carry)
    for _ in range(50):
        with pytest.raises(TokenError):
            there.redeem(outcome.token.text, call)
    assert sum(item.count for item in there.refusals()) == 50
    assert len(there.refusals()) <= 33
    assert max(len(item.code) for item in there.refusals()) <= 80
    there.refusals(take=True)

    class Stopped:
        def now_us(self) -> int:
            raise OSError("no clock")

    halted = Redeemer(
        expected=world.tenant.tokens.expected("bank"), keys=KeySet(world.tenant.tokens.jwks()), clock=Stopped(),
        randomness=SystemRandomness(), register=LedgerByCall(credential=world.tenant.tokens.credential("bank"), call=carry),
    )  # fmt: skip
    refused("token.unavailable:OSError", lambda: halted.redeem(outcome.token.text, call))
    assert [(item.code, item.count) for item in halted.refusals()] == [("token.unavailable:OSError", 1)]
