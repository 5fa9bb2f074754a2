"""What `commit(unit)` takes: everything that one flow step reads, decides and writes, in one transaction.

The store opens a write transaction, locks and reads the scope's head row, reads the rows that the unit names (in later statements),
hands all of it to the unit's `decide`, and writes what that returns. `decide` is the core's and pure; a store knows bytes and ids
only. If `decide` raises, or a write does not find its row at the version it replaces, nothing of the unit remains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from intended_core.ids import Scope

__all__ = ["Changes", "Committed", "Head", "RecordRow", "Row", "RowKey", "RowKind", "Unit", "UnitView", "Write"]

RowKind = str  # one of ports.ROW_KINDS; each kind is a table of its own


@dataclass(frozen=True, slots=True)
class RowKey:
    """Names a row within a scope."""

    kind: RowKind
    key: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row that decides. `mac` authenticates scope, kind, key, version, state and body; the store never checks it.

    `version` counts from 1. `state` is repeated outside `body` so that a store can index it and hold "at most one ACTIVE".
    """

    kind: RowKind
    key: str
    version: int
    state: str
    body: bytes
    mac: bytes


@dataclass(frozen=True, slots=True)
class Write:
    """Insert `row` (`replaces` 0) or replace the row of the same kind and key that stands at version `replaces`."""

    row: Row
    replaces: int


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record of the log, as bytes. `thread` is a secondary index over the life of one token; it decides nothing alone.

    `fields`: what the body only commits to, with its salts; compared with the body whenever it is read.
    """

    seq: int
    entry: bytes
    body: bytes
    leaf: bytes
    thread: str
    fields: bytes = b""


@dataclass(frozen=True, slots=True)
class Head:
    """The scope's head row: locked first in every unit.

    `version` counts units. `state` is the core's canonical JSON (log size, frontier, last leaf, clock floor, guard and entity
    versions); `mac` authenticates it.
    """

    version: int
    state: bytes
    mac: bytes


@dataclass(frozen=True, slots=True)
class UnitView:
    """What a store found under the lock: the head (None for a scope that does not exist yet), the named rows, the named threads.

    `time_us`: the store's own clock in microseconds, of a database on another machine; None where the store has no clock of its own.
    """

    head: Head | None
    rows: Mapping[RowKey, Row]
    threads: Mapping[str, tuple[RecordRow, ...]] = field(default_factory=dict)
    time_us: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a unit writes: rows, records (gapless, ascending) and the next head. `answer` goes back to the flow untouched.

    `erased`: stretches [start, stop) of records that are there already, whose bodies and fields are emptied. `thinned`: records that are
    there already: seq, their fields as they are now, and what is left of them, which is shorter. Nothing else of a record ever changes.
    """

    head: Head
    writes: tuple[Write, ...] = ()
    records: tuple[RecordRow, ...] = ()
    answer: object = None
    erased: tuple[tuple[int, int], ...] = ()
    thinned: tuple[tuple[int, bytes, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """One step: what to read under the lock, and the pure function that decides what to write.

    `decide` may run more than once (a store may retry a transaction that it rolled back); it raises UnitRefusedError to refuse.
    `first`: it stops something, and goes before all that waits.
    """

    scope: Scope
    decide: Callable[[UnitView], Changes]
    reads: tuple[RowKey, ...] = ()
    threads: tuple[str, ...] = ()
    first: bool = False


@dataclass(frozen=True, slots=True)
class Committed:
    """A unit that is durable: the head as now stored and the unit's answer."""

    head: Head
    answer: object
