"""data: values of params and tables change through the log, as one content with a version, typed by the active set.

Every change makes a new content; the pointer to it hangs on the guards' roster, so whoever decides compares its version under the lock
with everything else that decides (docs/adr/0024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url
from intended_core.errors import IntentError, UnitRefusedError
from intended_core.flows.activate import Warrant, founders_warrant
from intended_core.flows.again import again
from intended_core.flows.cache import ActivePolicy, ScopeState
from intended_core.flows.datarows import (
    DATA_POINTER,
    DataContent,
    StoredData,
    content_digest,
    content_key,
    content_writes,
    plain_value,
    pointer_write,
    read_data,
    snapshot_key,
    snapshot_writes,
    typed_content,
)
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, Random
from intended_core.flows.roster import GUARD_ROSTER, guard_row, guard_write
from intended_core.flows.steps import GUARDS_MOVED, close_unit, open_head
from intended_core.lang.data import DataSnapshot
from intended_core.lang.directions import directions
from intended_core.lang.nearest import did_you_mean
from intended_core.lang.types import Schema
from intended_core.unit import Changes, Unit, UnitView, Write

__all__ = [
    "DataChange", "DataView", "DataWritten", "NamedChange", "changed_content", "compare_data", "named_changes", "put_content",
    "show_data", "write_data",
]  # fmt: skip

Way = Literal["widens", "narrows", "both", "none"]
_OTHER_WAY: Final[Mapping[str, Way]] = {"widens": "narrows", "narrows": "widens"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChange:
    """Values by name as plain data: a table's rows are a list, or a mapping or list of [key, value] pairs. `remove`: names to unset."""

    params: Mapping[str, object] = field(default_factory=dict)
    tables: Mapping[str, object] = field(default_factory=dict)
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedChange:
    """One param or table that a change touches. `direction`: which way it can move decisions, as far as its form shows."""

    kind: Literal["param", "table"]
    name: str
    what: str
    direction: Way


