"""Calls in wire form: there and back is the same call, with the same digest."""

from __future__ import annotations

import pytest

from intended_core import Granted
from intended_core.errors import IntentError
from intended_core.lang.callwire import call_of_wire, wire_of_call
from intended_core.lang.intents import validate_call
from tests.reference.flow_world import World, intent


def test_there_and_back(world: World) -> None:
    outcome = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(outcome, Granted)
    policy = world.tenant.policy().policy
    assert policy is not None
    schema, wire = policy.checked.schema, wire_of_call(outcome.intent.wire)
    valid = validate_call(schema, world.tenant.scope, call_of_wire(schema, wire))
    assert (valid.wire, valid.arh) == (wire, outcome.intent.arh)


@pytest.mark.parametrize(
    "wire",
    [b"", b"{}", b"[]", b"null", b'{"action":"nope","args":{},"resource":["Account","main"]}', b'{"action":"pay","args":{},"resource":"x"}',
     b'{"action":"pay","args":5,"resource":["Account","main"]}', b'{"action":["pay"],"args":{},"resource":["Account","main"]}',
     b'{"action":"pay","args":{"amount":"d:1"},"more":1,"resource":["Account","main"]}', b' {"action":"pay"}',
     b'{"action":"pay","args":{"amount":"d:1"},"resource":["Account",""]}'],
)  # fmt: skip
def test_what_is_no_call(world: World, wire: bytes) -> None:
    policy = world.tenant.policy().policy
    assert policy is not None
    with pytest.raises(IntentError):
        validate_call(policy.checked.schema, world.tenant.scope, call_of_wire(policy.checked.schema, wire))
