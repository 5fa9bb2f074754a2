"""The kit bites: each deliberately broken store is caught by the case that is named for it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from intended_core.errors import StoreError
from intended_core.ids import Scope
from intended_core.testing.model_store import ModelStorage, ScopeData
from intended_core.testing.storage_conformance import StorageConformance
from intended_core.unit import Changes, Committed, Head, RecordRow, Row, RowKey, RowKind, Unit, UnitView


class DropsLastWrite(ModelStorage):
    """Loses the last row of a unit."""

    def commit(self, unit: Unit) -> Committed:
        def decide(view: UnitView) -> Changes:
            changes = unit.decide(view)
            return replace(changes, writes=changes.writes[:-1])

        return super().commit(replace(unit, decide=decide))


class DropsLastUnit(ModelStorage):
    """Answers, and keeps nothing of it."""

    def commit(self, unit: Unit) -> Committed:
        before = self.snapshot()
        committed = super().commit(unit)
        if committed.head.version > 2:
            self.restore(before)
        return committed


class _Unlocked(ModelStorage):
    def _place(self, unit: Unit) -> ScopeData:
        before = self._find(unit.scope)
        if before is None:
            raise StoreError("unknown scope")
        return before


class ReadsThenWritesWithoutLock(_Unlocked):
    """Reads, lets the unit decide, and only then takes the lock and writes whatever was decided."""

    def commit(self, unit: Unit) -> Committed:
        before = self._place(unit)
        rows = {name: before.rows[name] for name in unit.reads if name in before.rows}
        changes = unit.decide(UnitView(before.head, rows, {}))
        with self._lock:
            now = self._place(unit)
            merged = dict(now.rows) | {RowKey(w.row.kind, w.row.key): w.row for w in changes.writes}
            self._scopes[unit.scope.key] = ScopeData(unit.scope, changes.head, merged, now.records + changes.records)
        return Committed(changes.head, changes.answer)


class IgnoresVersions(_Unlocked):
    """Under the lock, but overwrites whatever stands there."""

    def commit(self, unit: Unit) -> Committed:
        with self._lock:
            before = self._place(unit)
            rows = {name: before.rows[name] for name in unit.reads if name in before.rows}
            threads = {name: tuple(r for r in before.records if r.thread == name) for name in unit.threads}
            changes = unit.decide(UnitView(before.head, rows, threads))
            merged = dict(before.rows) | {RowKey(w.row.kind, w.row.key): w.row for w in changes.writes}
            self._scopes[unit.scope.key] = ScopeData(unit.scope, changes.head, merged, before.records + changes.records)
            return Committed(changes.head, changes.answer)


class KeepsHalfAUnit(ModelStorage):
    """Writes row by row and leaves the first ones behind when a later one conflicts."""

    def commit(self, unit: Unit) -> Committed:
        try:
            return super().commit(unit)
        except StoreError:
            before = self._find(unit.scope)
            if before is not None:
                view = UnitView(before.head, {}, {})
                for write in unit.decide(view).writes[:1]:
                    before.rows[RowKey(write.row.kind, write.row.key)] = write.row
            raise


class SwallowsRefusals(ModelStorage):
    """Wraps what decide raised in an error of its own."""

    def commit(self, unit: Unit) -> Committed:
        try:
            return super().commit(unit)
        except StoreError:
            raise
        except Exception as error:
            raise StoreError("failed") from error


class OneSpaceForAllTenants(ModelStorage):
    """Forgets the environment in its keys."""

    def _one(self, scope: Scope) -> Scope:
        return Scope(scope.tenant, scope.uuid, "live")

    def create_scope(self, scope: Scope) -> None:
        if self._find(self._one(scope)) is None:
            super().create_scope(self._one(scope))

    def commit(self, unit: Unit) -> Committed:
        return super().commit(replace(unit, scope=self._one(unit.scope)))

    def head(self, scope: Scope) -> Head | None:
        return super().head(self._one(scope))

    def scan(self, scope: Scope, kind: RowKind, *, state: str | None = None) -> Sequence[Row]:
        return super().scan(self._one(scope), kind, state=state)


class TwoActiveKeys(ModelStorage):
    """Has no rule for ACTIVE keys."""

    def commit(self, unit: Unit) -> Committed:
        def decide(view: UnitView) -> Changes:
            changes = unit.decide(view)
            writes = tuple(replace(w, row=replace(w.row, state=w.row.state.lower())) for w in changes.writes)
            return replace(changes, writes=writes)

        return super().commit(replace(unit, decide=decide))

    def scan(self, scope: Scope, kind: RowKind, *, state: str | None = None) -> Sequence[Row]:
        return super().scan(scope, kind, state=None if state is None else state.lower())


class CutsRecords(ModelStorage):
    """Answers only the first page of records."""

    def records(self, scope: Scope, *, start: int = 0, stop: int | None = None) -> Any:
        return iter(list(super().records(scope, start=start, stop=stop))[:256])


class TenantsBeforeTheirHead(ModelStorage):
    """Shows scopes that hold nothing."""

    def tenants(self) -> Sequence[Scope]:
        return tuple(data.scope for data in self._scopes.values())


class WorksAfterClose(ModelStorage):
    """Closes nothing."""

    def close(self) -> None:
        return


class ForgetsThreads(ModelStorage):
    """Hands decide no threads."""

    def commit(self, unit: Unit) -> Committed:
        return super().commit(replace(unit, threads=()))

    def thread(self, scope: Scope, thread: str) -> Sequence[RecordRow]:
        return super().thread(scope, thread)


@dataclass
class Harness:
    kind: type[ModelStorage]
    processes: bool = False
    durable: bool = False

    def create(self) -> ModelStorage:
        return self.kind()

    def reopen(self) -> ModelStorage:
        raise NotImplementedError


CAUGHT_BY = [
    (DropsLastWrite, "test_core_unit_is_kept"),
    (DropsLastUnit, "test_concurrency_no_unit_is_lost"),
    (ReadsThenWritesWithoutLock, "test_concurrency_decide_is_exclusive"),
    (IgnoresVersions, "test_core_replace_needs_the_version"),
    (IgnoresVersions, "test_core_insert_needs_absence"),
    (IgnoresVersions, "test_core_records_continue_the_log"),
    (IgnoresVersions, "test_core_head_follows_the_head"),
    (KeepsHalfAUnit, "test_core_insert_needs_absence"),
    (SwallowsRefusals, "test_core_refusal_comes_out_unchanged"),
    (OneSpaceForAllTenants, "test_tenancy_scopes_stay_apart"),
    (TwoActiveKeys, "test_core_one_active_key"),
    (CutsRecords, "test_core_scan_order_and_pages"),
    (TenantsBeforeTheirHead, "test_core_empty"),
    (WorksAfterClose, "test_core_closed"),
    (ForgetsThreads, "test_core_view_under_the_lock"),
]


@pytest.mark.parametrize(("kind", "case"), CAUGHT_BY, ids=lambda item: getattr(item, "__name__", item))
def test_a_broken_store_is_caught(kind: type[ModelStorage], case: str) -> None:
    run = getattr(StorageConformance(), case)
    with pytest.raises((AssertionError, StoreError)):
        run(Harness(kind))
    run(Harness(ModelStorage))


def test_cases_carry_their_level_in_their_name() -> None:
    cases = [name for name, _ in inspect.getmembers(StorageConformance, inspect.isfunction) if name.startswith("test")]
    levels = {name.split("_")[1] for name in cases}
    assert levels == {"core", "concurrency", "durability", "tenancy", "fault"}
    assert not StorageConformance.__test__
