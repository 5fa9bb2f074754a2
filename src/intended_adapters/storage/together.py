"""Several units in one open write transaction, read together and written together.

What the units read is read under the lock first: the heads, then their rows and threads in later statements. Then each decides in its
turn, and sees what those before it have decided. Only when all have decided is anything written: one insert for the rows of a kind, one
for the records, one update a head. A unit that refuses has written nothing, and no savepoint is needed to forget it.

What is not simply one of these (a write that does not find its row, a kind with a constraint across rows, an emptied record, anything that
the database refuses) raises: the caller rolls back and runs the units one by one, each in a savepoint (`units`). `decide` may run twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final

from intended_adapters.storage.group import Job
from intended_adapters.storage.manyrows import ManyStatements, insert_many, select_many
from intended_adapters.storage.tables import Statements
from intended_adapters.storage.units import UNKNOWN_KIND
from intended_core.errors import StoreConflictError, StoreError
from intended_core.quick import maker
from intended_core.unit import Changes, Committed, Head, RecordRow, Row, RowKey, Unit, UnitView

__all__ = ["NotTogetherError", "apply_together"]

CONSTRAINED: Final = frozenset({"signing_key"})  # at most one ACTIVE: what stands between two units counts, and is not written here
NO_SCOPE: Final = "the store has no such tenant and environment: create its scope first"
_row: Final = maker(Row)
_head: Final = maker(Head)
_record: Final = maker(RecordRow)
_committed: Final = maker(Committed)
_Place = tuple[int, str, str]  # scope, kind, key


class NotTogetherError(Exception):
    """These units are not for one statement: each is to be run alone. Never leaves the store."""


class _Log:
    """One scope's head and size: as they were read, and as the units so far leave them."""

    __slots__ = ("head", "read", "size")

    def __init__(self, head: Head | None, size: int) -> None:
        self.read: Final = 0 if head is None else head.version
        self.head = head
        self.size = size


