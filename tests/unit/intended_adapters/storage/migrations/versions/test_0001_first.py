"""The first format: what it forbids by itself, whoever writes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator

import pytest

from intended_adapters.storage.migrate import upgrade_connection
from intended_core.ports import ROW_KINDS


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade_connection(connection)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("INSERT INTO scope (id, tenant, uuid, environment) VALUES (1, 'acme', 'u', 'live')")
    connection.execute("INSERT INTO record (scope, seq, thread, leaf, entry, body, fields) VALUES (1, 0, 't', x'00', x'01', x'02', x'0304')")
    connection.execute("INSERT INTO row_signing_key VALUES (1, 'token:a', 1, 'ACTIVE', x'00', x'00')")
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE record SET body = x'ff'",
        "UPDATE record SET body = x''",
        "UPDATE record SET fields = x'0305'",
        "UPDATE record SET fields = x'030405'",
        "UPDATE record SET fields = x'03', body = x'0202'",
        "UPDATE record SET fields = x'03', entry = x'0202'",
        "UPDATE record SET seq = 5",
        "UPDATE record SET thread = ''",
        "DELETE FROM record",
        "DELETE FROM record WHERE seq = 0",
        "INSERT INTO record (scope, seq, thread, leaf, entry, body, fields) VALUES (1, 0, 't', x'00', x'01', x'02', x'0304')",
        "INSERT INTO record (scope, seq, thread, leaf, entry, body, fields) VALUES (2, 1, 't', x'00', x'01', x'02', x'0304')",
        "INSERT INTO record (scope, seq, thread, leaf, entry, body, fields) VALUES (1, 1, 't', NULL, x'01', x'02', x'0304')",
        "INSERT INTO record (scope, seq, thread, leaf, entry, body, fields) VALUES (1, 'one', 't', x'00', x'01', x'02', x'0304')",
        "INSERT INTO row_signing_key VALUES (1, 'token:b', 1, 'ACTIVE', x'00', x'00')",
        "INSERT INTO row_signing_key VALUES (1, 'token:a', 1, 'PREVIOUS', x'00', x'00')",
        "INSERT INTO row_nonce VALUES (1, 'n', 1, 'ISSUED', 'text', x'00')",
        "INSERT INTO row_nonce VALUES (1, NULL, 1, 'ISSUED', x'00', x'00')",
        "INSERT INTO scope (tenant, uuid, environment) VALUES ('acme', 'v', 'live')",
        "INSERT INTO scope (tenant, uuid, environment) VALUES ('rival', 'u', 'live')",
        "INSERT INTO scope (tenant, uuid, environment) VALUES ('rival', 'v', 'staging')",
        "DELETE FROM scope",
    ],
)
def test_the_format_refuses(database: sqlite3.Connection, statement: str) -> None:
    before = list(database.iterdump())
    with pytest.raises(sqlite3.IntegrityError):
        database.execute(statement)
    assert list(database.iterdump()) == before


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO row_signing_key VALUES (1, 'log:b', 1, 'ACTIVE', x'00', x'00')",
        "INSERT INTO row_signing_key VALUES (1, 'token:b', 1, 'PREVIOUS', x'00', x'00')",
        "INSERT INTO scope (tenant, uuid, environment) VALUES ('acme', 'u', 'test')",
        "UPDATE record SET fields = x'03'",
        "UPDATE record SET fields = x'', body = x''",
    ],
)
def test_the_format_allows(database: sqlite3.Connection, statement: str) -> None:
    assert database.execute(statement).rowcount == 1


def test_every_kind_has_its_table(database: sqlite3.Connection) -> None:
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {f"row_{kind}" for kind in ROW_KINDS} <= tables


def test_the_first_format_stays_what_it_was(database: sqlite3.Connection) -> None:
    """Change this digest only while no release carries the format."""
    text = "\n".join(sorted(row[0] for row in database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")))
    assert hashlib.sha256(" ".join(text.split()).encode()).hexdigest() == "00e41afc5e70c29eafe4956d84d066a73ce24e1090e94f43f9d21768a63ad360"