@dataclass(frozen=True, slots=True, kw_only=True)
class DataWritten:
    """What is in force now. `digest`: 32 bytes, as decisions quote it; `version` counts changes; `seq`: the record."""

    version: int
    digest: bytes
    seq: int
    changes: tuple[NamedChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataView:
    """Every value in force. `undeclared`: names that the active set does not read. `digest`: 32 bytes, empty where it reads none."""

    version: int
    digest: bytes
    params: Mapping[str, Json]
    tables: Mapping[str, tuple[Json, int]]
    undeclared: tuple[str, ...]
    missing: tuple[str, ...]


def changed_content(schema: Schema, before: DataContent, change: DataChange, *, now_ms: int) -> DataContent:
    """The content after `change`; raises IntentError naming what the active set does not declare, or what is not there."""
    params, tables = dict(before.params), dict(before.tables)
    if not change.params and not change.tables and not change.remove:
        raise IntentError("nothing is changed: give params, tables or names to remove", place="data")
    for name, value in change.params.items():
        if name not in schema.params:
            raise IntentError(f"is not a param of the active set {did_you_mean(name, schema.params)}".rstrip(), place=name[:80])
        params[name] = plain_value(value, name)
    for name, rows in change.tables.items():
        if name not in schema.tables:
            raise IntentError(f"is not a table of the active set {did_you_mean(name, schema.tables)}".rstrip(), place=name[:80])
        tables[name] = (plain_value(rows, name), now_ms)
    for name in change.remove:
        if name in change.params or name in change.tables or (name not in params and name not in tables):
            raise IntentError("has no value to remove, or is set in the same change", place=name[:80])
        params.pop(name, None)
        tables.pop(name, None)
    return DataContent(params=params, tables=tables)


def named_changes(policy: ActivePolicy, before: DataSnapshot, after: DataSnapshot) -> tuple[NamedChange, ...]:
    """What differs between two typed contents, in order of name. A direction is said only where the form shows it."""
    ways, schema = directions(policy.checked), policy.schema
    found: list[NamedChange] = []
    for name in sorted({*schema.params, *schema.tables}):
        was, now = before.cells.get(name), after.cells.get(name)
        there = (name in before.cells, name in after.cells)
        stamped = before.cells.get(f"{name}@") != after.cells.get(f"{name}@")
        if there == (False, False) or (was == now and there == (True, True) and not stamped):
            continue
        what = "set" if there == (False, True) else "removed" if there == (True, False) else "changed"
        table = schema.tables.get(name)
        kind: Literal["param", "table"] = "param" if table is None else "table"
        way: Way = "none" if ways.get(name) == "unused" else "both"
        if way == "both" and table is not None:
            way = _rows_way(ways[name], was, now, there=there, ages=table.max_age_ms is not None)
        found.append(NamedChange(kind=kind, name=name, what=what, direction=way))
    return tuple(found)


def _rows_way(way: str, was: object, now: object, *, there: tuple[bool, bool], ages: bool) -> Way:
    if there == (True, False):
        return "narrows"  # reading a table without rows denies
    if ages or there == (False, True) or way not in _OTHER_WAY:
        return "both"  # fresh rows end the denials of stale or missing ones
    old, new = _held(was), _held(now)
    if old is None or new is None:
        return "both"
    if old == new:
        return "none"
    if old < new:
        return "widens" if way == "widens" else "narrows"
    return _OTHER_WAY[way] if new < old else "both"


def _held(rows: object) -> frozenset[object] | None:
    """What can be found in a table: its elements, the keys of a map; None where that cannot be told."""
    try:
        return frozenset(rows) if isinstance(rows, frozenset | set | tuple | Mapping) else None
    except TypeError:
        return None


def write_data(context: Context, change: DataChange) -> Flow[DataWritten]:
    """Put a change in force at once. Raises IntentError naming the param or table that does not fit, UnitRefusedError.

    Decisions in flight are made again with the new values; tokens that were issued stay what they are until they expire.
    """
    return (yield from again(context, lambda _: _attempt(context, change), what="policy or data"))


def compare_data(context: Context, change: DataChange) -> Flow[tuple[NamedChange, ...]]:
    """What `change` would move, and which way; nothing is written. Raises as `write_data`."""
    state: ScopeState = yield LoadState(context.scope, True)
    policy = _active(state)
    now_us: int = yield Now()
    before = yield from read_data(context)
    content = changed_content(policy.schema, before.content, change, now_ms=now_us // 1000)
    after = typed_content(policy.schema, StoredData(version=before.version + 1, content=content))
    return named_changes(policy, state.data, after)


def _active(state: ScopeState) -> ActivePolicy:
    if state.policy is None:
        raise IntentError("no policy set is active: params and tables are typed by the active set", place="data")
    return state.policy


def _attempt(context: Context, change: DataChange) -> Flow[DataWritten]:
    state: ScopeState = yield LoadState(context.scope, True)
    policy = _active(state)
    now_us: int = yield Now()
    before = yield from read_data(context)
    content = changed_content(policy.schema, before.content, change, now_ms=now_us // 1000)
    warrant = yield from founders_warrant(context)
    return (yield from _put(context, state, before, content, warrant))


def put_content(context: Context, state: ScopeState, content: DataContent, warrant: Warrant) -> Flow[DataWritten]:
    """Put a whole content in force that `warrant` lets pass, typed by the set of `state`. Raises IntentError, UnitRefusedError."""
    before = yield from read_data(context)
    return (yield from _put(context, state, before, content, warrant))


def _put(
    context: Context, state: ScopeState, before: StoredData, content: DataContent, warrant: Warrant
) -> Flow[DataWritten]:
    policy = _active(state)
    schema = policy.schema
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    body = content.to_body()
    after = typed_content(schema, StoredData(version=before.version + 1, content=content))
    changes = named_changes(policy, state.data, after)
    named = content_digest(body)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards)
        row = guard_row(context, view, head, DATA_POINTER)
        if (0 if row is None else row.version) != before.version:
            raise UnitRefusedError(GUARDS_MOVED, "params or tables changed meanwhile; try again")
        warranted, said = warrant.demand(view, head)
        writes: list[Write] = [*warranted, *content_writes(context, view, body), *snapshot_writes(context, view, after)]
        writes.append(pointer_write(context, version=before.version, named=named, seq=head.size))
        writes.append(guard_write(context, view, head, writes))
        told = {**_said(before.version + 1, named, after, changes), **said}
        draft = Draft(kind=EventKind.DATA_WRITTEN, body=told, salt=salt)
        return close_unit(
            context, view, head, (draft,), now_us=now_us, writes=tuple(writes), bump_guards=True, answer=head.size
        )

    reads = tuple(dict.fromkeys((DATA_POINTER, content_key(named), snapshot_key(after), GUARD_ROSTER, *warrant.reads)))
    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads))
    return DataWritten(version=before.version + 1, digest=after.digest, seq=committed.answer, changes=changes)


def _said(version: int, named: bytes, after: DataSnapshot, changes: tuple[NamedChange, ...]) -> dict[str, Json]:
    """The record: names and digests, no values."""
    return {
        "version": str(version),
        "content_digest": b64url(named),
        "data_digest": b64url(after.digest),
        "changes": [[each.kind, each.name, each.what, each.direction] for each in changes],
    }


def show_data(context: Context) -> Flow[DataView]:
    """What is in force, as the store shows it now."""
    state: ScopeState = yield LoadState(context.scope, True)
    stored = yield from read_data(context)
    schema = None if state.policy is None else state.policy.schema
    declared = {*schema.params, *schema.tables} if schema is not None else set()
    there = {*stored.content.params, *stored.content.tables}
    defaults = {name for name, param in schema.params.items() if param.default is not None} if schema is not None else set()
    return DataView(
        version=stored.version, digest=state.data.digest, params=stored.content.params, tables=stored.content.tables,
        undeclared=tuple(sorted(there - declared)), missing=tuple(sorted(declared - there - defaults)),
    )  # fmt: skip
