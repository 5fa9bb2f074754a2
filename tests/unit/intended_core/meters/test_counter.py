"""A counter never counts less than what happened."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from intended_core.meters.counter import MAX_KEPT, Counter
from intended_core.outcome import MeterUse

DAY = MeterUse(meter="m", key=b"k", window="calendar_day", start_ms=0, end_ms=1000, amount=5)


def sliding(now_ms: int, amount: int = 1, length_ms: int = 100) -> MeterUse:
    return MeterUse(meter="m", key=b"k", window="sliding", start_ms=now_ms - length_ms, end_ms=None, amount=amount)


def test_a_calendar_window_is_one_total() -> None:
    counter = Counter().adding(DAY, now_ms=1).adding(replace(DAY, amount=7), now_ms=2)
    assert counter.level(DAY) == 12
    assert counter.removing(5, at_ms=1).level(DAY) == 7
    assert (counter.over(999), counter.over(1000)) == (False, True)


def test_what_a_sliding_window_has_passed_counts_no_more() -> None:
    counter = Counter().adding(sliding(1000, 3), now_ms=1000).adding(sliding(1050, 4), now_ms=1050)
    assert [counter.level(sliding(at)) for at in (1050, 1099, 1100, 1149, 1150)] == [7, 7, 4, 4, 0]
    assert (counter.over(1149), counter.over(1150)) == (False, True)


def test_a_clock_a_little_behind_loses_nothing() -> None:
    counter = Counter().adding(sliding(1000, 3), now_ms=1000).adding(sliding(990, 4), now_ms=990)
    assert counter.level(sliding(1000)) == 7
    assert counter.kept == ((1000, 7),)


def test_a_released_reservation_is_taken_out_where_it_stands() -> None:
    counter = Counter().adding(sliding(1000, 3), now_ms=1000).adding(sliding(1010, 4), now_ms=1010)
    assert counter.removing(3, at_ms=1000).kept == ((1010, 4),)
    assert counter.removing(4, at_ms=1010).kept == ((1000, 3),)
    assert counter.removing(9, at_ms=1000).level(sliding(1010)) == 7


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=60), st.integers(1, 40))
def test_the_level_is_what_a_list_of_all_would_say(steps: list[tuple[int, int]], length_ms: int) -> None:
    counter, happened, now_ms = Counter(), [], 0
    for passed, amount in steps:
        now_ms += passed
        use = sliding(now_ms, amount, length_ms)
        assert counter.level(use) == sum(n for at, n in happened if at > now_ms - length_ms)
        counter = counter.adding(use, now_ms=now_ms)
        happened.append((now_ms, amount))


def test_too_much_to_keep_stays_counted_longer_and_is_never_lost() -> None:
    counter = Counter()
    for at in range(MAX_KEPT + 50):
        counter = counter.adding(sliding(at, 1, 10_000), now_ms=at)
    assert len(counter.kept) == MAX_KEPT
    assert counter.level(sliding(MAX_KEPT + 50, 1, 10_000)) == MAX_KEPT + 50
