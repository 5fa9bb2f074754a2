"""Verification of a log: streams, needs no more than a frontier, and its verdict has no truth value."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from intended_core.audit.grades import Grade
from intended_core.audit.verify import KnownHead, verify_log
from intended_core.unit import RecordRow
from tests.reference.audit_world import START_US, honest_log

LOG = honest_log(1, size=30)


def test_the_verdict_in_full() -> None:
    verdict = verify_log(LOG.rows, identity=LOG.identity, heads=[LOG.known(25)])
    assert (verdict.grade, verdict.seq, verdict.findings) == (Grade.CONSISTENT_UNANCHORED, None, ())
    assert (verdict.size, verdict.root, verdict.unattested) == (30, LOG.head.frontier.root(), 5)
    assert verdict.last_time_us == START_US + 30_000


def test_a_verdict_is_not_a_bool() -> None:
    with pytest.raises(TypeError):
        bool(verify_log(LOG.rows, identity=LOG.identity))


def test_records_are_taken_page_by_page() -> None:
    taken = 0

    def stream() -> Iterator[RecordRow]:
        nonlocal taken
        for row in LOG.rows:
            taken += 1
            yield row

    broken = KnownHead(size=10, root=bytes(32))
    verdict = verify_log(stream(), identity=LOG.identity, heads=[broken])
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, 0)
    # It stops at the tenth record, having read to the end of the first page, which is a short one.
    assert taken == 16


def test_a_head_of_the_empty_log_attests_nothing() -> None:
    verdict = verify_log(LOG.rows, identity=LOG.identity, heads=[LOG.known(0)])
    assert (verdict.grade, verdict.unattested) == (Grade.CONSISTENT_UNPINNED, 30)


def test_a_changed_log_is_dated_between_two_heads() -> None:
    heads = [LOG.known(10), LOG.known(20), KnownHead(size=25, root=bytes(32))]
    verdict = verify_log(LOG.rows, identity=LOG.identity, heads=heads)
    assert (verdict.seq, verdict.findings[0].code) == (20, "head.root")
    assert "records 20 to 24" in verdict.findings[0].text
