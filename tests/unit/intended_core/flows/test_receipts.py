"""receipt: what the log says of one denial or escalation, signed when it is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core import AuditError, Deny, Granted, Pending, StoreError, read_receipt
from intended_core.errors import KeyRingError, StoreCorruptError
from intended_core.flows.effects import Commit, Sign
from intended_core.flows.receipts import receipt
from tests.reference.flow_world import CLOSED, NOW_US, World, at, intent, raising, trace


def denial(world: World, amount: str = "12.50") -> Deny:
    outcome = world.tenant.authorize(intent(amount, CLOSED), audience="bank")
    assert isinstance(outcome, Deny)
    return outcome


def test_a_receipt_of_a_denial(world: World) -> None:
    outcome = denial(world)
    size = world.head.size
    found = read_receipt(world.tenant.tokens.receipt(outcome).text, world.tenant.tokens.jwks())
    assert (found.out, found.cls, found.apr, found.rul) == ("deny", "forbid", "", ("closed",))
    assert (found.iss, found.tid, found.env) == ("faults", world.tenant.scope.uuid, "live")
    assert (found.sub, found.action, found.resource) == ('Agent::"bot"', "pay", 'Account::"old"')
    assert found.iat == NOW_US // 1_000_000
    assert found.log == (world.head.generation, outcome.seq, outcome.leaf)
    assert found.pol == world.tenant.policy().policy.digest  # type: ignore[union-attr]
    assert found.ith is not None
    assert world.head.size == size, "a receipt writes nothing"


def test_a_receipt_of_an_escalation_names_the_request(world: World) -> None:
    found = read_receipt(world.tenant.tokens.receipt(world.pending).text, world.tenant.tokens.jwks())
    assert (found.out, found.cls, found.apr) == ("escalate", "", world.pending.approval_id)


def test_a_receipt_of_a_denial_before_any_rule(world: World) -> None:
    outcome = denial(world, "a lot")
    found = read_receipt(world.tenant.tokens.receipt(outcome).text, world.tenant.tokens.jwks())
    assert (found.cls, found.ith, found.pol, found.rul) == ("intent_invalid", None, None, ())


def test_what_has_no_receipt(world: World) -> None:
    lost = trace(world, world.tenant and _authorize(world), at(Commit, raising(StoreError("full")), times=5)).result
    assert isinstance(lost, Deny)
    assert (lost.seq, lost.leaf) == (None, None)
    granted = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(granted, Granted)
    for outcome in (lost, granted, None, "deny"):
        with pytest.raises(AuditError):
            world.tenant.tokens.receipt(outcome)  # type: ignore[arg-type]


def _authorize(world: World) -> object:
    from intended_core.flows.authorize import authorize

    return authorize(world.context, intent(account=CLOSED), audience="bank")


def test_an_outcome_that_names_another_record(world: World) -> None:
    outcome, other = denial(world), denial(world)
    for changed in (replace(outcome, seq=other.seq), replace(outcome, leaf=other.leaf), replace(outcome, seq=0), replace(outcome, seq=10**6)):
        with pytest.raises(StoreCorruptError):
            world.tenant.tokens.receipt(changed)


def test_an_edited_record_has_no_receipt(world: World) -> None:
    outcome = denial(world)
    data = world.store.snapshot()
    scope = data[world.tenant.scope.key]
    record = scope.records[outcome.seq]  # type: ignore[index]
    for edited in (replace(record, body=record.body.replace(b"forbid", b"error!")), replace(record, entry=record.entry + b" ")):
        records = tuple(edited if each.seq == outcome.seq else each for each in scope.records)
        world.store.restore({**data, world.tenant.scope.key: replace(scope, records=records)})
        with pytest.raises((StoreCorruptError, AuditError)):
            world.tenant.tokens.receipt(outcome)
    world.store.restore(data)
    assert world.tenant.tokens.receipt(outcome)


def test_a_signature_that_does_not_hold_is_not_released(world: World) -> None:
    outcome = denial(world)
    flow = receipt(world.context, outcome)
    effect = next(flow)
    with pytest.raises(KeyRingError):
        while True:
            answer = b"x" * 256 if isinstance(effect, Sign) else world.runtime.perform(effect, world.context)
            effect = flow.send(answer)


def test_a_receipt_after_the_keys_rotated_is_read_with_the_new_set(world: World) -> None:
    outcome = denial(world)
    before = world.tenant.tokens.receipt(outcome).text
    world.tenant.rotate_keys(algorithm="ES256")
    after = world.tenant.tokens.receipt(outcome).text
    jwks = world.tenant.tokens.jwks()
    assert read_receipt(before, jwks) == read_receipt(after, jwks)
    assert isinstance(world.pending, Pending)
