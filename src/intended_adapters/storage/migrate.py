"""Formats of the store: which revision a file stands at, and bringing an older one up. Alembic runs the revisions that the
wheel carries, in one transaction; it is imported only when there is something to run.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from intended_core.errors import AssemblyError

__all__ = ["CURRENT_REVISION", "KNOWN_REVISIONS", "check_revision", "revision_of", "upgradable", "upgrade_connection"]

KNOWN_REVISIONS: Final = ("0001",)  # oldest first; a test holds this equal to the files in migrations/versions
CURRENT_REVISION: Final = KNOWN_REVISIONS[-1]
MIGRATIONS: Final = Path(__file__).parent / "migrations"
_TABLES: Final = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
_REVISIONS: Final = "SELECT version_num FROM alembic_version ORDER BY version_num"


def revision_of(connection: sqlite3.Connection) -> str:
    """The revision that the file says it stands at, "" when its creation was never finished. Raises AssemblyError, sqlite3.Error."""
    if connection.execute(_TABLES).fetchone()[0] == 0:
        return ""
    rows = connection.execute(_REVISIONS).fetchall()
    if len(rows) != 1 or not isinstance(rows[0][0], str):
        raise AssemblyError("the store does not say one format: its version table was edited; restore it from a backup")
    return str(rows[0][0])


def check_revision(connection: sqlite3.Connection, location: str) -> None:
    """Pass when the file stands at the current revision; AssemblyError says what to do otherwise."""
    found = revision_of(connection)
    if found == CURRENT_REVISION:
        return
    if found == "":
        raise AssemblyError(f"{location} holds no store: its creation was not finished; remove the file and create it again")
    if found in KNOWN_REVISIONS:
        raise AssemblyError(
            f"{location} is of the older format {found}, this version needs {CURRENT_REVISION}: make a backup, then upgrade it"
        )
    raise AssemblyError(
        f"{location} is of format {found[:32]!r}, which this version (up to {CURRENT_REVISION}) does not know: "
        "it was written by a newer version; install that one"
    )


def upgradable(connection: sqlite3.Connection) -> bool:
    """Whether the file stands at an older format that this version can bring up."""
    return revision_of(connection) in KNOWN_REVISIONS[:-1]


def upgrade_connection(connection: sqlite3.Connection) -> None:
    """Run every missing revision in one transaction on an open autocommit connection. Raises sqlite3.Error or
    sqlalchemy.exc.SQLAlchemyError with everything rolled back.
    """
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(MIGRATIONS))

    def steps(revision: Any, context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # the documented way of alembic.command, which needs a file of settings

    # One connection, never pooled and never closed here; the driver's own transactions are off, so BEGIN is said aloud.
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=sa.StaticPool)
    sa.event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as bound, bound.begin(), EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=bound, transactional_ddl=True)
        environment.run_migrations()
