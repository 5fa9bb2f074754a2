"""The SQLite store against the conformance kit."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_core.testing.storage_conformance import StorageConformance
from tests.adapters.storage.sqlite_world import SqliteHarness


class TestSqliteStorage(StorageConformance):
    @pytest.fixture
    def harness(self, tmp_path: Path) -> SqliteHarness:
        return SqliteHarness(tmp_path / "authority.db")
