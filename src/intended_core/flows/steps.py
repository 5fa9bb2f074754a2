"""What every unit does first and last: open the authenticated head under the lock, and close it over the new records."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final, Literal

from intended_core.audit.log import Draft, LogHead, append
from intended_core.canonical import Labelled
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, ReadHead
from intended_core.ids import Scope
from intended_core.lang.data import NO_DATA, DataSnapshot
from intended_core.lang.surroundings import Surroundings
from intended_core.quick import maker
from intended_core.unit import Changes, Head, RecordRow, Row, RowKey, UnitView, Write

__all__ = [
    "NOW",
    "append_at",
    "authentic",
    "close_unit",
    "commit",
    "load_state",
    "look_again_if_stale",
    "next_head",
    "open_head",
    "placed",
    "surroundings_of",
    "thread_commitment",
]

GUARDS_MOVED = "guards_moved"
ENTITIES_MOVED = "entities_moved"
CLOCK_BACK = "clock_back"
ROLLED_BACK = "rolled_back"
TENANT_CLOSED = "tenant_closed"


def open_head(
    context: Context, view: UnitView, *, now_us: int, guards: int | None = None, entities: int | None = None,
    even_rolled_back: bool = False, any_clock: bool = False, even_closed: bool = False,
) -> LogHead:  # fmt: skip
    """The head under the lock, its MAC and clock floor checked, and the versions that the flow reasoned about still in force.

    `even_rolled_back`: for units that only record or narrow, which go on where nothing is granted any more. `any_clock`: for units that
    only narrow: a stop waits for no clock. `even_closed`: for units that add no record and change nothing that decides.
    Raises UnitRefusedError (`scope_missing`, `tenant_closed`, `rolled_back`, `clock_back`, `guards_moved`,
    `entities_moved`) or StoreCorruptError.
    """
    if view.head is None:
        raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
    head = context.heads.read(context.mac, context.scope, view.head)
    if head.closed and not even_closed:
        raise UnitRefusedError(TENANT_CLOSED, "this tenant environment is closed: its log has ended")
    leeway_us = context.settings.leeway_seconds * 1_000_000
    if view.time_us is not None and abs(now_us - view.time_us) > leeway_us and not any_clock:
        raise UnitRefusedError(CLOCK_BACK, "the clock and the store's clock are further apart than the leeway")
    if now_us + leeway_us < head.time_us and not any_clock:
        raise UnitRefusedError(CLOCK_BACK, "the clock stands before the newest record")
    if guards is not None and head.guards != guards:
        raise UnitRefusedError(GUARDS_MOVED, "policy, keys or persons changed meanwhile")
    if not even_rolled_back and (head.rolled_back or not context.heads.stands(view.head, head.generation)):
        raise UnitRefusedError(ROLLED_BACK, "the store was rolled back; two persons recover it (`intended recover`)")
    if entities is not None and head.entities != entities:
        raise UnitRefusedError(ENTITIES_MOVED, "entities changed meanwhile")
    return head


def look_again_if_stale(context: Context, *, guards: int, entities: int | None = None) -> Flow[None]:
    """Before a refusal that rests on what this process remembers: one look at the head.

    Raises UnitRefusedError `guards_moved` or `entities_moved` when the store has moved on, so that the flow starts over with fresh state.
    """
    stored: Head | None = yield ReadHead(context.scope)
    if stored is None:
        raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
    head = context.heads.read(context.mac, context.scope, stored)
    if head.guards != guards:
        raise UnitRefusedError(GUARDS_MOVED, "policy, keys or persons changed meanwhile")
    if entities is not None and head.entities != entities:
        raise UnitRefusedError(ENTITIES_MOVED, "entities changed meanwhile")


def next_head(context: Context, previous: Head | None, log: LogHead) -> Head:
    """The head row that follows `previous`."""
    version = 1 if previous is None else previous.version + 1
    return context.heads.write(context.mac, context.scope, version, log)


def close_unit(
    context: Context,
    view: UnitView,
    head: LogHead,
    drafts: tuple[Draft, ...],
    *,
    now_us: int,
    writes: tuple[Write, ...] = (),
    bump_guards: bool = False,
    bump_entities: bool = False,
    answer: object = None,
) -> Changes:
    """Append the drafts and close the unit. A change of what decides bumps its version, so that every reader notices."""
    log, records = append_at(context, head, drafts, now_us=now_us)
    if bump_guards or bump_entities:
        log = replace(log, guards=log.guards + int(bump_guards), entities=log.entities + int(bump_entities))
    return _changes(next_head(context, view.head, log), writes, records, answer)


def placed(changes: Changes) -> Changes:
    """The same changes, which answer where their first record stands: its sequence number and its leaf hash (32 bytes)."""
    first = changes.records[0]
    return _changes(changes.head, changes.writes, changes.records, (first.seq, first.leaf))


def append_at(
    context: Context, head: LogHead, drafts: tuple[Draft, ...], *, now_us: int
) -> tuple[LogHead, tuple[RecordRow, ...]]:
    """Append with a time that never runs backwards within the leeway that `open_head` granted."""
    return append(head, context.scope, drafts, now_us=max(now_us, head.time_us), writer=context.writer)


def authentic(context: Context, view: UnitView, key: RowKey, *, once: bool = False) -> Row | None:
    """The row under the lock with its MAC checked, or None; raises StoreCorruptError when the MAC fails or it is another row.

    `once`: it will hardly be read again as it stands, and is not remembered.
    """
    row = view.rows.get(key)
    if row is None:
        return None
    row = (context.mac.check_once if once else context.mac.check)(context.scope, row).row
    if row.kind != key.kind or row.key != key.key:
        raise StoreCorruptError(f"the store answered another {key.kind} row than the one that was asked for")
    return row


def surroundings_of(scope: Scope, data: DataSnapshot = NO_DATA) -> Surroundings:
    """What every decision in this scope may read beside the intent and its entities; `data`: the state's params and tables."""
    return _without_data(scope) if data is NO_DATA else Surroundings(tenant=scope.tenant, data=data.cells)


@lru_cache(maxsize=1024)
def _without_data(scope: Scope) -> Surroundings:
    return Surroundings(tenant=scope.tenant)


def thread_commitment(kind: Literal["token", "approval"], identifier: str) -> bytes:
    """Names the life of one token or approval in the log without saying its identifier (32 bytes)."""
    return _THREADS[kind].digest(identifier.encode("ascii"))


_THREADS: Final = {kind: Labelled(f"intended.thread/{kind}") for kind in ("token", "approval")}
NOW: Final = Now()
load_state: Final = maker(LoadState)
commit: Final = maker(Commit)
_changes: Final = maker(Changes)
