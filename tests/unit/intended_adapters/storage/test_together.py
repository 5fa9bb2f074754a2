"""Units that are read and written together answer what they answer one after the other, and leave the same rows, records and heads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intended_adapters.storage.connection import translate
from intended_adapters.storage.group import Job
from intended_adapters.storage.manyrows import many_statements
from intended_adapters.storage.migrate import upgrade_connection
from intended_adapters.storage.tables import statements
from intended_adapters.storage.together import NotTogetherError, apply_together
from intended_adapters.storage.units import apply_unit
from intended_core.errors import StoreError
from intended_core.ports import ROW_KINDS
from intended_core.testing.storage_cases import (
    ACME,
    RIVAL,
    advance,
    changing,
    consume,
    issue,
    next_head,
    record_at,
    row,
)
from intended_core.unit import Changes, RowKey, Unit, UnitView, Write

SCOPES = {ACME: 1, RIVAL: 2}


def database() -> sqlite3.Cursor:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade_connection(connection)
    for scope, number in SCOPES.items():
        connection.execute(
            "INSERT INTO scope (id, tenant, uuid, environment) VALUES (?, ?, ?, ?)", (number, scope.tenant, scope.uuid, scope.environment)
        )
    return connection.cursor()


@pytest.fixture
def cursor() -> Iterator[sqlite3.Cursor]:
    made = database()
    yield made
    made.connection.close()


def together(cursor: sqlite3.Cursor, *units: Unit) -> list[Any]:
    """Answer or error of each, run together."""
    jobs = [Job(unit) for unit in units]
    scopes = [SCOPES.get(unit.scope) for unit in units]
    assert apply_together(cursor, statements(), many_statements(), jobs, scopes, goes_on=lambda: True) == len(jobs)
    return [job.error or job.committed for job in jobs]


def one_by_one(cursor: sqlite3.Cursor, *units: Unit) -> list[Any]:
    """Answer or error of each, run in its own savepoint."""
    answers: list[Any] = []
    cursor.execute("BEGIN")
    for unit in units:
        cursor.execute("SAVEPOINT unit")
        try:
            answers.append(apply_unit(cursor, statements(), SCOPES[unit.scope], unit))
        except Exception as error:
            answers.append(translate(error, "") if isinstance(error, sqlite3.Error) else error)
            cursor.execute("ROLLBACK TO unit")
        cursor.execute("RELEASE unit")
    cursor.execute("COMMIT")
    return answers


def dump(cursor: sqlite3.Cursor) -> dict[str, list[Any]]:
    """Every row of every table that units write."""
    tables = ("head", "record", *(f"row_{kind}" for kind in ROW_KINDS))
    return {name: cursor.execute(f"SELECT * FROM {name} ORDER BY 1, 2, 3").fetchall() for name in tables}


def told(answers: Sequence[Any]) -> list[Any]:
    return [type(answer) if isinstance(answer, Exception) else answer for answer in answers]


def test_heads_first_then_rows_and_threads_then_decisions_then_writes(cursor: sqlite3.Cursor) -> None:
    together(cursor, issue(ACME, "n", "m"), issue(RIVAL, "n"))
    seen: list[str] = []
    cursor.connection.set_trace_callback(seen.append)

    def spend(scope: Any, name: str) -> Unit:
        made = consume(scope, name, b"x", before=lambda: seen.append("decide"))
        return Unit(scope, made.decide, reads=made.reads, threads=(name,))

    together(cursor, spend(ACME, "n"), spend(ACME, "m"), spend(RIVAL, "n"))
    words = [(text.split()[0], next((name for name in ("row_nonce", "record", "head") if name in text), "")) for text in seen]
    assert words == [
        ("SELECT", "head"), ("SELECT", "row_nonce"), ("SELECT", "row_nonce"), ("SELECT", "record"), ("SELECT", "record"),
        ("decide", ""), ("decide", ""), ("decide", ""),
        ("UPDATE", "row_nonce"), ("UPDATE", "row_nonce"), ("UPDATE", "row_nonce"),
        ("INSERT", "record"), ("INSERT", "record"), ("UPDATE", "head"), ("UPDATE", "head"),
    ]  # fmt: skip


def test_each_sees_what_those_before_it_decided(cursor: sqlite3.Cursor) -> None:
    seen: list[UnitView] = []

    def looking(view: UnitView) -> Changes:
        seen.append(view)
        return Changes(head=next_head(view), records=(record_at(next_head(view).version - 1),))

    look = Unit(ACME, looking, reads=(RowKey("nonce", "n"),), threads=("n",))
    together(cursor, look, issue(ACME, "n"), look, consume(ACME, "n", b"x"), look)
    assert [view.rows[RowKey("nonce", "n")].state if view.rows else None for view in seen] == [None, "ISSUED", "CONSUMED"]
    assert [[record.seq for record in view.threads["n"]] for view in seen] == [[], [], [3]]
    assert [None if view.head is None else view.head.version for view in seen] == [None, 2, 4]
    assert cursor.execute("SELECT version, state, body FROM row_nonce").fetchall() == [(2, "CONSUMED", b"x")]
    assert cursor.execute("SELECT version, size FROM head").fetchall() == [(5, 5)]


def test_who_refuses_or_breaks_the_rules_is_alone_in_it(cursor: sqlite3.Cursor) -> None:
    together(cursor, issue(ACME, "n"))
    skipping = advance(ACME, Write(row("nonce", "late", 3), 1))
    late = advance(ACME, Write(row("nonce", "n", 2), 1), reads=(RowKey("nonce", "n"),))
    behind = Unit(ACME, lambda view: Changes(head=next_head(view), records=(record_at(0),)))
    stale = Unit(ACME, lambda view: Changes(head=next_head(UnitView(None, {})), records=()))
    strange = advance(ACME, Write(row("scope", "x"), 0))
    answers = together(
        cursor, consume(ACME, "n", b"1"), consume(ACME, "n", b"2"), skipping, late, behind, stale, strange, issue(ACME, "m")
    )
    assert [type(answer).__name__ for answer in answers] == [
        "Committed", "UnitRefusedError", "StoreConflictError", "StoreConflictError", "StoreConflictError", "StoreConflictError",
        "StoreError", "Committed",
    ]  # fmt: skip
    assert cursor.execute("SELECT version, size FROM head").fetchall() == [(3, 3)]
    assert cursor.execute("SELECT key, state FROM row_nonce ORDER BY key").fetchall() == [("m", "ISSUED"), ("n", "CONSUMED")]


def test_a_scope_that_is_not_there_is_its_callers_error(cursor: sqlite3.Cursor) -> None:
    jobs = [Job(advance(ACME)), Job(advance(RIVAL))]
    assert apply_together(cursor, statements(), many_statements(), jobs, [None, 2], goes_on=lambda: True) == 2
    assert isinstance(jobs[0].error, StoreError)
    assert jobs[1].answer().head.version == 1


def test_who_was_not_taken_has_not_decided(cursor: sqlite3.Cursor) -> None:
    jobs = [Job(issue(ACME, f"n{number}")) for number in range(3)]
    assert apply_together(cursor, statements(), many_statements(), jobs, [1, 1, 1], goes_on=lambda: False) == 1
    assert [job.committed is not None for job in jobs] == [True, False, False]
    assert cursor.execute("SELECT key FROM row_nonce").fetchall() == [("n0",)]


@pytest.mark.parametrize(
    "unit",
    [
        advance(ACME, Write(row("signing_key", "token:a"), 0)),
        changing(ACME, erased=((0, 1),)),
        changing(ACME, thinned=((0, b"ab", b"a"),)),
        advance(ACME, Write(row("nonce", "unread", 3), 2)),
        Unit(ACME, lambda view: Changes(head=next_head(view)), reads=(RowKey("scope", "a"),)),
    ],
)
def test_what_is_not_simple_is_left_to_the_other_way(cursor: sqlite3.Cursor, unit: Unit) -> None:
    together(cursor, advance(ACME))
    cursor.execute("BEGIN")
    with pytest.raises(NotTogetherError):
        together(cursor, issue(ACME, "n"), unit)
    cursor.execute("ROLLBACK")
    assert cursor.execute("SELECT count(*) FROM row_nonce").fetchone() == (0,)


def test_a_row_that_was_not_read_and_is_there_already_is_the_databases_to_refuse(cursor: sqlite3.Cursor) -> None:
    together(cursor, issue(ACME, "n"))
    with pytest.raises(sqlite3.IntegrityError):
        together(cursor, issue(ACME, "m"), issue(ACME, "n"))


NAMES = st.sampled_from(["a", "b", "c"])
SOME_UNITS = st.lists(
    st.builds(
        lambda scope, name, what: {
            "issue": issue(scope, name),
            "read and issue": advance(scope, Write(row("nonce", name, state="ISSUED"), 0), reads=(RowKey("nonce", name),)),
            "consume": consume(scope, name, b"x"),
            "advance": advance(scope, thread=name),
            "twice": advance(scope, Write(row("meter", name), 0), Write(row("meter", name, 2), 1)),
            "refuse": consume(scope, "never", b"x"),
        }[what],
        st.sampled_from([ACME, RIVAL]),
        NAMES,
        st.sampled_from(["issue", "read and issue", "consume", "advance", "twice", "refuse"]),
    ),
    min_size=2,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(before=SOME_UNITS, units=SOME_UNITS)
def test_together_is_one_by_one(before: list[Unit], units: list[Unit]) -> None:
    first, second = database(), database()
    try:
        one_by_one(first, *before)
        one_by_one(second, *before)
        first.execute("BEGIN")
        try:
            answers = told(together(first, *units))
            first.execute("COMMIT")
        except (NotTogetherError, sqlite3.Error):
            first.execute("ROLLBACK")  # what the store does then is what the other way does
            answers = told(one_by_one(first, *units))
        expected = told(one_by_one(second, *units))
        assert answers == expected
        assert dump(first) == dump(second)
    finally:
        first.connection.close()
        second.connection.close()


def test_a_refusal_says_the_same_words(cursor: sqlite3.Cursor) -> None:
    other = database()
    units = [issue(ACME, "n"), consume(ACME, "n", b"x"), consume(ACME, "n", b"y"), advance(ACME, Write(row("nonce", "n", 9), 2))]
    answers = together(cursor, *units)
    assert [str(answer) for answer in answers] == [str(answer) for answer in one_by_one(other, *units)]
    assert str(answers[2]) == "spent"
    other.connection.close()
