"""An action is made once, when it is first asked for; the first that cannot be made ends the whole set."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

import pytest

from intended_core.errors import AssemblyError, StoreCorruptError
from intended_core.lang.loading import collector_paused
from intended_core.lang.ondemand import Actions, MadeAction, OnDemand, Plans


def counting(broken: Callable[[str], BaseException | None] = lambda _: None) -> tuple[Actions, list[str]]:
    asked: list[str] = []

    def make(action: str) -> MadeAction:
        asked.append(action)
        error = broken(action)
        if error is not None:
            raise error
        return None if action == "planless" else f"plan of {action}", {(action, "U", "D"): f"rules of {action}"}, {(action, "r#1"): action}

    return Actions(["read", "write", "planless"], make), asked


def test_an_action_is_made_when_it_is_first_asked_for_and_once() -> None:
    actions, asked = counting()
    index: OnDemand[tuple[str, str, str], str] = OnDemand(actions, actions.index)
    assert asked == []
    assert actions.plans["read"] == "plan of read"
    assert index["read", "U", "D"] == "rules of read"
    assert index.get(("read", "U", "X")) is None
    assert asked == ["read"]
    assert OnDemand[tuple[str, str], str](actions, actions.approvals)["write", "r#1"] == "write"
    assert asked == ["read", "write"]


def test_an_action_without_a_plan_or_without_rules_is_no_error_and_no_plan() -> None:
    actions, asked = counting()
    for name in ("planless", "planless", "nobody", "nobody"):
        with pytest.raises(KeyError):
            actions.plans[name]
    assert asked == ["planless"]
    assert isinstance(actions.plans, Plans)
    assert OnDemand[tuple[str, str, str], str](actions, actions.index).get(("nobody", "U", "D")) is None


def test_walking_over_a_set_makes_everything() -> None:
    actions, asked = counting()
    index: OnDemand[tuple[str, str, str], str] = OnDemand(actions, actions.index)
    assert len(index) == 3
    assert {key[0] for key in index} == {"read", "write", "planless"}
    assert sorted(asked) == ["planless", "read", "write"]


def test_one_action_that_cannot_be_made_ends_the_set() -> None:
    """Also what was made before it, and what no rule speaks of."""
    actions, asked = counting(lambda name: ValueError("damaged") if name == "write" else None)
    index: OnDemand[tuple[str, str, str], str] = OnDemand(actions, actions.index)
    assert actions.plans["read"] == "plan of read"
    for _ in range(2):
        with pytest.raises(StoreCorruptError, match="ValueError"):
            actions.plans["write"]
    for key in ("read", "write", "planless", "nobody"):
        with pytest.raises(StoreCorruptError):
            actions.plans[key]
        with pytest.raises(StoreCorruptError):
            index.get((key, "U", "D"))
    with pytest.raises(StoreCorruptError):
        len(index)
    assert asked == ["read", "write"]


def test_an_error_that_speaks_to_a_person_comes_through_once() -> None:
    actions, _ = counting(lambda _: AssemblyError("a stranger's read"))
    with pytest.raises(AssemblyError, match="a stranger's read"):
        actions.plans["read"]
    with pytest.raises(StoreCorruptError, match="AssemblyError"):
        actions.plans["read"]


@pytest.mark.parametrize("kind", [MemoryError, RecursionError])
def test_what_is_of_the_moment_is_tried_again(kind: type[Exception]) -> None:
    times = iter([kind(), None])
    actions, asked = counting(lambda _: next(times))
    with pytest.raises(kind):
        actions.plans["read"]
    assert actions.plans["read"] == "plan of read"
    assert asked == ["read", "read"]


def test_who_asks_meanwhile_waits_for_the_same() -> None:
    begun, may_end = threading.Event(), threading.Event()
    asked: list[str] = []

    def make(action: str) -> MadeAction:
        asked.append(action)
        begun.set()
        assert may_end.wait(10)
        return "plan", {(action, "U", "D"): "rules"}, {}

    actions = Actions(["read"], make)
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(actions.plans["read"])) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert (asked, found) == (["read"], ["plan"] * 4)


def test_the_collector_walks_once_after_all_actions_and_not_after_each() -> None:
    """Each action leaves many objects that live on: a collector that ran after each of them would walk all of them for nothing."""
    begun: list[str] = []
    kept: list[list[list[int]]] = []

    def make(action: str) -> MadeAction:
        with collector_paused():  # as the compiler does for one action
            kept.append([[at] for at in range(2_000)])
        return None, {(action, "U", "D"): action}, {}

    actions = Actions([f"a{n}" for n in range(30)], make)
    watch: Callable[[str, object], None] = lambda phase, _: begun.append(f"{phase} after {len(kept)}")  # noqa: E731
    index: OnDemand[tuple[str, str, str], str] = OnDemand(actions, actions.index)
    gc.collect()
    gc.callbacks.append(watch)
    try:
        assert len(index) == 30
    finally:
        gc.callbacks.remove(watch)
    assert [when for when in begun if when.startswith("start") and when != "start after 30"] == []
    assert gc.isenabled()
