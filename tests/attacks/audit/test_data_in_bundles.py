"""Params and tables of a decision in its bundle: left out, added, exchanged. Both verifiers say the same, and the re-run finds what they cannot."""

from __future__ import annotations

import pytest

from intended_core import Granted
from intended_core.audit.bundle import write_bundle
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.grades import Grade
from intended_core.audit.verdicts import RerunState, TrustPolicy
from intended_core.flows.evidence import rerun
from tests.reference.data_world import data_world
from tests.reference.flow_world import POLICY, World, intent
from tests.reference.second_verifier import agree


@pytest.fixture
def world() -> World:
    made = data_world()
    made.restore()
    return made


def decided(world: World) -> int:
    granted = world.tenant.authorize(intent("50.00"), audience="bank")
    assert isinstance(granted, Granted)
    return granted.seq


def bundle(world: World, seq: int, data: bytes | None = None) -> tuple[bytes, TrustPolicy]:
    """As the issuer would sign it, with these params and tables instead of the recorded ones."""
    found = world.tenant.collect(seq)
    made = write_bundle(
        scope=found.scope, origin=found.origin, generation=found.generation, seq=found.seq, records=found.records,
        proofs=found.proofs, checkpoint=found.checkpoint, log_key=found.log_key, token_keys=found.token_keys,
        sources=found.sources, intent=found.intent, entities=found.entities, data=found.data if data is None else data,
        made_us=1, engine="test", sign=world.tenant.sign_log, headers=found.headers, consistency=found.consistency,
    )  # fmt: skip
    return made, TrustPolicy(log_keys=(found.log_key,))


def test_the_bundle_is_whole_with_them(world: World) -> None:
    made, trust = bundle(world, decided(world))
    assert agree(made, trust).findings == ()
    assert verify_bundle(made, trust=trust, rerun=rerun).rerun is RerunState.AGREES


def test_they_are_left_out(world: World) -> None:
    made, trust = bundle(world, decided(world), b"")
    found = agree(made, trust)
    assert (found.grade, [item.code for item in found.findings]) == (Grade.INCOMPLETE, ["inputs.missing"])
    assert verify_bundle(made, trust=trust, rerun=rerun).rerun is not RerunState.AGREES


def test_they_are_added_to_a_decision_that_read_none(world: World) -> None:
    world.tenant.activate({"bank.policy": POLICY})
    made, trust = bundle(world, decided(world), b'{"params":{},"tables":{}}')
    found = agree(made, trust)
    assert (found.grade, [item.code for item in found.findings]) == (Grade.TAMPERED, ["inputs.stray"])


def test_they_are_others(world: World) -> None:
    seq = decided(world)
    world.tenant.data.set(params={"cap": "60.00"})
    other = world.tenant.policy().data.wire
    made, trust = bundle(world, seq, other)
    agree(made, trust)  # the stand-alone verifiers do not read values
    found = verify_bundle(made, trust=trust, rerun=rerun)
    assert [item.code for item in found.findings] == ["rerun.data"]


@pytest.mark.parametrize("data", [b"{}", b"[]", b"\xff", b'{"params":{"cap":1},"tables":{}}', b'{"params":{"nope":"d:1"},"tables":{}}', b'{"tables":{},"params":{}}'])
def test_they_are_no_values(world: World, data: bytes) -> None:
    made, trust = bundle(world, decided(world), data)
    agree(made, trust)
    found = verify_bundle(made, trust=trust, rerun=rerun)
    assert [item.code.partition(".")[0] for item in found.findings] == ["rerun"]
