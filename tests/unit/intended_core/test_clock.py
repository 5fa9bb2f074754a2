from __future__ import annotations

import time

from intended_core.clock import ManualClock, SystemClock, SystemRandomness


def test_the_machine_s_clock_counts_microseconds_since_1970() -> None:
    before = time.time_ns() // 1000
    now = SystemClock().now_us()
    assert before <= now <= time.time_ns() // 1000


def test_deadlines_do_not_follow_the_wall_clock() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    assert clock.monotonic() >= before


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(1_700_000_000_000_000)
    assert clock.now_us() == clock.now_us() == 1_700_000_000_000_000
    clock.advance(seconds=1.5)
    assert clock.now_us() == 1_700_000_001_500_000
    assert clock.monotonic() == 1_700_000_001.5
    clock.advance(seconds=-2)
    assert clock.now_us() == 1_699_999_999_500_000


def test_random_bytes_are_as_many_as_asked_and_differ() -> None:
    seen = {SystemRandomness().token_bytes(16) for _ in range(100)}
    assert {len(one) for one in seen} == {16}
    assert len(seen) == 100
