"""The head: what `append` makes is a log that verifies, and the head row has one form."""

from __future__ import annotations

import pytest

from intended_core.audit.log import Draft, LogHead, append, thread_of
from intended_core.audit.record import EventKind
from intended_core.audit.tree import root_of
from intended_core.errors import AuditError, StoreCorruptError
from tests.reference.audit_world import START_US, honest_log

LOG = honest_log(1, size=13)


def test_the_head_follows_the_records() -> None:
    assert LOG.head.size == 13
    assert LOG.head.last_leaf == LOG.rows[-1].leaf
    assert LOG.head.frontier.root() == root_of([row.leaf for row in LOG.rows])
    assert LOG.head.time_us == START_US + 13_000
    assert [row.seq for row in LOG.rows] == list(range(13))


def test_several_drafts_at_once() -> None:
    drafts = [Draft(kind=EventKind.REPLAY_REFUSED, body={"n": number}, salt=bytes(16)) for number in range(3)]
    head, rows = append(LOG.head, LOG.scope, drafts, now_us=LOG.head.time_us, writer="w")
    assert (head.size, [row.seq for row in rows]) == (16, [13, 14, 15])
    one_by_one = LOG.head
    for draft in drafts:
        one_by_one, _ = append(one_by_one, LOG.scope, [draft], now_us=LOG.head.time_us, writer="w")
    assert one_by_one == head
    assert append(LOG.head, LOG.scope, [], now_us=LOG.head.time_us, writer="w") == (LOG.head, ())


def test_a_draft_that_does_not_fit_changes_nothing() -> None:
    before = LOG.head.to_state()
    with pytest.raises(AuditError):
        append(
            LOG.head,
            LOG.scope,
            [Draft(kind=EventKind.HALT_ENGAGED, body={"a": 0.5}, salt=bytes(16))],
            now_us=1,
            writer="w",
        )
    assert LOG.head.to_state() == before


def test_the_state_survives() -> None:
    assert LogHead.from_state(LOG.head.to_state()) == LOG.head


@pytest.mark.parametrize(
    "state",
    [
        b"", b"{}", b"[]", LOG.head.to_state()[:-1], LOG.head.to_state().replace(b'"n":13', b'"n":12'),
        LOG.head.to_state().replace(b'"v":0', b'"v":1'), LOG.head.to_state().replace(b'"f":"', b'"f":"!'),
        LOG.head.to_state().replace(b'"ts"', b'"tz"'),
    ],
)  # fmt: skip
def test_a_damaged_state(state: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        LogHead.from_state(state)


def test_threads_are_filed_by_their_commitment() -> None:
    assert thread_of(bytes(32)) == "A" * 43
