"""Revisions: one line from nothing to the current one, each run whole or not at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from intended_adapters.storage import migrate
from intended_core.errors import AssemblyError


def _connection() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def test_the_revisions_are_one_line_and_known() -> None:
    script = ScriptDirectory(str(migrate.MIGRATIONS))
    found = [revision.revision for revision in script.walk_revisions()]
    assert tuple(reversed(found)) == migrate.KNOWN_REVISIONS
    assert script.get_heads() == [migrate.CURRENT_REVISION]
    files = {path.name.partition("_")[0] for path in (migrate.MIGRATIONS / "versions").glob("[0-9]*.py")}
    assert files == set(migrate.KNOWN_REVISIONS)


def test_from_nothing_to_current_and_no_further() -> None:
    connection = _connection()
    assert migrate.revision_of(connection) == ""
    with pytest.raises(AssemblyError, match="not finished"):
        migrate.check_revision(connection, "here")
    migrate.upgrade_connection(connection)
    assert migrate.revision_of(connection) == migrate.CURRENT_REVISION
    migrate.check_revision(connection, "here")
    before = list(connection.iterdump())
    migrate.upgrade_connection(connection)
    assert list(connection.iterdump()) == before
    assert not migrate.upgradable(connection)


@pytest.fixture
def two_formats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The true first revision and a second one that adds a table, as if this version were the next."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    first = migrate.MIGRATIONS / "versions" / "0001_first.py"
    (folder / "versions" / first.name).write_text(first.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "versions" / "0002_next.py").write_text(
        "from alembic import op\nrevision = '0002'\ndown_revision = '0001'\nbranch_labels = depends_on = None\n"
        "def upgrade():\n    op.execute('CREATE TABLE added (x INTEGER) STRICT')\n    op.execute('INSERT INTO added VALUES (1)')\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    monkeypatch.setattr(migrate, "KNOWN_REVISIONS", ("0001", "0002"))
    monkeypatch.setattr(migrate, "CURRENT_REVISION", "0002")
    return folder


def _older() -> sqlite3.Connection:
    connection = _connection()
    migrate.upgrade_connection(connection)
    connection.execute("INSERT INTO scope (tenant, uuid, environment) VALUES ('acme', 'u', 'live')")
    return connection


def test_an_older_store_is_refused_until_it_is_upgraded(request: pytest.FixtureRequest) -> None:
    connection = _older()
    request.getfixturevalue("two_formats")
    with pytest.raises(AssemblyError, match=r"older format 0001.*needs 0002.*backup"):
        migrate.check_revision(connection, "here")
    assert migrate.upgradable(connection)
    migrate.upgrade_connection(connection)
    migrate.check_revision(connection, "here")
    assert connection.execute("SELECT x FROM added").fetchall() == [(1,)]
    assert connection.execute("SELECT tenant FROM scope").fetchall() == [("acme",)]


def test_an_upgrade_that_fails_changes_nothing(request: pytest.FixtureRequest) -> None:
    connection = _older()
    folder: Path = request.getfixturevalue("two_formats")
    script = folder / "versions" / "0002_next.py"
    script.write_text(script.read_text(encoding="utf-8") + "    op.execute('NOT SQL')\n", encoding="utf-8")
    before = list(connection.iterdump())
    with pytest.raises(Exception, match="syntax error"):
        migrate.upgrade_connection(connection)
    assert list(connection.iterdump()) == before
    assert migrate.revision_of(connection) == "0001"
    assert not connection.in_transaction
