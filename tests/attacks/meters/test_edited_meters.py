"""Somebody who writes to the file cannot give a budget back: not by zeroing, deleting, or putting an older row back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from intended_core import Deny, Granted
from tests.reference.meter_world import AUDIENCE, paying, world


def rows(file: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(file) as database:
        return database.execute("SELECT * FROM row_meter WHERE \"key\" NOT LIKE 'held:%' ORDER BY \"key\"").fetchall()


def put_back(file: Path, kept: list[tuple[object, ...]], like: str) -> None:
    with sqlite3.connect(file) as database:
        database.execute('DELETE FROM row_meter WHERE "key" LIKE ?', (like,))
        for row in kept:
            database.execute("INSERT OR REPLACE INTO row_meter VALUES (?, ?, ?, ?, ?, ?)", row)


@pytest.mark.parametrize(
    "attack",
    ["zeroed", "one row taken away", "every shard taken away", "everything taken away", "a shard put back", "everything put back", "renamed"],
)
def test_the_budget_stays_spent(tmp_path: Path, attack: str) -> None:
    with world(tmp_path) as (tenant, _, file):
        assert isinstance(tenant.authorize(paying("50.00"), audience=AUDIENCE), Granted)
        before = rows(file)
        assert isinstance(tenant.authorize(paying("50.00"), audience=AUDIENCE), Granted)
        shards = [row for row in before if str(row[1]).startswith("shard:")]
        with sqlite3.connect(file) as database:
            if attack == "zeroed":
                database.execute("UPDATE row_meter SET body = x'7b7d' WHERE \"key\" LIKE 'shard:%'")
            elif attack == "one row taken away":
                database.execute('DELETE FROM row_meter WHERE "key" = ?', (shards[0][1],))
            elif attack == "every shard taken away":
                database.execute("DELETE FROM row_meter WHERE \"key\" LIKE 'shard:%'")
            elif attack == "everything taken away":
                database.execute("DELETE FROM row_meter")
            elif attack == "renamed":
                database.execute("UPDATE row_meter SET \"key\" = 'shard:zz' WHERE \"key\" LIKE 'shard:%' AND \"key\" = ?", (shards[0][1],))
        if attack == "a shard put back":
            put_back(file, shards, "shard:%")
        elif attack == "everything put back":
            put_back(file, before, "%")
        found = tenant.authorize(paying("10.00"), audience=AUDIENCE)
        assert isinstance(found, Deny)
        assert found.kind in ("error", "unavailable", "conflict", "forbid")


def test_a_policy_that_counts_is_not_believed_before_its_first_row(tmp_path: Path) -> None:
    with world(tmp_path) as (tenant, _, file):
        with sqlite3.connect(file) as database:
            database.execute("DELETE FROM row_meter")
        found = tenant.authorize(paying("10.00"), audience=AUDIENCE)
        assert isinstance(found, Deny)
        assert found.kind in ("error", "unavailable")