class _Picture:
    """What the database holds of what these units read, and what they made of it so far."""

    __slots__ = ("cursor", "logs", "many", "records", "rows", "sql", "threads", "written")

    def __init__(self, cursor: sqlite3.Cursor, sql: Statements, many: ManyStatements) -> None:
        self.cursor: Final = cursor
        self.sql: Final = sql
        self.many: Final = many
        self.logs: dict[int, _Log] = {}
        self.rows: dict[_Place, Row] = {}
        self.threads: dict[tuple[int, str], tuple[RecordRow, ...]] = {}
        self.written: dict[_Place, tuple[int, Row]] = {}  # the version that stands in the database, 0 for none, and the newest row
        self.records: list[tuple[Any, ...]] = []

    # Reading

    def read(self, units: Sequence[tuple[int, Unit]]) -> None:
        """Everything that these units name: the heads first, so that on a store with row locks they would be the locks."""
        scopes = list(dict.fromkeys(scope for scope, _ in units))
        for scope in scopes:
            self.logs[scope] = _Log(None, 0)
        for scope, version, state, mac, size in select_many(self.cursor, self.many.heads, (), scopes):
            self.logs[scope] = _Log(_head(version, state, mac), size)
        keys: dict[tuple[int, str], dict[str, None]] = {}
        threads: dict[int, dict[str, None]] = {}
        for scope, unit in units:
            for name in unit.reads:
                keys.setdefault((scope, name.kind), {})[name.key] = None
            if unit.threads:
                threads.setdefault(scope, {}).update(dict.fromkeys(unit.threads))
        for (scope, kind), wanted in keys.items():
            self._read_rows(scope, kind, list(wanted))
        for scope, names in threads.items():
            self._read_threads(scope, list(names))

    def _read_rows(self, scope: int, kind: str, keys: list[str]) -> None:
        if kind not in self.sql.rows:
            raise NotTogetherError(UNKNOWN_KIND)
        if len(keys) == 1:
            found = self.cursor.execute(self.sql.rows[kind].select, (scope, keys[0])).fetchone()
            if found is not None:
                self.rows[(scope, kind, keys[0])] = _row(kind, keys[0], *found)
            return
        for key, *columns in select_many(self.cursor, self.many.rows_select[kind], (scope,), keys):
            self.rows[(scope, kind, key)] = _row(kind, key, *columns)

    def _read_threads(self, scope: int, names: list[str]) -> None:
        found: dict[str, list[RecordRow]] = {name: [] for name in names}
        for thread, seq, entry, body, leaf, fields in select_many(self.cursor, self.many.threads, (scope,), names):
            found[thread].append(_record(seq, entry, body, leaf, thread, fields))
        for name, records in found.items():
            self.threads[(scope, name)] = tuple(records)

    # Deciding

    def decide(self, scope: int, unit: Unit) -> Committed:
        """Have `unit` decide over the picture, and take what it changes into it. Raises what `decide` raises, StoreConflictError."""
        log = self.logs[scope]
        rows: dict[RowKey, Row] = {}
        for name in unit.reads:
            row = self.rows.get((scope, name.kind, name.key))
            if row is not None:
                rows[name] = row
        if unit.threads:
            view = UnitView(log.head, rows, {name: self.threads[(scope, name)] for name in unit.threads})
        else:
            view = UnitView(log.head, rows)
        changes = unit.decide(view)
        if changes.erased or changes.thinned:
            raise NotTogetherError("records that are there already change")
        following = changes.head
        if following.version != (1 if log.head is None else log.head.version + 1):
            raise StoreConflictError("the unit's head does not follow the head that it read: nothing was written")
        writes = self._writes(scope, changes) if changes.writes else {}
        size = log.size
        for record in changes.records:
            if record.seq != size:
                raise StoreConflictError("the unit's records do not continue the log: nothing was written")
            size += 1
        # From here on nothing refuses: the picture changes as a whole.
        for place, (base, row) in writes.items():
            self.written[place] = (base, row)
            self.rows[place] = row
        for record in changes.records:
            self.records.append((scope, record.seq, record.thread, record.leaf, record.entry, record.body, record.fields))
            known = self.threads.get((scope, record.thread))
            if known is not None:
                self.threads[(scope, record.thread)] = (*known, record)
        log.head, log.size = following, size
        return _committed(following, changes.answer)

    def _writes(self, scope: int, changes: Changes) -> dict[_Place, tuple[int, Row]]:
        staged: dict[_Place, tuple[int, Row]] = {}
        for write in changes.writes:
            row, replaces = write.row, write.replaces
            if row.kind not in self.sql.rows:
                raise StoreError(UNKNOWN_KIND)
            if row.kind in CONSTRAINED:
                raise NotTogetherError("the database itself looks at what stands between two units")
            if replaces < 0 or row.version != replaces + 1:
                raise StoreConflictError(f"a {row.kind} row skips a version: nothing was written")
            place = (scope, row.kind, row.key)
            before = staged.get(place) or self.written.get(place)
            if before is None:
                known = self.rows.get(place)
                if known is not None and known.version != replaces:
                    raise StoreConflictError(f"a {row.kind} row is not at the version that the unit read: nothing was written")
                staged[place] = (replaces, row)
            elif before[1].version == replaces:
                staged[place] = (before[0], row)
            else:
                raise StoreConflictError(f"a {row.kind} row is not at the version that the unit read: nothing was written")
        return staged

    # Writing

    def write(self) -> None:
        """Everything that was decided. Raises NotTogetherError, sqlite3.Error, OverflowError, UnicodeError."""
        inserts: dict[str, list[tuple[Any, ...]]] = {}
        replaced: dict[str, list[tuple[Any, ...]]] = {}
        for (scope, kind, key), (base, row) in self.written.items():
            if base == 0:
                inserts.setdefault(kind, []).append((scope, key, row.version, row.state, row.body, row.mac))
            else:
                replaced.setdefault(kind, []).append((row.version, row.state, row.body, row.mac, scope, key, base))
        for kind, rows in inserts.items():
            insert_many(self.cursor, self.many.rows_insert[kind], rows)
        for kind, rows in replaced.items():
            self._each(self.sql.rows[kind].replace, rows)
        insert_many(self.cursor, self.many.record_insert, self.records)
        moved: list[tuple[Any, ...]] = []
        for scope, log in self.logs.items():
            head = log.head
            if head is None or head.version == log.read:
                continue
            if log.read == 0:
                self.cursor.execute(self.sql.head_insert, (scope, head.version, log.size, head.state, head.mac))
            else:
                moved.append((head.version, log.size, head.state, head.mac, scope, log.read))
        if moved:
            self._each(self.sql.head_replace, moved)

    def _each(self, text: str, rows: list[tuple[Any, ...]]) -> None:
        if len(rows) == 1:
            self.cursor.execute(text, rows[0])
        else:
            self.cursor.executemany(text, rows)
        if self.cursor.rowcount != len(rows):
            raise NotTogetherError("a row is not at the version that its unit read")


def apply_together(
    cursor: sqlite3.Cursor, sql: Statements, many: ManyStatements, jobs: Sequence[Job], scopes: Sequence[int | None], *,
    goes_on: Callable[[], bool],
) -> int:  # fmt: skip
    """Run `jobs`, whose scopes have these numbers, inside the open transaction; how many it took: the first always, others as long as
    `goes_on()`. Leaves an answer or an error in each that it took.

    Raises NotTogetherError, sqlite3.Error, OverflowError, UnicodeError where nothing that was left in the jobs counts, and whatever ends a
    `decide` that is no Exception.
    """
    picture = _Picture(cursor, sql, many)
    picture.read([(scope, job.unit) for job, scope in zip(jobs, scopes, strict=True) if scope is not None])
    took = 0
    for job, scope in zip(jobs, scopes, strict=True):
        try:
            if scope is None:
                raise StoreError(NO_SCOPE)
            job.committed = picture.decide(scope, job.unit)
        except NotTogetherError:
            raise
        except Exception as error:  # noqa: BLE001 - the caller's of this unit alone
            job.error = error
        took += 1
        if not goes_on():
            break
    picture.write()
    return took
