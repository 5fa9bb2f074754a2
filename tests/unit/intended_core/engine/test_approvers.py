"""Who may approve: judged for every hop that a block speaks of."""

from __future__ import annotations

import pytest

from intended_core.engine.approvers import approver_may
from intended_core.errors import AccessDeniedError
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.ids import EntityRef
from intended_core.lang.intents import validate
from tests.reference.policy_world import ANN, BOB, NOW_MS
from tests.unit.intended_core.engine.test_delegation import FIRST, PERMIT, SECOND, SUB, world

CAL = EntityRef("User", "cal")
RULES = PERMIT + (
    '@id("g") escalate g { action == read; approval { from: if principal is User then Group::"board" else Group::"staff"; quorum: 1;'
    ' exclude: [principal]; expires: 1h; when approver.level >= 1; } }'
)


def may(key: str, person: EntityRef) -> str:
    made = world(RULES)
    valid = validate(made.checked.schema, TEST_SCOPE, made.intent(principal=SUB, chain=(FIRST, SECOND)))
    try:
        return approver_may(made.compiled, key, valid, made.snapshot, person, now_ms=NOW_MS).key
    except AccessDeniedError as error:
        return str(error)


def test_a_key_with_a_group_is_judged_for_the_hops_that_ask_this_group() -> None:
    board, staff = 'g#1@Group::"board"', 'g#1@Group::"staff"'
    assert may(board, BOB) == board
    assert may(staff, BOB) == staff
    assert "excluded" in may(board, ANN)
    assert may(staff, ANN) == staff
    assert "asks for no such approval" in may('g#1@Group::"nowhere"', BOB)
    assert "asks for no such approval" in may("x#1", BOB)
    assert "their own" in may(staff, SUB)
    assert "not a known entity" in may(staff, CAL)


def test_without_a_group_every_hop_is_asked() -> None:
    assert "excluded" in may("g#1", ANN)
    assert may("g#1", BOB) == "g#1"


def test_a_broken_chain_has_no_approver() -> None:
    made = world(RULES)
    valid = validate(made.checked.schema, TEST_SCOPE, made.intent(principal=SUB, chain=(SECOND,)))
    with pytest.raises(AccessDeniedError):
        approver_may(made.compiled, "g#1", valid, made.snapshot, BOB, now_ms=NOW_MS)
