"""Holds as a verifier sees them: records in their form, signed by two persons of the log; and every erasure in spite of one is found."""

from __future__ import annotations

import random
from typing import Any

import pytest

from intended_core.audit.holds import Kept, Later, keeps_of
from intended_core.audit.record import EventKind
from intended_core.errors import AuditError
from tests.reference.audit_world import TenantLog
from tests.reference.tampered_erasures import body_of, emptied, with_persons
from tests.reference.tampered_holds import ON_HOLDS, code_of, hold_body, honest_hold, lift_body

GOOD: dict[str, Any] = {"places": [[3, 5]], "size": 9, "later": None}


def test_the_form_of_what_is_kept() -> None:
    assert keeps_of(GOOD) == Kept(places=((3, 5),), size=9, later=None)
    later = {"kinds": ["action.done", "decision.deny"], "threads": ["a"]}
    assert keeps_of({"places": [], "size": 0, "later": later}).later == Later(kinds=("action.done", "decision.deny"), threads=("a",))
    for bad in (
        {}, {**GOOD, "size": None}, {**GOOD, "size": 4}, {**GOOD, "places": [[5, 3]]}, {**GOOD, "places": [[3, 5], [4, 6]]}, {**GOOD, "places": [3]},
        {**GOOD, "places": [[3, True]]}, {**GOOD, "places": []}, {**GOOD, "places": [[-1, 2]]}, {**GOOD, "places": [[1, 2]] * 10_001},
        {**GOOD, "later": []}, {**GOOD, "later": {"kinds": []}}, {**GOOD, "later": {"kinds": ["b", "a"], "threads": []}},
        {**GOOD, "later": {"kinds": [1], "threads": []}}, {**GOOD, "later": {"kinds": [], "threads": ["a", "a"]}},
        {**GOOD, "later": {"kinds": [], "threads": [str(n) for n in range(10, 99)]}},
    ):  # fmt: skip
        with pytest.raises(AuditError) as caught:
            keeps_of(bad)
        assert caught.value.code == "audit.hold"


def test_which_records_are_kept() -> None:
    kept = Kept(places=((3, 5),), size=9, later=Later(kinds=("action.done",), threads=("t",)))
    covered = [seq for seq in range(20) if kept.covers(seq, "action.done", "t", placed=12)]
    assert covered == [3, 4, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19], "the hold's own record needs no hold"
    assert not kept.covers(15, "action.done", "u", placed=12)
    assert not kept.covers(15, "action.failed", "t", placed=12)
    assert kept.covers(10, "anything", "", placed=12), "while it was being placed everything is kept"
    assert not Kept(places=((3, 5),), size=9, later=None).covers(10, "action.done", "t", placed=12)


def test_an_erasure_after_the_hold_was_lifted_is_none_of_its_business() -> None:
    log = with_persons(1)
    hold = log.add(EventKind.HOLD_PLACED, hold_body(log, ((5, 9),)))
    assert code_of(log, log.rows) == ""
    log.add(EventKind.HOLD_LIFTED, lift_body(log, hold))
    log.add(EventKind.LOG_REDACT, body_of(log, EventKind.LOG_REDACT, ((6, 7),)))
    assert code_of(log, emptied(log, ((6, 7),))) == ""


def test_an_erasure_before_the_hold_is_none_of_its_business() -> None:
    log = with_persons(1)
    log.add(EventKind.LOG_REDACT, body_of(log, EventKind.LOG_REDACT, ((6, 7),)))
    log.add(EventKind.HOLD_PLACED, hold_body(log, ((5, 9),)))
    assert code_of(log, emptied(log, ((6, 7),))) == ""


def test_records_to_come_are_kept_by_kind() -> None:
    for kinds, wanted in ((("decision.allow",), "erasure.held"), (("action.done",), ""), ((), "erasure.held")):
        log = with_persons(1)
        log.add(EventKind.HOLD_PLACED, hold_body(log, (), later=Later(kinds=kinds)))
        seq = log.decide(77)
        log.add(EventKind.LOG_PRUNE, body_of(log, EventKind.LOG_PRUNE, ((seq, seq + 1),)))
        assert code_of(log, emptied(log, ((seq, seq + 1),))) == wanted


def test_records_of_holds_that_do_not_count() -> None:
    def broken(change: Any) -> str:
        log = with_persons(1)
        body = hold_body(log, ((5, 9),))
        change(body)
        log.add(EventKind.HOLD_PLACED, body)
        return code_of(log, log.rows)

    assert broken(lambda body: None) == ""
    for change in (
        lambda body: body.update(reason=1), lambda body: body.update(reason="another"), lambda body: body.update(places=[[5, 10]]),
        lambda body: body.update(places=[]), lambda body: body.update(size=10_000), lambda body: body.update(persons=body["persons"][:1]),
        lambda body: body.update(expires=None), lambda body: body["persons"][0].__setitem__(3, "x"),
    ):  # fmt: skip
        assert broken(change) == "hold"
    log = with_persons(1)
    log.add(EventKind.HOLD_PLACED, hold_body(log, ((5, 9),), size=len(log.rows) + 1))
    assert code_of(log, log.rows) == "hold", "it speaks of records that are not there yet"
    log = TenantLog(1)
    log.add(EventKind.HOLD_PLACED, hold_body(log, ((0, 1),)))
    assert code_of(log, log.rows) == "hold", "persons that the log never introduced"


@pytest.mark.parametrize("number", range(len(ON_HOLDS)))
def test_every_row_of_the_table_at_other_places(number: int) -> None:
    for trial in range(8):
        assert ON_HOLDS[number][3](random.Random(f"elsewhere {trial}")), trial
        assert not honest_hold(1000 + trial)
