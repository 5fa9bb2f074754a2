"""Asking by attempt id: mine, nobody's, somebody else's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from intended_core import AccessDeniedError, TokenError
from intended_core.authority import AdapterHandle
from intended_core.errors import StoreError
from intended_core.flows.attempts import Attempt, attempt_id, attempted
from intended_core.flows.effects import ReadRows
from tests.reference.flow_world import World, at, pay, raising, trace


def test_an_attempt_is_consumed_issued_or_refused(world: World) -> None:
    bank, mine, other = world.tenant.adapter("bank"), world.tenant.new_attempt(), world.tenant.new_attempt()
    assert world.tenant.attempted(world.token, mine, adapter=bank) == Attempt(attempt_id=mine, state="issued")
    assert world.tenant.redeem(world.token, pay(), adapter=bank, attempt=mine).attempt_id == mine
    assert world.tenant.attempted(world.token, mine, adapter=bank).state == "consumed"
    with pytest.raises(TokenError) as raised:
        world.tenant.attempted(world.token, other, adapter=bank)
    assert raised.value.code == "token.replayed"
    with pytest.raises(TokenError):
        world.tenant.redeem(world.token, pay(), adapter=bank, attempt=mine)


@pytest.mark.parametrize("text", ["", "x", "A" * 21, "A" * 23, "A" * 21 + "B", "é" * 22, None, b"A" * 22], ids=repr)
def test_what_is_no_attempt_id(world: World, text: Any) -> None:
    with pytest.raises(TokenError):
        attempt_id(text)
    if text is not None:
        with pytest.raises(TokenError):
            world.tenant.redeem(world.token, pay(), adapter=world.tenant.adapter("bank"), attempt=text)


def test_another_adapter_or_tenant_or_a_forged_token_learns_nothing(world: World) -> None:
    mine = world.tenant.new_attempt()
    with pytest.raises(TokenError):
        world.tenant.attempted(world.token, mine, adapter=world.tenant.adapter("other"))
    with pytest.raises(TokenError):
        world.tenant.attempted(world.token[:-6] + "AAAAAA", mine, adapter=world.tenant.adapter("bank"))
    with pytest.raises(AccessDeniedError):
        world.tenant.attempted(world.token, mine, adapter=AdapterHandle(world.new.scope, "bank"))


def test_a_missing_an_edited_and_an_unreadable_row_tell_nothing(world: World) -> None:
    bank, mine = world.tenant.adapter("bank"), world.tenant.new_attempt()
    [name] = [row.key for row in world.data().rows.values() if row.kind == "nonce" and row.state == "ISSUED"]
    failed = trace(world, attempted(world.context, world.token, mine, audience="bank"), at(ReadRows, raising(StoreError("gone"))))
    assert isinstance(failed.error, TokenError)
    world.edit(replace(world.row("nonce", name), state="CONSUMED"))
    with pytest.raises(TokenError):
        world.tenant.attempted(world.token, mine, adapter=bank)
    world.remove("nonce", name)
    with pytest.raises(TokenError):
        world.tenant.attempted(world.token, mine, adapter=bank)
