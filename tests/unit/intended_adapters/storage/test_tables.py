"""Statements say what they take, use an index, and describe exactly the tables that the migrations make."""

from __future__ import annotations

import dataclasses
import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from intended_adapters.storage.sqlite import SqliteStorage
from intended_adapters.storage.tables import METADATA, ROWS, SCOPE, _compile, _p, statements
from intended_core.errors import AssemblyError
from intended_core.ports import ROW_KINDS


def _all_statements() -> dict[str, str]:
    sql = statements()
    flat = {field.name: getattr(sql, field.name) for field in dataclasses.fields(sql) if field.name != "rows"}
    for kind, made in sql.rows.items():
        flat |= {f"{kind}.{field.name}": getattr(made, field.name) for field in dataclasses.fields(made)}
    return flat


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    SqliteStorage.create(tmp_path / "authority.db").close()
    return sqlite3.connect(tmp_path / "authority.db", isolation_level=None)


def test_every_statement_runs_on_the_tables_that_migrations_make(database: sqlite3.Connection) -> None:
    for name, text in _all_statements().items():
        database.execute(f"EXPLAIN {text}", (1,) * text.count("?"))
        assert "'" not in re.sub(r"''", "", text), f"{name} carries a value in its text"


def test_no_statement_of_the_hot_path_walks_a_table(database: sqlite3.Connection) -> None:
    for name, text in _all_statements().items():
        plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {text}", (1,) * text.count("?"))]
        if name in ("scopes", "scope_clear", "heads"):
            continue  # once per start, once per new tenant, once per epoch
        assert not any(step.startswith("SCAN") for step in plan), f"{name}: {plan}"
        assert not any("TEMP B-TREE" in step for step in plan), f"{name} sorts: {plan}"


def test_the_thread_statement_uses_its_partial_index(database: sqlite3.Connection) -> None:
    plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {statements().thread}", (1, "t"))]
    assert plan == ["SEARCH record USING INDEX record_thread (scope=? AND thread=?)"]


def test_every_row_is_found_by_its_whole_key(database: sqlite3.Connection) -> None:
    for kind, made in statements().rows.items():
        for text in (made.select, made.replace):
            plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {text}", (1,) * text.count("?"))]
            assert len(plan) == 1, f"{kind}: {plan}"
            assert plan[0].endswith("(scope=? AND key=?)"), f"{kind}: {plan}"


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # compared below, by its text
def test_tables_and_migrations_agree(tmp_path: Path) -> None:
    SqliteStorage.create(tmp_path / "migrated.db").close()
    described = sa.create_engine(f"sqlite:///{tmp_path / 'described.db'}")
    METADATA.create_all(described)
    migrated = sa.create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with migrated.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    assert _schema(tmp_path / "migrated.db", "table", "index") == _schema(tmp_path / "described.db", "table", "index")
    assert _schema(tmp_path / "migrated.db", "trigger").keys() == {"record_not_updated", "record_not_deleted"}


def _schema(path: Path, *kinds: str) -> dict[str, str]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    connection.close()
    return {
        name: re.sub(r"[\s()\"]+", " ", text).strip()
        for kind, name, text in rows
        if kind in kinds and name not in ("alembic_version", "sqlite_sequence")
    }


def test_one_table_of_one_shape_per_kind() -> None:
    assert tuple(ROWS) == ROW_KINDS
    shapes = {tuple((column.name, str(column.type), column.primary_key) for column in table.columns) for table in ROWS.values()}
    assert len(shapes) == 1
    for table in METADATA.tables.values():
        assert table.name == "scope" or "scope" in table.c, f"{table.name} holds rows of no scope"


def test_a_statement_with_other_parameters_is_refused() -> None:
    with pytest.raises(AssemblyError, match="another order"):
        _compile(sa.select(SCOPE.c.id).where(SCOPE.c.uuid == _p("uuid"), SCOPE.c.tenant == _p("tenant")), "tenant", "uuid")
