"""The worker threads of one event loop: they take calls in the order in which these came, and wake the loop once for what has ended.

What a call costs beside its work is one event of the loop and, where threads are waiting, one wake-up; a thread that is busy takes the next
call when it comes to its end, and calls that end together are told to the loop together. On asyncio and trio alike.

    crew = Crew(16)                          # on the loop
    answer = await crew.hop(work, seconds=8.0)      # work(stop) in one thread
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, Final, Generic, TypeVar

from anyio import CancelScope, Event, get_cancelled_exc_class, move_on_after
from anyio.lowlevel import checkpoint_if_cancelled, current_token

from intended_core.errors import StoreBusyError
from intended_core.flows.runtime import Stop

__all__ = ["IDLE_SECONDS", "Crew"]

T = TypeVar("T")
IDLE_SECONDS: Final = 10.0  # a thread without work ends after so long
GIVEN_UP: Final = "the caller did not wait any longer: nothing was begun"


class _Call(Generic[T]):
    """One piece of work on its way. `ended` is set on the loop; `begun` says that it is or was in a thread."""

    __slots__ = ("answer", "begun", "context", "ended", "error", "stop", "work")

    def __init__(self, work: Callable[[Stop], T]) -> None:
        self.work: Final = work
        self.stop: Final = Stop()
        self.context: Final[Context] = copy_context()
        self.ended: Final = Event()
        self.begun = False
        self.answer: T | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        # First this, then the look: whoever asks it to stop looks the other way round, so that one of the two sees the other.
        self.begun = True
        if self.stop.asked:
            self.error = StoreBusyError(GIVEN_UP)
            return
        try:
            self.answer = self.context.run(self.work, self.stop)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self.error = error


class _Place:
    """A thread's place for its next call: whoever has one puts it here, and releases `ready` if the thread waits."""

    __slots__ = ("call", "ready")

    def __init__(self) -> None:
        self.ready: Final = threading.Lock()
        self.ready.acquire()
        self.call: _Call[Any] | None = None


class Crew:
    """At most `size` threads of the running event loop. Calls are handed in on the loop only."""

    __slots__ = ("_done", "_idle", "_lock", "_loop", "_size", "_threads", "_told", "_waiting")

    def __init__(self, size: int) -> None:
        self._size: Final = size
        token: Any = current_token()
        # Weakly: what a loop's own variables hold must not keep the loop. Before anyio 4.11 the token is the loop's own.
        self._loop: Final[weakref.ref[Any]] = weakref.ref(getattr(token, "native_token", token), self._end)
        self._lock: Final = threading.Lock()
        self._idle: list[_Place] = []
        self._threads = 0
        self._waiting: deque[_Call[Any]] = deque()
        self._done: deque[_Call[Any]] = deque()
        self._told = False

    def __repr__(self) -> str:
        return f"Crew({self._size})"

    async def hop(self, work: Callable[[Stop], T], *, seconds: float) -> T:
        """Run `work` in one thread. Raises what it raises, and StoreBusyError when it has not come back after `seconds`.

        Whoever is cancelled while waiting for a thread has begun nothing. Later, the work is asked to stop before its next effect, and the
        cancellation goes on when it has come to rest.
        """
        await checkpoint_if_cancelled()
        call = _Call(work)
        self._hand_in(call)
        with move_on_after(seconds) as deadline:
            try:
                await call.ended.wait()
            except get_cancelled_exc_class():
                call.stop.asked = True
                if call.begun and not deadline.cancel_called:
                    with CancelScope(shield=True):
                        await call.ended.wait()
                raise
        if not call.ended.is_set():
            raise StoreBusyError("the call has not come back within its deadline: its outcome is not known")
        if call.error is not None:
            error, call.error = call.error, None
            try:
                raise error
            finally:
                del error  # the error's traceback holds this frame and the call
        answer: T = call.answer  # type: ignore[assignment]
        return answer

    def _hand_in(self, call: _Call[Any]) -> None:
        with self._lock:
            fresh = not self._idle
            if fresh:
                if self._threads == self._size:
                    self._waiting.append(call)
                    return
                self._threads += 1
                taker = _Place()
            else:
                taker = self._idle.pop()
            taker.call = call
        if fresh:
            # A daemon: what is still running when the program ends is what a crash at that point would have left.
            try:
                threading.Thread(target=self._serve, args=(taker,), name="intended worker", daemon=True).start()
            except RuntimeError as error:
                with self._lock:
                    self._threads -= 1
                raise StoreBusyError("no thread can be started: nothing was begun") from error
        else:
            taker.ready.release()

    def _serve(self, own: _Place) -> None:
        call, own.call = own.call, None
        while call is not None:
            call.run()
            self._done.append(call)
            call = None  # while it waits, a thread keeps nothing of anybody's
            if not self._told:
                self._told = True
                self._wake()
            call = self._next(own)

    def _wake(self) -> None:
        loop = self._loop()
        soon = getattr(loop, "run_sync_soon", None) or getattr(loop, "call_soon_threadsafe", None)  # trio's token, asyncio's loop
        if soon is not None:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                soon(self._tell)

    def _next(self, own: _Place) -> _Call[Any] | None:
        """The call that waits longest, or the next that comes; None after IDLE_SECONDS without one, and the thread is no longer counted."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._idle.append(own)
        if not own.ready.acquire(timeout=IDLE_SECONDS):
            with self._lock:
                if own in self._idle:
                    self._idle.remove(own)
                    self._threads -= 1
                    return None
            own.ready.acquire()  # work came at the last moment
        call, own.call = own.call, None
        return call

    def _end(self, _loop: object) -> None:
        """The loop is gone, and so is everybody who could hand in a call: no thread waits any longer.

        The collector calls this anywhere, in the midst of `_next` as well: it takes no lock.
        """
        with suppress(IndexError):
            while True:
                self._idle.pop().ready.release()

    def _tell(self) -> None:
        """On the loop: everybody whose call has ended goes on."""
        self._told = False  # first this: who ends from now on tells anew
        done = self._done
        while done:
            done.popleft().ended.set()
