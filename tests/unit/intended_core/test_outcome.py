from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from intended_core.outcome import DENY_CLASSES, Allow, Deny, DenyClass, Escalate, Reason

OUTCOMES = [
    Allow(rules=("a",)),
    Escalate(alternatives=((),), rules=("a",)),
    Deny(kind="default", reasons=(Reason(text="no permit matches"),)),
]


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda one: type(one).__name__)
def test_an_outcome_has_no_truth_value(outcome: object) -> None:
    with pytest.raises(TypeError, match="match on Allow, Escalate and Deny"):
        bool(outcome)
    with pytest.raises(TypeError):
        assert not outcome


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda one: type(one).__name__)
def test_an_outcome_is_not_rewritten(outcome: Allow) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        outcome.rules = ("b",)  # type: ignore[misc]


def test_no_outcome_is_another() -> None:
    kinds = (Allow, Escalate, Deny)
    assert not any(issubclass(one, two) for one in kinds for two in kinds if one is not two)


def test_the_classes_of_denial_are_a_closed_list() -> None:
    assert get_args(DenyClass) == DENY_CLASSES
    assert len(set(DENY_CLASSES)) == 10
