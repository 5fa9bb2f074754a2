"""One unit inside an open write transaction: read under the lock, let the unit decide, write, and count what was written.

Nothing here begins or ends a transaction, so that several units can share one.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from intended_adapters.storage.tables import Statements
from intended_core.errors import StoreConflictError, StoreError
from intended_core.quick import maker
from intended_core.unit import Committed, Head, RecordRow, Row, RowKey, Unit, UnitView

__all__ = ["apply_unit", "select_rows"]

_row: Final = maker(Row)
_head: Final = maker(Head)
_record: Final = maker(RecordRow)
_view: Final = maker(UnitView)
_committed: Final = maker(Committed)
UNKNOWN_KIND: Final = "a unit names a kind of row that this store does not have"


def select_rows(cursor: sqlite3.Cursor, sql: Statements, scope: int, keys: tuple[RowKey, ...]) -> dict[RowKey, Row]:
    """The rows that exist among `keys`, each by a statement of its own. Raises StoreError, sqlite3.Error."""
    found: dict[RowKey, Row] = {}
    for name in keys:
        statements = sql.rows.get(name.kind)
        if statements is None:
            raise StoreError(UNKNOWN_KIND)
        row = cursor.execute(statements.select, (scope, name.key)).fetchone()
        if row is not None:
            found[name] = _row(name.kind, name.key, *row)
    return found


def apply_unit(cursor: sqlite3.Cursor, sql: Statements, scope: int, unit: Unit) -> Committed:
    """Run `unit`; the caller holds the write lock and commits, or rolls back whatever is raised.

    Raises StoreConflictError when the head, a row or the log is not where the unit expects it, sqlite3.Error, and whatever
    `decide` raises.
    """
    # The head first: on a store with row locks this statement is the scope's lock, and the guards are read after it.
    head_row = cursor.execute(sql.head, (scope,)).fetchone()
    if head_row is None:
        head, size = None, 0
    else:
        version, state, mac, size = head_row
        head = _head(version, state, mac)
    rows = select_rows(cursor, sql, scope, unit.reads)
    if unit.threads:
        threads = {
            name: tuple([_record(*row) for row in cursor.execute(sql.thread, (scope, name)).fetchall()])
            for name in unit.threads
        }
        changes = unit.decide(_view(head, rows, threads))
    else:
        changes = unit.decide(_view(head, rows))
    version = 0 if head is None else head.version
    following = changes.head
    if following.version != version + 1:
        raise StoreConflictError("the unit's head does not follow the head that it read: nothing was written")
    try:
        for write in changes.writes:
            row, replaces = write.row, write.replaces
            statements = sql.rows.get(row.kind)
            if statements is None:
                raise StoreError(UNKNOWN_KIND)
            if replaces < 0 or row.version != replaces + 1:
                raise StoreConflictError(f"a {row.kind} row skips a version: nothing was written")
            if replaces == 0:
                cursor.execute(statements.insert, (scope, row.key, row.version, row.state, row.body, row.mac))
                continue
            cursor.execute(statements.replace, (row.version, row.state, row.body, row.mac, scope, row.key, replaces))
            if cursor.rowcount != 1:
                raise StoreConflictError(f"a {row.kind} row is not at the version that the unit read: nothing was written")
        for record in changes.records:
            if record.seq != size:
                raise StoreConflictError("the unit's records do not continue the log: nothing was written")
            cursor.execute(sql.record_insert, (scope, size, record.thread, record.leaf, record.entry, record.body, record.fields))
            size += 1
        for start, stop in changes.erased:
            if not 0 <= start < stop <= size - len(changes.records):
                raise StoreConflictError("a unit empties records that are not there: nothing was written")
            cursor.execute(sql.record_erase, (b"", b"", scope, start, stop))
        for seq, fields, left in changes.thinned:
            if not 0 <= seq < size - len(changes.records) or len(left) >= len(fields):
                raise StoreConflictError("a unit thins records that are not there: nothing was written")
            if cursor.execute(sql.record_thin, (left, scope, seq, seq + 1, fields)).rowcount != 1:
                raise StoreConflictError("a record's fields are not those that the unit read: nothing was written")
        if head is None:
            cursor.execute(sql.head_insert, (scope, following.version, size, following.state, following.mac))
        else:
            moved = (following.version, size, following.state, following.mac, scope, version)
            if cursor.execute(sql.head_replace, moved).rowcount != 1:
                raise StoreConflictError("the head moved under the lock: nothing was written")
    except (OverflowError, UnicodeError) as error:
        raise StoreError("a unit holds a number or text that a store cannot keep: nothing was written") from error
    return _committed(following, changes.answer)
