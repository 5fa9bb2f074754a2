"""Shards and the directory read back as written, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intended_core.errors import StoreCorruptError
from intended_core.meters.counter import Counter
from intended_core.meters.shards import SHARDS, Directory, Held, Shard, shard_of
from intended_core.outcome import MeterUse

KEYS = st.binary(min_size=32, max_size=32)
AMOUNTS = st.integers(0, 10**27)
COUNTERS = st.builds(
    Counter, total=AMOUNTS, kept=st.lists(st.tuples(st.integers(0, 2**50), AMOUNTS), max_size=4).map(tuple),
    length_ms=st.integers(0, 2**40), end_ms=st.none() | st.integers(0, 2**50),
)  # fmt: skip


@given(st.dictionaries(KEYS, COUNTERS, max_size=5))
def test_a_shard_reads_back(counters: dict[bytes, Counter]) -> None:
    assert Shard.from_body(Shard(counters=counters).to_body()).counters == counters


@given(st.lists(st.tuples(KEYS, AMOUNTS, st.integers(0, 2**50)), max_size=4), st.integers(0, 2**40))
def test_what_is_held_reads_back(uses: list[tuple[bytes, int, int]], expires_s: int) -> None:
    held = Held(generation=1, expires_s=expires_s, uses=tuple(uses))
    assert Held.from_body(held.to_body()) == held


def test_a_directory_reads_back_and_moves() -> None:
    first = Directory.first(3)
    moved = first.moved({0: 2, SHARDS - 1: 9})
    assert Directory.from_body(moved.to_body()) == moved
    assert (moved.versions[0], moved.versions[1], moved.versions[-1], moved.generation) == (2, 0, 9, 3)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"g":1}', b'{"g":1,"shards":[1]}', b'{"g":true,"shards":[]}'])
def test_anything_else_is_damaged(body: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        Directory.from_body(body)


@pytest.mark.parametrize("body", [b"[]", b'{"a":[1]}', b'{"AA":["x",[],0,null]}'])
def test_a_damaged_shard(body: bytes) -> None:
    with pytest.raises(StoreCorruptError):
        Shard.from_body(body)


def test_counters_whose_window_is_over_are_forgotten() -> None:
    old = MeterUse(meter="m", key=b"a" * 32, window="calendar_day", start_ms=0, end_ms=10, amount=1)
    new = MeterUse(meter="m", key=b"b" * 32, window="calendar_day", start_ms=10, end_ms=20, amount=1)
    shard = Shard(counters={}).adding(old, now_ms=5).adding(new, now_ms=12)
    assert list(shard.counters) == [b"b" * 32]
    assert shard.removing(b"b" * 32, 1, at_ms=12).level(new) == 0
    assert shard.removing(b"z" * 32, 1, at_ms=12) == shard
    assert shard_of(b"a" * 32) == ord("a") % SHARDS
