"""evidence: everything that one decision rests on, and the decision run again from recorded bytes."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core.audit.checkpoint import open_checkpoint
from intended_core.audit.proof import verify_consistency, verify_inclusion
from intended_core.audit.record import parse_entry
from intended_core.audit.tree import root_of
from intended_core.errors import AuditError, IntendedError, KeyRingError, StoreCorruptError
from intended_core.flows.effects import Sign
from intended_core.flows.evidence import Collected, Rerun, authentic_head, checkpoint, collect, log_verifier_key, rerun
from intended_core.unit import RowKey
from tests.reference.flow_world import ANN, ANN_KEY, STRICT, World, at, intent, pay, raising, trace


def collected(world: World, seq: int, **named: int) -> Collected:
    found = trace(world, collect(world.context, seq, **named)).result
    assert isinstance(found, Collected)
    return found


def refused(world: World, seq: int) -> str:
    error = trace(world, collect(world.context, seq)).error
    assert isinstance(error, AuditError)
    return error.code


def test_a_checkpoint_is_of_the_authenticated_head(world: World) -> None:
    seen = trace(world, checkpoint(world.context))
    assert seen.order == ["LoadState", "ReadHead", "Sign"]
    note, head, key = seen.result
    opened = open_checkpoint(note, [key])
    assert (opened.size, opened.root, opened.origin) == (head.size, head.frontier.root(), head.origin)
    assert head == world.head


def test_a_checkpoint_whose_signature_does_not_hold_is_not_released(world: World) -> None:
    assert isinstance(trace(world, checkpoint(world.context), at(Sign, raising(KeyRingError("gone")))).error, KeyRingError)
    flow = checkpoint(world.context)
    effect = next(flow)
    while not isinstance(effect, Sign):
        effect = flow.send(world.runtime.perform(effect, world.context))
    with pytest.raises(IntendedError):
        flow.send(bytes(64))


def test_the_head_is_authenticated_and_there(world: World) -> None:
    assert trace(world, authentic_head(world.context)).result == world.head
    assert isinstance(trace(world, authentic_head(world.new)).error, StoreCorruptError)


def test_the_log_key_is_an_ed25519_key(world: World) -> None:
    ring = world.tenant.policy().ring
    with pytest.raises(KeyRingError):
        log_verifier_key(ring.active("token"), "faults/x")
    assert log_verifier_key(ring.active("log"), world.head.origin)


def test_what_a_decision_rests_on(world: World) -> None:
    granted = world.tenant.authorize(intent(), audience="bank")
    world.tenant.redeem(granted.token, pay(), adapter=world.tenant.adapter("bank"))  # type: ignore[union-attr]
    found = collected(world, granted.seq or 0)
    kinds = [parse_entry(record.entry).kind.value for record in found.records]
    assert kinds == ["log.genesis", "tenant.created", "decision.allow", "token.consumed"]
    root = root_of([record.leaf for record in world.data().records])
    for record, proof in zip(found.records, found.proofs, strict=True):
        verify_inclusion(proof, leaf=record.leaf, root=root)
    assert b"12.5" in found.intent
    assert b"closed" in found.entities
    assert found.sources[0][0] == "bank.policy"
    assert found.consistency is None


def test_the_life_of_an_approval_comes_along(world: World) -> None:
    name = world.pending.approval_id
    world.tenant.approve(name, person=ANN, key=ANN_KEY)
    granted = world.tenant.authorize(intent("500.00"), audience="bank", approval=name)
    kinds = [parse_entry(record.entry).kind.value for record in collected(world, granted.seq or 0).records]
    assert kinds[2:] == ["decision.escalate", "approval.granted", "decision.allow"]


def test_an_older_head_is_shown_to_be_continued(world: World) -> None:
    size = world.head.size
    first = root_of([record.leaf for record in world.data().records])
    seq = world.tenant.authorize(intent(), audience="bank").seq or 0
    found = collected(world, seq, since=size)
    assert found.consistency is not None
    verify_consistency(found.consistency, first_root=first, second_root=root_of([record.leaf for record in world.data().records]))


def test_a_decision_that_rests_on_nothing_has_no_inputs(world: World) -> None:
    seq = world.tenant.authorize(intent("much"), audience="bank").seq or 0
    found = collected(world, seq)
    assert (found.intent, found.entities, found.sources) == (b"", b"", ())


def test_what_is_no_decision_or_not_there(world: World) -> None:
    assert refused(world, 0) == "audit.kind"
    for seq in (-1, world.head.size, 10**9):
        assert refused(world, seq) == "audit.index"


def test_an_input_that_is_gone(world: World) -> None:
    for key in sorted(world.data().rows, key=str):
        if key.kind == "snapshot" or key.key.startswith("set:"):
            world.restore()
            world.tenant.activate({"bank.policy": STRICT})
            world.remove(key.kind, key.key)
            assert refused(world, world.pending.seq) == "audit.gap"


def test_an_input_that_was_edited(world: World) -> None:
    name = str(world.body(world.pending.seq)["entities_digest"])
    row = world.row("snapshot", name)
    world.edit(type(row)(row.kind, row.key, row.version, row.state, row.body + b" ", row.mac))
    assert isinstance(trace(world, collect(world.context, world.pending.seq)).error, StoreCorruptError)
    assert RowKey("snapshot", name) in world.data().rows


def inputs(world: World, **changes: Any) -> dict[str, Any]:
    found = collected(world, world.pending.seq)
    scope = world.context.scope
    given: dict[str, Any] = {
        "tenant_uuid": scope.uuid, "environment": scope.environment, "sources": found.sources, "intent": found.intent,
        "entities": found.entities, "body": world.body(world.pending.seq),
    }  # fmt: skip
    return given | changes


def test_a_recorded_decision_comes_out_again(world: World) -> None:
    assert rerun(**inputs(world)) == Rerun(recorded="escalate by large", again="escalate by large", agrees=True)


def test_a_record_that_says_something_else_disagrees(world: World) -> None:
    body = world.body(world.pending.seq)
    for change in ({"outcome": "allow"}, {"rules": ["small"]}, {"rules": None}):
        found = rerun(**inputs(world, body=body | change))
        assert not found.agrees
        assert found.again == "escalate by large"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sources": (("bank.policy", STRICT),)}, "audit.policy"), ({"sources": ()}, "audit.policy"),
        ({"sources": (("bank.policy", "permit all;"),)}, "audit.rerun"), ({"intent": b""}, "audit.rerun"),
        ({"intent": b"{}"}, "audit.rerun"), ({"entities": b""}, "audit.rerun"), ({"entities": b"[]"}, "audit.entities"),
        ({"tenant_uuid": "0" * 32}, "audit.intent"), ({"environment": "test"}, "audit.intent"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)  # fmt: skip
def test_inputs_that_are_not_the_recorded_ones(world: World, change: dict[str, Any], code: str) -> None:
    with pytest.raises(AuditError) as raised:
        rerun(**inputs(world, **change))
    assert raised.value.code == code


@pytest.mark.parametrize("change", [{"now": None}, {"now": "1"}, {"now": True}, {"approved": None}, {"approved": "large"}])
def test_a_record_without_a_decisions_inputs(world: World, change: dict[str, Any]) -> None:
    with pytest.raises(AuditError) as raised:
        rerun(**inputs(world, body=world.body(world.pending.seq) | change))
    assert raised.value.code == "audit.rerun"
