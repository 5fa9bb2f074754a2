"""A closed tenant that is deleted, revived or written to: found each time, by the anchor log or by whoever kept a slot proof."""

from __future__ import annotations

import random

import pytest

from intended_core.audit.record import EventKind
from intended_core.audit.verdicts import TrustPolicy
from tests.reference import tampering
from tests.reference.second_verifier import agree
from tests.reference.stretches import agree_range, stretch
from tests.reference.tampered_closings import ON_CLOSINGS, STOPPED, closed_log, honest_closing

WANTED = ({STOPPED}, {STOPPED}, {STOPPED}, {"head.root", "log.truncated"}, {"log.closed"}, {"log.closed"})


@pytest.mark.parametrize("attack", range(len(ON_CLOSINGS)))
def test_what_becomes_of_a_closed_tenant_is_found(attack: int) -> None:
    found = {ON_CLOSINGS[attack][3](random.Random(f"closed {trial}")) for trial in range(tampering.TRIALS)}
    assert found == WANTED[attack]


def test_an_honest_end_is_no_alarm() -> None:
    assert not honest_closing()


@pytest.mark.parametrize("trial", range(20))
def test_evidence_of_a_log_that_ended_honestly_is_no_alarm(trial: int) -> None:
    chance = random.Random(trial)
    log, closed = closed_log(chance, more=0)
    trust = TrustPolicy(log_keys=(log.key,))
    verdict = agree_range(stretch(log, chance.randrange(closed + 1), closed + 1, bodies=chance.random() < 0.5), trust)
    assert (verdict.findings, (verdict.kinds or {})["tenant.closed"]) == ((), 1)
    decided = max(row.seq for row in log.rows if b'"k":"decision.allow"' in row.entry)
    life = [row.seq for row in log.rows if row.thread == log.rows[decided].thread]
    found = agree(log.bundle(decided, life), trust)
    assert (found.findings, found.complete_to) == ((), closed + 1)


def test_a_stretch_that_does_not_hold_the_end_says_nothing_of_it() -> None:
    log, closed = closed_log(random.Random(1), more=3)
    trust = TrustPolicy(log_keys=(log.key,))
    assert agree_range(stretch(log, 0, closed), trust).findings == ()
    assert agree_range(stretch(log, closed + 1, closed + 3), trust).findings == ()


def test_a_log_that_ended_twice_is_found_after_the_first_end() -> None:
    log, closed = closed_log(random.Random(2), more=0)
    again = log.add(EventKind.TENANT_CLOSED, {"reason": "again", "persons": []})
    trust = TrustPolicy(log_keys=(log.key,))
    for first in (0, closed):
        verdict = agree_range(stretch(log, first, again + 1), trust)
        assert [(one.code, one.seq) for one in verdict.findings] == [("log.closed", closed + 1)]
    decided = max(row.seq for row in log.rows if b'"k":"decision.allow"' in row.entry)
    life = [row.seq for row in log.rows if row.thread == log.rows[decided].thread]
    found = agree(log.bundle(decided, life), trust)
    assert [(one.code, one.seq) for one in found.findings] == [("log.closed", closed + 1)]
