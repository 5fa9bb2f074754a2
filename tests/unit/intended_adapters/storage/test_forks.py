"""Watched stores are told of every fork, on both sides, and forgotten when they are gone."""

from __future__ import annotations

import gc
import os

from intended_adapters.storage import forks


class Watched:
    def __init__(self) -> None:
        self.told: list[str] = []

    def before_fork(self) -> None:
        self.told.append("before")

    def after_fork(self, *, in_child: bool) -> None:
        self.told.append("child" if in_child else "parent")


def test_both_sides_are_told() -> None:
    store = Watched()
    forks.watch(store)
    child = os.fork()
    if child == 0:
        os._exit(0 if store.told == ["before", "child"] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.told == ["before", "parent"]


def test_nothing_is_kept_alive_or_locked() -> None:
    store = Watched()
    forks.watch(store)
    del store
    gc.collect()
    assert not any(isinstance(item, Watched) for item in forks._WATCHED)
    assert forks._LOCK.acquire(timeout=0)
    forks._LOCK.release()
