"""What one process counts of refusals that can be laid at nobody's door."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from intended_core.tokens.refusal_counts import AT_ONCE, MAX_REASONS, Counted, RefusalCounts

INTERVAL = 60_000_000


def add(counts: RefusalCounts, now_us: int, code: str = "token.signature") -> Counted | None:
    return counts.add(code, now_us, interval_us=INTERVAL)


def test_one_is_pending_until_the_interval_is_over() -> None:
    counts = RefusalCounts()
    assert add(counts, 0) is None
    assert add(counts, INTERVAL - 1) is None
    assert add(counts, INTERVAL) == Counted(code="token.signature", count=3, from_us=0, until_us=INTERVAL)
    assert counts.pending == 0


def test_many_at_once_are_due_at_the_tenth_and_then_once_in_an_interval() -> None:
    counts = RefusalCounts()
    due = [item for number in range(100_000) if (item := add(counts, number))]
    assert due == [Counted(code="token.signature", count=AT_ONCE, from_us=0, until_us=AT_ONCE - 1)]
    later = add(counts, AT_ONCE - 1 + INTERVAL)
    assert later is not None
    assert (later.count, later.from_us) == (100_000 - AT_ONCE + 1, AT_ONCE)


def test_reasons_are_counted_apart_and_are_not_more_than_the_list() -> None:
    counts = RefusalCounts()
    for number in range(1000):
        add(counts, number, f"token.reason{number}")
    taken = counts.take()
    assert len(taken) <= MAX_REASONS + 1
    assert sum(item.count for item in taken) + AT_ONCE * ((1000 - MAX_REASONS) // AT_ONCE) >= 1000 - AT_ONCE


def test_what_could_not_be_recorded_is_pending_again_with_what_came_since() -> None:
    counts = RefusalCounts()
    add(counts, 5)
    (taken,) = counts.take()
    assert counts.take() == ()
    add(counts, 9)
    counts.give_back(taken)
    assert counts.take() == (Counted(code="token.signature", count=2, from_us=5, until_us=9),)


def test_a_clock_that_is_set_back_stops_no_record() -> None:
    counts = RefusalCounts()
    for _ in range(AT_ONCE):
        add(counts, 10 * INTERVAL)
    due = [item for _ in range(AT_ONCE) if (item := add(counts, 0))]
    assert [item.count for item in due] == [AT_ONCE]


def test_threads_lose_no_count() -> None:
    counts = RefusalCounts()
    with ThreadPoolExecutor(8) as pool:
        due = [item for item in pool.map(lambda _: add(counts, 1), range(4000)) if item]
    assert sum(item.count for item in (*due, *counts.take())) == 4000


def test_a_forked_child_begins_with_none_and_waits_for_no_lock_of_its_parent() -> None:
    counts = RefusalCounts()
    add(counts, 1)
    with counts._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if counts.pending == 0 and counts.take() == () and add(counts, 2) is None else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert counts.pending == 1


def test_it_shows_a_number() -> None:
    counts = RefusalCounts()
    add(counts, 1)
    assert repr(counts) == "RefusalCounts(1)"


def test_an_adapter_is_counted_by_itself_until_there_are_too_many() -> None:
    counts = RefusalCounts()
    for number in range(MAX_REASONS + 40):
        counts.add("token.withdrawn", number, interval_us=INTERVAL, adapter=f"adapter-{number}")
    taken = counts.take()
    assert len(taken) <= MAX_REASONS + 2
    assert {item.code for item in taken} <= {"token.withdrawn", "token.other"}
    assert taken[-1].adapter == "adapter-9"


def test_a_reason_gives_up_its_adapter_before_its_name() -> None:
    counts = RefusalCounts()
    counts.add("token.withdrawn", 1, interval_us=INTERVAL)
    for number in range(MAX_REASONS):
        counts.add("token.withdrawn", 2, interval_us=INTERVAL, adapter=f"adapter-{number}")
    assert {(item.code, item.adapter): item.count for item in counts.seen()}["token.withdrawn", ""] == 2


def test_what_is_given_back_keeps_its_adapter() -> None:
    counts = RefusalCounts()
    item = Counted(code="token.withdrawn", count=2, from_us=1, until_us=3, adapter="bank")
    counts.give_back(item)
    counts.give_back(item)
    assert counts.take() == (Counted(code="token.withdrawn", count=4, from_us=1, until_us=3, adapter="bank"),)


def test_what_is_kept_waits_until_it_is_taken() -> None:
    counts = RefusalCounts()
    for now_us in (5, 9, 7):
        counts.keep("token.replayed", now_us)
    counts.keep("token.unavailable:" + "E" * 1000, 8)
    first, second = counts.seen()
    assert first == Counted(code="token.replayed", count=3, from_us=5, until_us=9)
    assert len(second.code) == 80
    assert counts.take() == (first, second)
    assert counts.seen() == ()


def test_what_was_written_is_remembered_within_bounds() -> None:
    counts = RefusalCounts()
    for number in range(1000):
        for _ in range(AT_ONCE):
            counts.add("token.withdrawn", number, interval_us=INTERVAL, adapter=f"adapter-{number}")
    assert len(counts._written) <= 2 * MAX_REASONS
