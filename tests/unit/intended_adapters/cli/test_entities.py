"""Entities at the command line: what is put comes out as it was put."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_put_list_show_remove(run: Callable[..., Any], tmp_path: Path) -> None:
    options = ("--store", str(tmp_path / "data" / "a.db"), "--key-file", str(tmp_path / "keys" / "kek"), "--tenant", "acme")
    assert run(*options, "init").code == 0
    assert run(*options, "tenant", "create", "acme").code == 0
    given = [
        {"type": "Group", "id": "g", "parents": [], "attributes": {}},
        {"type": "User", "id": "ann", "parents": [{"type": "Group", "id": "g"}],
         "attributes": {"boss": {"__entity": {"type": "User", "id": "bob"}}, "limit": "1.00"}},
    ]  # fmt: skip
    (tmp_path / "e.json").write_text(json.dumps(given))
    assert run(*options, "entities", "put", str(tmp_path / "e.json")).code == 0
    assert run(*options, "entities", "list", "--json").json["entities"] == given
    assert run(*options, "entities", "list", "--type", "Group").out.strip() == 'Group::"g"'
    assert run(*options, "entities", "show", 'User::"ann"', "--json").json["entity"] == given[1]
    assert 'in Group::"g"' in run(*options, "entities", "show", 'User::"ann"').out
    assert run(*options, "entities", "remove", 'User::"ann"').code == 0
    assert run(*options, "entities", "show", 'User::"ann"').code == 6
    assert run(*options, "entities", "remove", 'User::"nobody"').code == 6
