"""The tables of the SQLite store, as SQLAlchemy Core sees them, and each statement compiled once to SQL text.

The migrations make the tables; this room only describes them, and a test holds the two equal. Rows of every kind have one
shape and a table each; tenant and environment stand in every key through `scope`. Bytes and ids only: what a row means, and
whether it is authentic, is the core's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from intended_core.errors import AssemblyError
from intended_core.ports import ROW_KINDS

__all__ = ["METADATA", "NO_ROWID_KINDS", "RowStatements", "Statements", "row_table_name", "statements"]

METADATA: Final = sa.MetaData()
# A nonce is small and its key random: without a second tree an insert touches one page less. Larger bodies fit a rowid tree better.
NO_ROWID_KINDS: Final = frozenset({"nonce"})


def row_table_name(kind: str) -> str:
    """The table of a kind of row."""
    return f"row_{kind}"


SCOPE: Final = sa.Table(
    "scope",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("uuid", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.UniqueConstraint("uuid", "environment", name="scope_uuid"),
    sa.UniqueConstraint("tenant", "environment", name="scope_tenant"),
    sa.CheckConstraint("environment IN ('live', 'test')", name="scope_environment"),
    sqlite_strict=True,
    sqlite_autoincrement=True,  # a number that a process remembers never comes to mean another scope
)


def _scope_column(*, primary_key: bool = False) -> sa.Column[int]:
    return sa.Column("scope", sa.Integer, sa.ForeignKey("scope.id"), primary_key=primary_key, nullable=False)


# `size` counts the records as this store has written them; it decides only where the next record must stand.
HEAD: Final = sa.Table(
    "head",
    METADATA,
    _scope_column(primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
)

# The leaf stands before the long columns, so that reading leaves does not walk overflow pages.
RECORD: Final = sa.Table(
    "record",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    _scope_column(),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("thread", sa.Text, nullable=False),
    sa.Column("leaf", sa.LargeBinary, nullable=False),
    sa.Column("entry", sa.LargeBinary, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("fields", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("scope", "seq", name="record_seq"),
    sqlite_strict=True,
)
# `seq` in the index gives the order; without it the planner walks all records of the scope instead.
sa.Index(
    "record_thread", RECORD.c.scope, RECORD.c.thread, RECORD.c.seq, sqlite_where=RECORD.c.thread != sa.literal_column("''")
)


def _row_table(kind: str) -> sa.Table:
    return sa.Table(
        row_table_name(kind),
        METADATA,
        _scope_column(primary_key=True),
        sa.Column("key", sa.Text, primary_key=True, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=kind not in NO_ROWID_KINDS,
    )


ROWS: Final[Mapping[str, sa.Table]] = {kind: _row_table(kind) for kind in ROW_KINDS}
_KEYS: Final = ROWS["signing_key"]
# At most one ACTIVE key per scope and purpose; the purpose is what stands before the colon of the key.
sa.Index(
    "signing_key_one_active",
    _KEYS.c.scope,
    sa.func.substr(_KEYS.c.key, sa.literal_column("1"), sa.func.instr(_KEYS.c.key, sa.literal_column("':'"))),
    unique=True,
    sqlite_where=_KEYS.c.state == sa.literal_column("'ACTIVE'"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStatements:
    """SQL of one kind. Parameters: select (scope, key) · insert (scope, key, version, state, body, mac) ·
    replace (version, state, body, mac, scope, key, replaces) · scan (scope) · scan_state (scope, state).
    """

    select: str
    insert: str
    replace: str
    scan: str
    scan_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """SQL text with `?` parameters. Parameters, in order, stand beside each."""

    scopes: str
    scope_id: str  # uuid, environment, tenant
    scope_clear: str  # tenant, environment; only where no head was ever written
    scope_insert: str  # tenant, uuid, environment
    head: str  # scope
    heads: str
    head_insert: str  # scope, version, size, state, mac
    head_replace: str  # version, size, state, mac, scope, replaces
    record_insert: str  # scope, seq, thread, leaf, entry, body, fields
    record_erase: str  # body (empty), fields (empty), scope, start, stop
    record_thin: str  # left, scope, start, stop, replaces
    records: str  # scope, start, stop
    record_end: str  # scope
    thread: str  # scope, thread
    leaves: str  # scope, start, stop
    rows: Mapping[str, RowStatements]


def _compile(statement: Any, *names: str) -> str:
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    if tuple(compiled.positiontup) != tuple(f"p_{name}" for name in names):
        raise AssemblyError(f"a statement takes its parameters in another order than expected: {compiled.positiontup}")
    return str(compiled).replace("\n", " ")


def _p(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(f"p_{name}")


def _insert(table: sa.Table, *names: str) -> str:
    return _compile(sa.insert(table).values({name: _p(name) for name in names}), *names)


def _replace(table: sa.Table, columns: tuple[str, ...], keys: tuple[str, ...]) -> str:
    statement = sa.update(table).values({name: _p(name) for name in columns})
    for name in keys:
        statement = statement.where(table.c[name] == _p(name))
    statement = statement.where(table.c.version == _p("replaces"))
    return _compile(statement, *columns, *keys, "replaces")


def _row_statements(table: sa.Table) -> RowStatements:
    c = table.c
    shape = (c.key, c.version, c.state, c.body, c.mac)
    scan = sa.select(*shape).where(c.scope == _p("scope")).order_by(c.key)
    return RowStatements(
        select=_compile(sa.select(*shape[1:]).where(c.scope == _p("scope"), c.key == _p("key")), "scope", "key"),
        insert=_insert(table, "scope", "key", "version", "state", "body", "mac"),
        replace=_replace(table, ("version", "state", "body", "mac"), ("scope", "key")),
        scan=_compile(scan, "scope"),
        scan_state=_compile(scan.where(c.state == _p("state")), "scope", "state"),
    )


@cache
def statements() -> Statements:
    """Every statement of the store, compiled once per process."""
    s, h, r = SCOPE.c, HEAD.c, RECORD.c
    record = (r.seq, r.entry, r.body, r.leaf, r.thread, r.fields)
    span = (r.scope == _p("scope"), r.seq >= _p("start"), r.seq < _p("stop"))
    return Statements(
        scopes=_compile(
            sa.select(s.tenant, s.uuid, s.environment).join(HEAD, h.scope == s.id).order_by(s.tenant, s.environment)
        ),
        scope_id=_compile(
            sa.select(s.id).where(s.uuid == _p("uuid"), s.environment == _p("environment"), s.tenant == _p("tenant")),
            "uuid", "environment", "tenant",
        ),
        scope_clear=_compile(
            sa.delete(SCOPE).where(
                s.tenant == _p("tenant"), s.environment == _p("environment"), s.id.not_in(sa.select(h.scope))
            ),
            "tenant", "environment",
        ),
        scope_insert=_insert(SCOPE, "tenant", "uuid", "environment"),
        head=_compile(sa.select(h.version, h.state, h.mac, h.size).where(h.scope == _p("scope")), "scope"),
        heads=_compile(
            sa.select(s.tenant, s.uuid, s.environment, h.version, h.state, h.mac)
            .join(HEAD, h.scope == s.id)
            .order_by(s.tenant, s.environment)
        ),
        head_insert=_insert(HEAD, "scope", "version", "size", "state", "mac"),
        head_replace=_replace(HEAD, ("version", "size", "state", "mac"), ("scope",)),
        record_insert=_insert(RECORD, "scope", "seq", "thread", "leaf", "entry", "body", "fields"),
        record_erase=_compile(
            sa.update(RECORD).values(body=_p("body"), fields=_p("fields")).where(*span), "body", "fields", "scope", "start", "stop"
        ),
        record_thin=_compile(
            sa.update(RECORD).values(fields=_p("left")).where(*span, r.fields == _p("replaces")),
            "left", "scope", "start", "stop", "replaces",
        ),
        records=_compile(sa.select(*record).where(*span).order_by(r.seq), "scope", "start", "stop"),
        record_end=_compile(sa.select(sa.func.max(r.seq)).where(r.scope == _p("scope")), "scope"),
        thread=_compile(
            # The second condition lets the partial index answer.
            sa.select(*record)
            .where(r.scope == _p("scope"), r.thread == _p("thread"), r.thread != sa.literal_column("''"))
            .order_by(r.seq),
            "scope", "thread",
        ),
        leaves=_compile(sa.select(r.leaf).where(*span).order_by(r.seq), "scope", "start", "stop"),
        rows={kind: _row_statements(table) for kind, table in ROWS.items()},
    )  # fmt: skip
