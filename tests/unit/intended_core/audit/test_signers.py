"""Whom a log lets sign, as far as the records so far tell."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core.audit.record import EventKind
from intended_core.audit.signers import PERSONS, Signers, person_name
from intended_core.errors import AuditError

ADD, REMOVE = EventKind.PERSON_REGISTERED, EventKind.PERSON_REMOVED
ANN, BOB = person_name(["Person", "ann"]), person_name(["Person", "bob"])


def body(name: str, key: str = "k", **more: Any) -> dict[str, Any]:
    return {"person": ["Person", name], "key": key, **more}


def may(signers: Signers, name: str, key: str = "k") -> bool:
    try:
        signers.check(name, key)
    except AuditError:
        return False
    return True


def test_a_whole_log_knows_everybody() -> None:
    signers = Signers()
    assert not may(signers, ANN)
    signers.take(ADD, body("ann"))
    assert (may(signers, ANN), may(signers, ANN, "other"), may(signers, BOB)) == (True, False, False)
    signers.take(ADD, body("ann", "new", roles=["admin"]))
    assert (may(signers, ANN), may(signers, ANN, "new")) == (False, True)
    signers.take(REMOVE, body("ann"))
    assert not may(signers, ANN, "new")


@pytest.mark.parametrize("roles", [["viewer"], ["operator", "viewer"], [], "admin", None, {"admin": 1}])
def test_a_role_is_needed(roles: Any) -> None:
    signers = Signers()
    signers.take(ADD, body("ann", roles=roles))
    assert not may(signers, ANN)


def test_a_log_from_the_middle_knows_whom_it_has_seen() -> None:
    signers = Signers(whole=False)
    assert may(signers, ANN)
    signers.take(ADD, body("ann"))
    assert (may(signers, ANN), may(signers, ANN, "other"), may(signers, BOB, "any")) == (True, False, True)
    signers.take(REMOVE, body("bob"))
    assert not may(signers, BOB)


def test_a_body_that_is_not_shown_may_have_been_of_anybody() -> None:
    signers = Signers()
    signers.take(REMOVE, body("bob"))
    signers.take(ADD, None)
    assert may(signers, ANN)
    assert may(signers, BOB)


def test_other_records_introduce_nobody() -> None:
    signers = Signers()
    for kind in set(EventKind) - PERSONS:
        signers.take(kind, body("ann"))
        signers.take(kind, None)
    assert not may(signers, ANN)
    assert {ADD, REMOVE} <= PERSONS
