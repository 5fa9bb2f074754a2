from __future__ import annotations

import dataclasses

import pytest

from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.intent import ORIGINS, Call, Intent

ANN, ACCOUNT = EntityRef("User", "ann"), EntityRef("Account", "main")


def test_an_intent_announces_its_call_and_nothing_of_its_circumstance() -> None:
    intent = Intent(principal=ANN, action="pay", resource=ACCOUNT, args={"amount": "1"}, context={"risk": 9})
    assert intent.call() == Call(action="pay", resource=ACCOUNT, args={"amount": "1"})


def test_what_is_not_told_is_empty() -> None:
    intent = Intent(principal=ANN, action="pay", resource=ACCOUNT)
    assert (intent.args, intent.context, intent.origins, intent.caller_context) == ({}, {}, {}, frozenset())


@pytest.mark.parametrize("member", ["principal", "resource"])
@pytest.mark.parametrize("value", ["User::ann", None, ("User", "ann")])
def test_principal_and_resource_are_references(member: str, value: object) -> None:
    given: dict[str, object] = {"principal": ANN, "action": "pay", "resource": ACCOUNT} | {member: value}
    with pytest.raises(IntentError) as caught:
        Intent(**given)  # type: ignore[arg-type]
    assert caught.value.place == "intent"


def test_an_intent_is_not_rewritten() -> None:
    intent = Intent(principal=ANN, action="pay", resource=ACCOUNT)
    with pytest.raises(dataclasses.FrozenInstanceError):
        intent.action = "close"  # type: ignore[misc]
    with pytest.raises(TypeError):
        Intent(ANN, "pay", ACCOUNT)  # type: ignore[misc]


def test_the_places_a_value_can_come_from() -> None:
    assert frozenset({"user", "record", "content", "model", "unknown"}) == ORIGINS
