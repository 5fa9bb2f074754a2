"""Statements for many rows at once, in the sizes of powers of two: one step of the database for what would be as many calls.

Each call of the driver gives the interpreter away and takes it back, so that in company a unit's statements cost more in waiting for other
threads than in work. An insert is cut into the sizes that add up to it; a select is filled up by repeating its last key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from intended_adapters.storage.tables import HEAD, RECORD, ROWS
from intended_core.errors import AssemblyError

__all__ = ["MAX_ROWS", "ManyStatements", "Sized", "insert_many", "many_statements", "select_many"]

MAX_ROWS: Final = 64  # of 7 parameters each: https://www.sqlite.org/limits.html#max_variable_number allows 32,766


class Sized(dict[int, str]):
    """The text for 1, 2, 4 … MAX_ROWS rows, compiled when a size is first asked for."""

    def __init__(self, make: Callable[[int], str]) -> None:
        super().__init__()
        self._make: Final = make

    def __missing__(self, size: int) -> str:
        made = self[size] = self._make(size)
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyStatements:
    """SQL text by size. Parameters: heads (scopes) · threads, rows_select (scope, keys) · inserts (each row's, as in `tables`)."""

    heads: Sized
    threads: Sized
    record_insert: Sized
    rows_select: Mapping[str, Sized]
    rows_insert: Mapping[str, Sized]


def insert_many(cursor: sqlite3.Cursor, sized: Sized, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert these rows, in their order. Raises sqlite3.Error, OverflowError, UnicodeError."""
    at, left = 0, len(rows)
    while left:
        size = MAX_ROWS if left >= MAX_ROWS else 1 << (left.bit_length() - 1)
        cursor.execute(sized[size], rows[at] if size == 1 else tuple(chain.from_iterable(rows[at : at + size])))
        at += size
        left -= size


def select_many(cursor: sqlite3.Cursor, sized: Sized, first: tuple[Any, ...], keys: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of these keys, which differ from each other; `first`: the parameters before them. Raises as `insert_many`."""
    for at in range(0, len(keys), MAX_ROWS):
        part = keys[at : at + MAX_ROWS]
        size = 1 << (len(part) - 1).bit_length()
        filling = [part[-1]] * (size - len(part))
        yield from cursor.execute(sized[size], (*first, *part, *filling)).fetchall()


def _compiled(statement: Any, names: Sequence[str]) -> str:
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
    if tuple(compiled.positiontup) != tuple(names):
        raise AssemblyError(f"a statement takes its parameters in another order than expected: {compiled.positiontup}")
    return str(compiled).replace("\n", " ")


def _inserts(table: sa.Table, *columns: str) -> Sized:
    def make(size: int) -> str:
        rows: list[dict[str, Any]] = [{name: sa.bindparam(f"p_{name}_{at}") for name in columns} for at in range(size)]
        return _compiled(sa.insert(table).values(rows), [f"p_{name}_{at}" for at in range(size) for name in columns])

    return Sized(make)


def _selects(statement: sa.Select[Any], column: sa.ColumnElement[Any], *first: str) -> Sized:
    def make(size: int) -> str:
        names = [f"p_key_{at}" for at in range(size)]
        return _compiled(statement.where(column.in_([sa.bindparam(name) for name in names])), [*first, *names])

    return Sized(make)


@cache
def many_statements() -> ManyStatements:
    """Every such statement, each compiled once per process, when it is first used."""
    h, r = HEAD.c, RECORD.c
    scope: Any = sa.bindparam("p_scope")
    thread = (
        sa.select(r.thread, r.seq, r.entry, r.body, r.leaf, r.fields)
        .where(r.scope == scope, r.thread != sa.literal_column("''"))  # the second condition lets the partial index answer
        .order_by(r.thread, r.seq)
    )
    return ManyStatements(
        heads=_selects(sa.select(h.scope, h.version, h.state, h.mac, h.size), h.scope),
        threads=_selects(thread, r.thread, "p_scope"),
        record_insert=_inserts(RECORD, "scope", "seq", "thread", "leaf", "entry", "body", "fields"),
        rows_select={
            kind: _selects(
                sa.select(table.c.key, table.c.version, table.c.state, table.c.body, table.c.mac).where(table.c.scope == scope),
                table.c.key, "p_scope",
            )
            for kind, table in ROWS.items()
        },
        rows_insert={
            kind: _inserts(table, "scope", "key", "version", "state", "body", "mac") for kind, table in ROWS.items()
        },
    )  # fmt: skip
