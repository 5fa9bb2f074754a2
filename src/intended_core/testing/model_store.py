"""A `Storage` in memory that means what the port means and nothing more: the judge in tests of flows, faults and interleavings.

A unit works on a picture of its scope and is applied whole at the end; whatever is raised before that leaves nothing. `on_step` is told
each step by name and may raise there, run another unit there, or count: `begin`, `head`, `rows`, `decided`, `written`, `committed`.
What is raised at `committed` is an answer that got lost: the unit is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from intended_core.errors import StoreConflictError, StoreError
from intended_core.ids import Scope
from intended_core.ports import ROW_KINDS, StorageInfo
from intended_core.unit import Changes, Committed, Head, RecordRow, Row, RowKey, RowKind, Unit, UnitView

__all__ = ["STEPS", "ModelStorage", "ScopeData"]

MAX_INTEGER: Final = 2**63 - 1  # what every database keeps
STEPS: Final = ("begin", "head", "rows", "decided", "written", "committed")


@dataclass(frozen=True, slots=True)
class ScopeData:
    """One scope as it stands between two units; never changed in place."""

    scope: Scope
    head: Head | None = None
    rows: dict[RowKey, Row] = field(default_factory=dict)
    records: tuple[RecordRow, ...] = ()


class ModelStorage:
    """The model. One lock, held over a whole unit; reads see the last committed picture."""

    def __init__(self, *, on_step: Callable[[str], None] | None = None) -> None:
        self.on_step = on_step
        self._lock = threading.RLock()
        self._scopes: dict[str, ScopeData] = {}
        self._busy = False
        self._closed = False

    def create_scope(self, scope: Scope) -> None:
        """See `ports.Storage`; room that was never used is given to the next who asks."""
        with self._lock:
            self._check_open()
            others = [data for data in self._scopes.values() if data.scope.environment == scope.environment]
            for data in others:
                if data.head is None and data.scope.tenant == scope.tenant:
                    del self._scopes[data.scope.key]
                elif data.scope.tenant == scope.tenant or data.scope.uuid == scope.uuid:
                    raise StoreConflictError("the tenant's name or uuid is taken in this environment")
            self._scopes[scope.key] = ScopeData(scope)

    def commit(self, unit: Unit) -> Committed:
        """See `ports.Storage`."""
        with self._lock:
            self._check_open()
            if self._busy:
                raise StoreError("a unit was started inside another unit's decide")
            self._busy = True
            try:
                return self._run(unit)
            finally:
                self._busy = False

    def _run(self, unit: Unit) -> Committed:
        self._step("begin")
        before = self._find(unit.scope)
        if before is None:
            raise StoreError("the store has no such tenant and environment: create its scope first")
        self._step("head")
        _check_kinds(unit.reads)
        rows = {name: before.rows[name] for name in unit.reads if name in before.rows}
        threads = {name: _thread(before, name) for name in unit.threads}
        self._step("rows")
        changes = unit.decide(UnitView(before.head, rows, threads))
        self._step("decided")
        after = _apply(before, changes)
        self._step("written")
        self._scopes[unit.scope.key] = after
        self._step("committed")
        return Committed(changes.head, changes.answer)

    def tenants(self) -> Sequence[Scope]:
        """See `ports.Storage`."""
        with self._lock:
            self._check_open()
            scopes = [data.scope for data in self._scopes.values() if data.head is not None]
        return tuple(sorted(scopes, key=lambda scope: (scope.tenant, scope.environment)))

    def head(self, scope: Scope) -> Head | None:
        """See `ports.Storage`."""
        return self._data(scope).head

    def heads(self) -> Sequence[tuple[Scope, Head]]:
        """See `ports.Storage`."""
        with self._lock:
            self._check_open()
            found = [(data.scope, data.head) for data in self._scopes.values() if data.head is not None]
        return tuple(sorted(found, key=lambda item: (item[0].tenant, item[0].environment)))

    def read(self, scope: Scope, keys: Sequence[RowKey]) -> Sequence[Row]:
        """See `ports.Storage`."""
        wanted = tuple(dict.fromkeys(keys))
        _check_kinds(wanted)
        data = self._data(scope)
        return tuple(data.rows[name] for name in wanted if name in data.rows)

    def scan(self, scope: Scope, kind: RowKind, *, state: str | None = None) -> Sequence[Row]:
        """See `ports.Storage`."""
        _check_kinds((RowKey(kind, ""),))
        rows = [row for row in self._data(scope).rows.values() if row.kind == kind and state in (None, row.state)]
        return tuple(sorted(rows, key=lambda row: row.key.encode("utf-8")))

    def records(self, scope: Scope, *, start: int = 0, stop: int | None = None) -> Iterator[RecordRow]:
        """See `ports.Storage`."""
        records = self._data(scope).records
        yield from records[max(0, start) : len(records) if stop is None else max(0, stop)]

    def thread(self, scope: Scope, thread: str) -> Sequence[RecordRow]:
        """See `ports.Storage`."""
        return _thread(self._data(scope), thread)

    def leaves(self, scope: Scope, start: int, stop: int) -> Sequence[bytes]:
        """See `ports.Storage`."""
        return tuple(record.leaf for record in self.records(scope, start=start, stop=stop))

    def info(self) -> StorageInfo:
        """See `ports.Storage`."""
        return StorageInfo(adapter="model", location="memory", format_version="0", settings=())

    def probe(self) -> None:
        """See `ports.Storage`."""
        self._check_open()

    def close(self) -> None:
        """See `ports.Storage`."""
        self._closed = True

    def snapshot(self) -> dict[str, ScopeData]:
        """Everything as it stands now, for `restore`: a backup, or what an attacker puts back."""
        with self._lock:
            return {key: replace(data, rows=dict(data.rows)) for key, data in self._scopes.items()}

    def restore(self, snapshot: dict[str, ScopeData]) -> None:
        """Put a snapshot back behind everybody's back."""
        with self._lock:
            self._scopes = {key: replace(data, rows=dict(data.rows)) for key, data in snapshot.items()}

    def _data(self, scope: Scope) -> ScopeData:
        with self._lock:
            self._check_open()
            return self._find(scope) or ScopeData(scope)

    def _find(self, scope: Scope) -> ScopeData | None:
        data = self._scopes.get(scope.key)
        return data if data is not None and data.scope == scope else None

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    def _step(self, name: str) -> None:
        if self.on_step is not None:
            self.on_step(name)


