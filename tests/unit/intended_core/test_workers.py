"""The worker threads of a loop: bounded, in order, told together, gone when they are idle, and nothing kept of anybody."""

from __future__ import annotations

import contextvars
import gc
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from intended_core import workers
from intended_core.errors import StoreBusyError
from intended_core.workers import IDLE_SECONDS, Crew

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(backend: str, work: Callable[[], Awaitable[Any]]) -> Any:
    return anyio.run(work, backend=backend)


async def _until(true: Callable[[], bool]) -> None:
    for _ in range(30_000):
        if true():
            return
        await anyio.to_thread.run_sync(threading.Event().wait, 0.001)
    raise AssertionError("this never came to be")


def test_answers_errors_and_context_come_back_from_a_thread(backend: str) -> None:
    async def main() -> None:
        crew = Crew(2)
        NAME.set("ann")
        here = threading.get_ident()
        assert await crew.hop(lambda stop: (NAME.get(), threading.get_ident() != here, stop.asked), seconds=30) == ("ann", True, False)
        with pytest.raises(KeyError, match="lost"):
            await crew.hop(lambda stop: {}["lost"], seconds=30)
        assert await crew.hop(lambda stop: NAME.set("bob") and None, seconds=30) is None
        assert NAME.get() == "ann"
        assert repr(crew) == "Crew(2)"

    run(backend, main)


def test_no_more_threads_than_its_size_and_calls_in_their_order(backend: str) -> None:
    begun: list[int] = []
    idents: set[int] = set()
    at_once = [0, 0]
    lock = threading.Lock()

    def work(number: int) -> int:
        with lock:
            begun.append(number)
            idents.add(threading.get_ident())
            at_once[0] += 1
            at_once[1] = max(at_once)
        threading.Event().wait(0.001)
        with lock:
            at_once[0] -= 1
        return number

    async def several(crew: Crew, size: int) -> None:
        begun.clear()
        idents.clear()
        at_once[1] = 0
        answers: list[int] = []

        async def one(number: int) -> None:
            answers.append(await crew.hop(lambda stop: work(number), seconds=30))

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(one, number)
                if size == 1:  # each has taken its place before the next comes
                    await _until(lambda: len(crew._waiting) + len(begun) > number)  # noqa: B023 - it is asked at once
        assert sorted(answers) == list(range(20))
        assert at_once[1] <= size
        assert 1 <= len(idents) <= size
        if size == 1:
            assert begun == list(range(20))

    async def main() -> None:
        await several(Crew(1), 1)
        await several(Crew(3), 3)

    run(backend, main)


def test_calls_that_end_together_wake_the_loop_once(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[int] = []
    honest = Crew._wake

    def counted(self: Crew) -> None:
        woken.append(len(self._done))
        honest(self)

    monkeypatch.setattr(Crew, "_wake", counted)
    begun: list[int] = []
    leave = threading.Event()

    def work(stop: Any) -> bool:
        begun.append(1)
        return leave.wait(30)

    async def main() -> None:
        crew = Crew(4)
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(lambda: crew.hop(work, seconds=60))
            await _until(lambda: len(begun) == 4)
            leave.set()
            # The loop stands still until all four have ended: whoever comes after the first sees that it was told.
            for _ in range(30_000):
                if len(crew._done) == 4:
                    break
                threading.Event().wait(0.001)

    run(backend, main)
    assert len(woken) == 1


def test_who_is_cancelled_while_waiting_for_a_thread_has_begun_nothing(backend: str) -> None:
    leave = threading.Event()
    begun: list[str] = []

    async def main() -> None:
        crew = Crew(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: crew.hop(lambda stop: begun.append("first") or leave.wait(30), seconds=30))
            await _until(lambda: bool(begun))
            with anyio.move_on_after(0.01) as late:
                await crew.hop(lambda stop: begun.append("second"), seconds=30)
            assert late.cancelled_caught
            leave.set()
        assert await crew.hop(lambda stop: "third", seconds=30) == "third"

    run(backend, main)
    assert begun == ["first"]


def test_who_is_cancelled_later_goes_on_when_the_work_has_come_to_rest(backend: str) -> None:
    inside, leave, rest = threading.Event(), threading.Event(), threading.Event()

    def work(stop: Any) -> None:
        inside.set()
        leave.wait(30)
        assert stop.asked
        rest.set()

    async def main() -> None:
        crew = Crew(1)

        async def caller() -> None:
            try:
                await crew.hop(work, seconds=30)
            finally:
                assert rest.is_set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(caller)
            await anyio.to_thread.run_sync(inside.wait, 30)
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(leave.set)

    run(backend, main)
    assert rest.is_set()


def test_what_does_not_come_back_is_given_up_and_asked_to_stop(backend: str) -> None:
    leave = threading.Event()
    stops: list[Any] = []

    async def main() -> None:
        crew = Crew(1)
        with pytest.raises(StoreBusyError, match="not known"):
            await crew.hop(lambda stop: stops.append(stop) or leave.wait(30), seconds=0.02)
        assert stops[0].asked
        leave.set()
        assert await crew.hop(lambda stop: "next", seconds=30) == "next"

    run(backend, main)


def test_a_thread_without_work_ends_and_another_begins_when_it_is_needed(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.001)

    async def main() -> None:
        crew = Crew(2)
        for _ in range(3):
            assert await crew.hop(lambda stop: 1, seconds=30) == 1
            await _until(lambda: crew._threads == 0)
            assert crew._idle == []

    run(backend, main)


def test_work_that_comes_when_a_thread_gives_up_is_done(backend: str) -> None:
    async def main() -> None:
        crew, idle = Crew(1), workers._Place()
        call: Any = workers._Call(lambda stop: "late")

        class Late:
            """A wait that runs out just when work has come."""

            def acquire(self, timeout: float | None = None) -> bool:
                if timeout is not None:
                    crew._idle.remove(idle)
                    idle.call = call
                return timeout is None

        object.__setattr__(idle, "ready", Late())
        assert crew._next(idle) is call
        assert idle.call is None

    run(backend, main)


def test_a_loop_that_has_ended_is_not_kept_and_its_threads_end(backend: str) -> None:
    async def main() -> tuple[Crew, threading.Thread, weakref.ref[Any]]:
        crew = Crew(1)
        thread = await crew.hop(lambda stop: threading.current_thread(), seconds=30)
        await _until(lambda: bool(crew._idle))
        token: Any = anyio.lowlevel.current_token()
        return crew, thread, weakref.ref(token.native_token)

    crew, thread, loop = run(backend, main)
    gc.collect()
    assert loop() is None
    thread.join(IDLE_SECONDS / 2)
    assert not thread.is_alive()
    assert crew._idle == []
    crew._wake()  # and nobody is told


def test_where_no_thread_can_be_started_nothing_has_begun(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        crew = Crew(1)
        with monkeypatch.context() as patched, pytest.raises(StoreBusyError, match="nothing was begun"):
            patched.setattr(threading.Thread, "start", start)
            await crew.hop(lambda stop: 1, seconds=30)
        assert await crew.hop(lambda stop: 2, seconds=30) == 2

    run(backend, main)


def test_an_error_that_was_raised_is_not_kept(backend: str) -> None:
    class Told(Exception):
        pass

    async def main() -> Any:
        def work(stop: Any) -> None:
            raise Told

        try:
            await Crew(1).hop(work, seconds=30)
        except Told as error:
            return weakref.ref(error)

    gc.disable()
    try:
        assert run(backend, main)() is None
    finally:
        gc.enable()
