"""audit mend: tiles are made anew from the records, and what was wrong with them is no longer found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from intended_core import Authority
from tests.reference.tile_world import fill


def test_an_edited_tile_is_mended(run: Callable[..., Any], shop: Any) -> None:
    store, key = shop.options[shop.options.index("--store") + 1], shop.options[shop.options.index("--key-file") + 1]
    with Authority.open(store, key_file=key) as authority:
        fill(authority.tenant("acme"), 600)
        authority.tenant("acme").tiles.lay()
    connection = sqlite3.connect(store, isolation_level=None)
    edit = "UPDATE row_tile SET body = CAST(zeroblob(32) || substr(body, 33) AS BLOB) WHERE \"key\" = '0/0'"
    assert connection.execute(edit).rowcount == 1
    connection.close()
    found = run(*shop.options, "audit", "verify", "--json")
    assert (found.code, [one["code"] for one in found.json["findings"]]) == (25, ["tile.differs"])
    assert run(*shop.options, "audit", "mend", "--json").json == {"size": 512, "written": 1}
    assert "0 were made anew" in run(*shop.options, "audit", "mend").out
    assert run(*shop.options, "audit", "verify", "--json").json["findings"] == []
