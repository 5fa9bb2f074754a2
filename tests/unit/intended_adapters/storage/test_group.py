"""The queue of group commit, without a store: who leads, who joins, and what happens to those who give up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from intended_adapters.storage.group import MAX_BATCH, GroupCommit, Job
from intended_core.errors import StoreBusyError, StoreError, UnitRefusedError
from intended_core.testing.storage_cases import ACME, advance
from intended_core.unit import Committed, Head

DONE = Committed(Head(1, b"", b""), "done")


class Stage:
    """Runs batches; the first one only when it is let go."""

    def __init__(self, *, most: int = MAX_BATCH, timeout_seconds: float = 30.0) -> None:
        self.group = GroupCommit(timeout_seconds=timeout_seconds)
        self.most = most
        self.entered, self.leave = threading.Event(), threading.Event()
        self.batches: list[list[object]] = []
        self.units = UNITS
        self.threads: list[threading.Thread] = []
        self.answers: dict[int, object] = {}

    def run(self, jobs: Sequence[Job]) -> int:
        if not self.batches:
            self.batches.append([job.unit for job in jobs])
            self.entered.set()
            self.leave.wait(30)
        else:
            self.batches.append([job.unit for job in jobs][: self.most])
        for job in jobs[: self.most]:
            job.committed = DONE
        return min(len(jobs), self.most)

    def start(self, number: int) -> None:
        """Submit one unit in a thread of its own, and return when it leads or waits."""

        def work() -> None:
            try:
                self.answers[number] = self.group.submit(self.units[number], self.run)
            except StoreError as error:
                self.answers[number] = error

        thread = threading.Thread(target=work)
        self.threads.append(thread)
        before = len(self.group._queue)
        thread.start()
        if number == 0:
            self.entered.wait(30)
        else:
            _until(lambda: len(self.group._queue) > before or number in self.answers)

    def finish(self) -> None:
        self.leave.set()
        for thread in self.threads:
            thread.join(30)


def _until(true: Callable[[], bool]) -> None:
    turn = threading.Event()
    for _ in range(30_000):
        if true():
            return
        turn.wait(0.001)
    raise AssertionError("this never came to be")


UNITS = [advance(ACME) for _ in range(8)]


def test_one_alone_runs_at_once_and_alone() -> None:
    stage = Stage()
    stage.leave.set()
    assert stage.group.submit(UNITS[0], stage.run) is DONE
    assert stage.group.submit(UNITS[1], stage.run) is DONE
    assert stage.batches == [[UNITS[0]], [UNITS[1]]]


def test_who_comes_meanwhile_joins_the_next_batch_in_order() -> None:
    stage = Stage()
    for number in range(5):
        stage.start(number)
    stage.finish()
    assert stage.batches == [[UNITS[0]], UNITS[1:5]]
    assert stage.answers == dict.fromkeys(range(5), DONE)


def test_who_was_not_taken_keeps_the_place() -> None:
    stage = Stage(most=2)
    for number in range(6):
        stage.start(number)
    stage.finish()
    assert stage.batches == [[UNITS[0]], UNITS[1:3], UNITS[3:5], [UNITS[5]]]
    assert stage.answers == dict.fromkeys(range(6), DONE)


def test_a_batch_has_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intended_adapters.storage.group.MAX_BATCH", 3)
    stage = Stage()
    for number in range(6):
        stage.start(number)
    stage.finish()
    assert stage.batches == [[UNITS[0]], UNITS[1:4], UNITS[4:6]]


def test_an_error_of_one_job_is_its_callers_alone() -> None:
    group = GroupCommit(timeout_seconds=1.0)
    refused = UnitRefusedError("spent")

    def run(jobs: Sequence[Job]) -> int:
        jobs[0].error = refused
        return 1

    with pytest.raises(UnitRefusedError) as raised:
        group.submit(UNITS[0], run)
    assert raised.value is refused
    stage = Stage()
    stage.leave.set()
    assert group.submit(UNITS[0], stage.run) is DONE


def test_without_an_answer_the_outcome_is_unknown() -> None:
    with pytest.raises(StoreError, match="not known"):
        GroupCommit(timeout_seconds=1.0).submit(UNITS[0], lambda jobs: 1)


def test_whose_turn_never_comes_is_told_so_and_is_not_run_later() -> None:
    stage = Stage(timeout_seconds=0.05)
    stage.start(0)
    stage.start(1)
    _until(lambda: 1 in stage.answers)
    assert isinstance(stage.answers[1], StoreBusyError)
    stage.finish()
    assert stage.batches == [[UNITS[0]]]
    assert stage.group.submit(UNITS[2], stage.run) is DONE


class Interrupted:
    """A wait that ends with an exception, after the news came or before."""

    def __init__(self, before: Callable[[], object]) -> None:
        self.before = before

    def acquire(self, **_: Any) -> bool:
        self.before()
        raise KeyboardInterrupt

    def release(self) -> None:
        pass


@pytest.mark.parametrize("when", ["waiting", "leading"])
def test_who_is_interrupted_gives_up_the_place_and_the_lead(when: str) -> None:
    stage = Stage()
    stage.start(0)
    job = Job(UNITS[1])

    def news() -> None:
        if when == "leading":
            stage.finish()
            _until(lambda: job.state != 0)

    ready: Any = Interrupted(news)
    job.ready = ready
    stage.group._queue.append(job)
    if when == "leading":
        stage.group._queue.clear()
        stage.finish()
        job.state = 2
        stage.group._leading = True
        ready.before = lambda: None
    with pytest.raises(KeyboardInterrupt):
        stage.group._leads(job, ready)
    assert not stage.group._queue
    stage.finish()
    assert not stage.group._leading
    assert stage.group.submit(UNITS[2], stage.run) is DONE


def test_a_leader_that_breaks_off_leaves_the_lead() -> None:
    group = GroupCommit(timeout_seconds=1.0)

    def run(jobs: Sequence[Job]) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        group.submit(UNITS[0], run)
    stage = Stage()
    stage.leave.set()
    assert group.submit(UNITS[0], stage.run) is DONE


def test_a_child_does_not_wait_for_its_parents_threads() -> None:
    stage = Stage()
    stage.start(0)
    stage.start(1)
    child = GroupCommit(timeout_seconds=0.05)
    child._mutex, child._queue, child._leading = stage.group._mutex, stage.group._queue, stage.group._leading
    child.after_fork(in_child=False)
    assert child._leading
    child.after_fork(in_child=True)
    assert child.submit(UNITS[2], lambda jobs: _answered(jobs)) is DONE
    stage.finish()
    assert stage.batches == [[UNITS[0]], [UNITS[1]]]


def _answered(jobs: Sequence[Job]) -> int:
    for job in jobs:
        job.committed = DONE
    return len(jobs)


def test_a_crowd_of_one_tenant_fills_its_own_turns_only() -> None:
    """What stops something and another tenant's unit are in the next transaction, however many waited before them."""
    stage = Stage(most=3)
    crowd = UNITS[:6]
    other = advance(replace(ACME, uuid="f" * 32))
    stop = replace(advance(ACME), first=True)
    units = [*crowd, other, stop]
    stage.units = units
    for number in range(len(units)):
        stage.start(number)
    stage.finish()
    assert stage.batches[0] == [units[0]]
    assert stage.batches[1] == [units[1], stop, units[2]]  # whoever leads is in its own transaction
    assert other in stage.batches[2]
    assert sorted(id(unit) for batch in stage.batches for unit in batch) == sorted(map(id, units))
    assert set(stage.answers.values()) == {DONE}
