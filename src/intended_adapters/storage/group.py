"""Group commit: whoever commits while another's commit is being made durable joins the next one.

One thread at a time leads: it runs its own unit and those that wait, each alone in what it does, and makes all of them durable with one
COMMIT. A caller alone is a leader with an empty queue and pays two uncontended locks. Nobody waits for company: what gathers is what
arrives while the disk is busy, and `turns` says whose unit is taken first. Of a unit that refuses or fails nothing is written, and its
caller alone hears of it; if the transaction itself cannot be committed, every caller of the batch hears that, and nothing of any is
written. No answer leaves before the COMMIT has returned.

    group = GroupCommit(timeout_seconds=5.0)
    committed = group.submit(unit, run)      # run(jobs): one transaction, an answer or an error in each job it took
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from intended_adapters.storage import forks
from intended_adapters.storage.turns import in_turn
from intended_core.errors import StoreBusyError, StoreError
from intended_core.unit import Committed, Unit

__all__ = ["BATCH_SECONDS", "MAX_BATCH", "GroupCommit", "Job", "Run"]

MAX_BATCH: Final = 256  # units in one transaction
BATCH_SECONDS: Final = 0.002  # no further unit joins a transaction that is as old: other processes wait for it too
_WAITING, _TAKEN, _LEADS, _DONE = range(4)


class Job:
    """One unit on its way: what runs it leaves `committed` or `error` in it."""

    __slots__ = ("committed", "error", "ready", "state", "unit")

    def __init__(self, unit: Unit) -> None:
        self.unit: Final = unit
        self.committed: Committed | None = None
        self.error: BaseException | None = None
        self.state = _WAITING
        self.ready: threading.Lock | None = None  # held until another thread has news of this job

    def answer(self) -> Committed:
        """The answer; raises what the unit or its transaction ended with."""
        if self.error is not None:
            raise self.error
        if self.committed is None:
            raise StoreError("the transaction was broken off: whether the unit is written is not known")
        return self.committed

    def tell(self, state: int) -> None:
        """Wake whoever waits for this job."""
        self.state = state
        if self.ready is not None:
            self.ready.release()


Run: TypeAlias = Callable[[Sequence[Job]], int]


class GroupCommit:
    """The queue of one store in one process. Safe to share between threads, and across `fork`."""

    __slots__ = ("__weakref__", "_leading", "_mutex", "_queue", "_timeout")

    def __init__(self, *, timeout_seconds: float) -> None:
        """`timeout_seconds`: how long a unit waits for its turn."""
        self._timeout: Final = timeout_seconds
        self._mutex = threading.Lock()
        self._queue: deque[Job] = deque()
        self._leading = False
        forks.watch(self)

    def submit(self, unit: Unit, run: Run) -> Committed:
        """Have `unit` committed, alone or in company. Raises what it ended with; StoreBusyError when its turn never came.

        `run` puts a batch through one transaction and answers how many of its jobs it took, the first always; it raises nothing.
        """
        job = Job(unit)
        with self._mutex:
            if self._leading:
                job.ready = threading.Lock()
                job.ready.acquire()
                self._queue.append(job)
            else:
                self._leading = True  # and nobody waits
        if job.ready is None:
            try:
                run((job,))
            finally:
                with self._mutex:
                    if self._queue:
                        self._pass_on()
                    else:
                        self._leading = False
            if job.error is None and job.committed is not None:
                return job.committed
        elif self._leads(job, job.ready):
            self._lead(job, run)
        return job.answer()

    def _leads(self, job: Job, ready: threading.Lock) -> bool:
        """Wait until the job is done or leads; whether it leads."""
        try:
            if not ready.acquire(timeout=self._timeout):
                with self._mutex:
                    if job.state == _WAITING:
                        raise StoreBusyError(
                            f"another thread holds the store for longer than {self._timeout} s: nothing was written"
                        )
                ready.acquire()  # it is part of a transaction, or leads: the news is near, and it must be known
        except BaseException:
            # Whoever does not wait any longer neither keeps a place in the queue nor the lead.
            with self._mutex:
                if job.state == _WAITING:
                    self._queue.remove(job)
                elif job.state == _LEADS:
                    self._pass_on()
            raise
        return job.state == _LEADS

    def _lead(self, own: Job, run: Run) -> None:
        """Put `own` and whoever waits through one transaction, tell them, and let the next in line lead."""
        batch = [own]
        took = 1
        try:
            with self._mutex:
                if self._queue:
                    waiting = in_turn(self._queue)
                    batch += waiting[: MAX_BATCH - 1]
                    self._queue = deque(waiting[MAX_BATCH - 1 :])
                    for taken in batch[1:]:
                        taken.state = _TAKEN
            took = len(batch)
            took = run(batch)
        finally:
            with self._mutex:
                for job in reversed(batch[took:]):
                    job.state = _WAITING
                    self._queue.appendleft(job)
                self._pass_on()
            for job in batch[1:took]:
                job.tell(_DONE)

    def _pass_on(self) -> None:
        if self._queue:
            self._queue.popleft().tell(_LEADS)
        else:
            self._leading = False

    def before_fork(self) -> None:
        """Nothing to wait for: the pool waits for the transaction that is under way."""

    def after_fork(self, *, in_child: bool) -> None:
        """A child has none of the threads that led or waited."""
        if in_child:
            self._mutex = threading.Lock()
            self._queue = deque()
            self._leading = False
