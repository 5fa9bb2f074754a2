"""What authorize returns: outcomes without a truth value, which show no token."""

from __future__ import annotations

import pytest

from intended_core import Allow, Deny, Escalate, Granted, Pending
from intended_core.flows.outcomes import denied
from tests.reference.flow_world import World, intent


def test_a_granted_outcome_is_an_allow_that_hides_its_token(world: World) -> None:
    granted = world.tenant.authorize(intent(), audience="bank")
    assert isinstance(granted, Granted)
    assert isinstance(granted, Allow)
    assert granted.token.text not in repr(granted)
    assert granted.rules == ("small",)
    assert world.data().records[granted.seq].thread


def test_a_pending_outcome_is_an_escalate(world: World) -> None:
    assert isinstance(world.pending, Pending)
    assert isinstance(world.pending, Escalate)
    assert len(world.pending.digest) == 32
    assert world.row("approval", world.pending.approval_id).state == "PENDING"


def test_no_outcome_is_true_or_false(world: World) -> None:
    for outcome in (world.tenant.authorize(intent(), audience="bank"), world.pending, denied("error", "x")):
        with pytest.raises(TypeError):
            bool(outcome)


def test_a_denial_that_no_rule_made() -> None:
    made = denied("clock", "the clock", place="args.n")
    assert isinstance(made, Deny)
    assert (made.kind, made.rules, made.seq) == ("clock", (), None)
    assert [(reason.rule, reason.text, reason.place) for reason in made.reasons] == [("", "the clock", "args.n")]
