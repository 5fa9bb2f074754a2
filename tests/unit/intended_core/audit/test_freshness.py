"""A verifier's demand for something new, judged alone: exact at every edge, and never met by nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.audit.anchored import AttestedHead, verify_slot_proof
from intended_core.audit.freshness import AHEAD_S, Freshness, check_freshness
from intended_core.audit.grades import Grade
from intended_core.errors import AuditError
from tests.reference.anchored_bundles import anchored

SEEN = 1_000_000


@pytest.fixture(scope="module")
def head() -> AttestedHead:
    made = anchored(1)
    return replace(verify_slot_proof(made.proof(), made.anchor.policy()), epoch=7, seen_s=SEEN)


def codes(demand: Freshness, head: AttestedHead | None) -> list[str]:
    found = check_freshness(demand, head)
    assert all(finding.grade is Grade.INCOMPLETE for finding in found)
    return [finding.code for finding in found]


def test_nothing_is_asked(head: AttestedHead) -> None:
    assert codes(Freshness(), head) == codes(Freshness(), None) == codes(Freshness(now_s=5), None) == []


def test_an_epoch(head: AttestedHead) -> None:
    assert codes(Freshness(min_epoch=7), head) == codes(Freshness(min_epoch=0), head) == []
    assert codes(Freshness(min_epoch=8), head) == ["anchor.epoch"]
    assert codes(Freshness(min_epoch=0), None) == ["anchor.epoch"]  # even the first epoch must have been seen


@pytest.mark.parametrize(
    ("now_s", "met"),
    [(SEEN, True), (SEEN + 60, True), (SEEN + 61, False), (SEEN - AHEAD_S, True), (SEEN - AHEAD_S - 1, False), (SEEN + 10**9, False)],
)
def test_an_age_by_the_witnesses_clocks(head: AttestedHead, now_s: int, met: bool) -> None:
    """A clock far ahead would be new for ever: its time says nothing."""
    assert codes(Freshness(max_age_s=60, now_s=now_s), head) == ([] if met else ["anchor.age"])


def test_nobody_saw_it(head: AttestedHead) -> None:
    asked = Freshness(min_epoch=1, max_age_s=2**53 - 1, now_s=SEEN)
    assert codes(asked, None) == ["anchor.epoch", "anchor.age"]
    assert codes(asked, replace(head, seen_s=None)) == ["anchor.age"]
    assert codes(asked, head) == []


@pytest.mark.parametrize("bad", [{"min_epoch": -1}, {"max_age_s": -1, "now_s": 1}, {"now_s": -1}, {"max_age_s": 1}, {"min_epoch": 2**53}])
def test_a_demand_that_is_none_is_refused(bad: dict[str, int]) -> None:
    with pytest.raises(AuditError) as refused:
        Freshness(**bad)
    assert refused.value.code == "audit.freshness"
