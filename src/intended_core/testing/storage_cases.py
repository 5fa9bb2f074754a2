"""What the storage cases are made of: the harness that a store brings, small units, and expectations that say what was broken."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

from intended_core.errors import StoreConflictError, StoreError, UnitRefusedError
from intended_core.ids import Scope
from intended_core.ports import Storage
from intended_core.unit import Changes, Head, RecordRow, Row, RowKey, Unit, UnitView, Write

__all__ = [
    "ACME",
    "ACME_TEST",
    "RIVAL",
    "StorageHarness",
    "advance",
    "changing",
    "check_log",
    "consume",
    "expect",
    "expect_error",
    "fail",
    "in_processes",
    "issue",
    "kill_inside_decide",
    "log_of",
    "next_head",
    "record_at",
    "row",
    "win_nonces",
]

ACME = Scope("acme", "0123456789abcdef0123456789abcdef", "live")
ACME_TEST = Scope("acme", "0123456789abcdef0123456789abcdef", "test")
RIVAL = Scope("rival", "fedcba9876543210fedcba9876543210", "live")
PROCESS_SECONDS = 120  # a child that takes longer hangs


class StorageHarness(Protocol):
    """What a store brings to the kit. Picklable when `processes` is true.

    `processes`: another process can open the same data. `durable`: the data outlives its process.
    """

    @property
    def processes(self) -> bool: ...

    @property
    def durable(self) -> bool: ...

    def create(self) -> Storage:
        """A new, empty store; called once."""

    def reopen(self) -> Storage:
        """Another handle on the same data."""


def fail(what: str) -> NoReturn:
    """The case does not hold."""
    raise AssertionError(what)


def expect(actual: object, expected: object, what: str) -> None:
    """Compare, and say what was promised."""
    if actual != expected:
        fail(f"{what}: expected {expected!r}, got {actual!r}")


def expect_error(kind: type[BaseException], call: Callable[[], object], what: str) -> BaseException:
    """`call` raises exactly this kind (or one below it)."""
    try:
        call()
    except kind as error:
        return error
    except Exception as error:  # noqa: BLE001 - the case reports whatever came instead
        fail(f"{what}: expected {kind.__name__}, got {type(error).__name__}: {error}")
    fail(f"{what}: expected {kind.__name__}, nothing was raised")


def row(kind: str, key: str, version: int = 1, state: str = "ACTIVE", body: bytes = b"{}") -> Row:
    """A row; the tag is a stand-in, stores never check it."""
    return Row(kind, key, version, state, body, b"mac of " + key.encode("utf-8"))


def record_at(seq: int, thread: str = "") -> RecordRow:
    """A record whose bytes say where it stands."""
    name = str(seq).encode("ascii")
    return RecordRow(seq, b"entry " + name, b"body " + name, b"leaf " + name, thread)


def next_head(view: UnitView) -> Head:
    """The head that follows; its state counts the records of these cases, one per unit."""
    version = 1 if view.head is None else view.head.version + 1
    return Head(version, str(version).encode("ascii"), b"head mac")


def advance(scope: Scope, *writes: Write, thread: str = "", answer: object = None, reads: tuple[RowKey, ...] = ()) -> Unit:
    """A unit of one record and these writes."""

    def decide(view: UnitView) -> Changes:
        head = next_head(view)
        return Changes(head=head, writes=writes, records=(record_at(head.version - 1, thread),), answer=answer)

    return Unit(scope, decide, reads=reads)


def changing(scope: Scope, **changes: Any) -> Unit:
    """A unit that changes this (`Changes`) and moves the head."""
    return Unit(scope, lambda view: Changes(head=next_head(view), **changes))


def issue(scope: Scope, *names: str) -> Unit:
    """A unit that inserts ISSUED nonces."""
    return advance(scope, *(Write(row("nonce", name, state="ISSUED"), 0) for name in names))


def consume(scope: Scope, name: str, attempt: bytes, *, before: Callable[[], None] | None = None) -> Unit:
    """A unit that spends a nonce, or refuses when it is spent. `before` runs inside decide, under the lock."""

    def decide(view: UnitView) -> Changes:
        if before is not None:
            before()
        stored = view.rows.get(RowKey("nonce", name))
        if stored is None or stored.state != "ISSUED":
            raise UnitRefusedError("spent")
        head = next_head(view)
        write = Write(row("nonce", name, stored.version + 1, "CONSUMED", attempt), stored.version)
        return Changes(head=head, writes=(write,), records=(record_at(head.version - 1, name),), answer=attempt)

    return Unit(scope, decide, reads=(RowKey("nonce", name),))


def log_of(storage: Storage, scope: Scope) -> list[RecordRow]:
    """Every record."""
    return list(storage.records(scope))


def check_log(storage: Storage, scope: Scope, size: int, what: str) -> None:
    """Head, records and leaves all tell of `size` units."""
    head = storage.head(scope)
    expect(0 if head is None else head.version, size, f"{what}: the head's version")
    expect([record.seq for record in storage.records(scope)], list(range(size)), f"{what}: the records")
    expect(len(storage.leaves(scope, 0, size + 1)), size, f"{what}: the leaves")


def in_processes(target: Callable[..., None], arguments: Sequence[tuple[Any, ...]]) -> tuple[list[Any], list[int | None]]:
    """Run `target(send, *arguments)` in fresh processes at once; what each sent (None if nothing), and how each ended."""
    context = multiprocessing.get_context("spawn")
    pipes = [context.Pipe(duplex=False) for _ in arguments]
    children = [
        context.Process(target=target, args=(sending, *given))
        for (_, sending), given in zip(pipes, arguments, strict=True)
    ]
    for child in children:
        child.start()
    for _, sending in pipes:
        sending.close()
    answers: list[Any] = []
    for receiving, _ in pipes:
        try:
            answers.append(receiving.recv() if receiving.poll(PROCESS_SECONDS) else None)
        except EOFError:
            answers.append(None)
    for child in children:
        child.join(PROCESS_SECONDS)
        if child.is_alive():
            child.kill()
    return answers, [child.exitcode for child in children]


def win_nonces(sending: Any, harness: StorageHarness, names: Sequence[str], attempt: bytes) -> None:
    """In a child: try to spend each nonce; send those that were won."""
    storage = harness.reopen()
    won = []
    for name in names:
        try:
            storage.commit(consume(ACME, name, attempt))
        except UnitRefusedError:
            continue
        except StoreError as error:
            if isinstance(error, StoreConflictError):
                continue
            raise
        won.append(name)
    storage.close()
    sending.send(won)


def kill_inside_decide(sending: Any, harness: StorageHarness, name: str) -> None:
    """In a child: spend one nonce, say so, then be killed while the next unit decides."""
    storage = harness.reopen()
    storage.commit(consume(ACME, "kept", b"child"))
    sending.send("committed")

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    storage.commit(consume(ACME, name, b"child", before=die))