def _check_kinds(keys: Sequence[RowKey]) -> None:
    if any(name.kind not in ROW_KINDS for name in keys):
        raise StoreError("a unit names a kind of row that this store does not have")


def _thread(data: ScopeData, thread: str) -> tuple[RecordRow, ...]:
    return tuple(record for record in data.records if thread and record.thread == thread)


def _apply(before: ScopeData, changes: Changes) -> ScopeData:
    rows = dict(before.rows)
    for write in changes.writes:
        name = RowKey(write.row.kind, write.row.key)
        _check_kinds((name,))
        _check_storable(write.row)
        stored = rows.get(name)
        if write.replaces != (0 if stored is None else stored.version) or write.row.version != write.replaces + 1:
            raise StoreConflictError(f"a {name.kind} row is not at the version that the unit read: nothing was written")
        rows[name] = write.row
        _check_one_active(rows)
    size = len(before.records)
    if [record.seq for record in changes.records] != list(range(size, size + len(changes.records))):
        raise StoreConflictError("the unit's records do not continue the log: nothing was written")
    kept = list(before.records)
    for start, stop in changes.erased:
        if not 0 <= start < stop <= size:
            raise StoreConflictError("a unit empties records that are not there: nothing was written")
        kept[start:stop] = [replace(record, body=b"", fields=b"") for record in kept[start:stop]]
    for seq, fields, left in changes.thinned:
        if not 0 <= seq < size or len(left) >= len(fields) or kept[seq].fields != fields:
            raise StoreConflictError("a unit thins records that are not there: nothing was written")
        kept[seq] = replace(kept[seq], fields=left)
    if changes.head.version != (0 if before.head is None else before.head.version) + 1:
        raise StoreConflictError("the unit's head does not follow the head that it read: nothing was written")
    return ScopeData(before.scope, changes.head, rows, tuple(kept) + changes.records)


def _check_storable(row: Row) -> None:
    try:
        f"{row.key}{row.state}".encode()
    except UnicodeEncodeError:
        raise StoreError("a unit holds text that a store cannot keep: nothing was written") from None
    if row.version > MAX_INTEGER:
        raise StoreError("a unit holds a number that a store cannot keep: nothing was written")


def _check_one_active(rows: dict[RowKey, Row]) -> None:
    purposes = [row.key.partition(":")[0] for row in rows.values() if row.kind == "signing_key" and row.state == "ACTIVE"]
    if len(purposes) != len(set(purposes)):
        raise StoreConflictError("a purpose has at most one ACTIVE signing key: nothing was written")
