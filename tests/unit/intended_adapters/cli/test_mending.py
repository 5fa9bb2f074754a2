"""audit mend: tiles are made anew from the records, and what was wrong with them is no longer found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from intended_core import Authority
from intended_core.flows.anchor import ANCHOR_SCOPE
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
    assert run(*shop.options, "audit", "mend", "--json").json == {
        "size": 512, "written": 1, "anchor": {"size": 0, "written": 0},
    }  # fmt: skip
    assert "0 were made anew" in run(*shop.options, "audit", "mend").out
    assert run(*shop.options, "audit", "verify", "--json").json["findings"] == []


def test_a_tile_of_the_anchor_log_is_found_and_mended_beside(run: Callable[..., Any], shop: Any) -> None:
    store, key = shop.options[shop.options.index("--store") + 1], shop.options[shop.options.index("--key-file") + 1]
    with Authority.open(store, key_file=key, durability="normal") as authority:
        while authority.anchor.size() < 257:
            authority.anchor.seal()
        authority.anchor.release()
    connection = sqlite3.connect(store, isolation_level=None)
    edit = "UPDATE row_tile SET body = CAST(zeroblob(32) || substr(body, 33) AS BLOB) WHERE scope = (SELECT id FROM scope WHERE uuid = ?) AND \"key\" = '0/0'"
    assert connection.execute(edit, (ANCHOR_SCOPE.uuid,)).rowcount == 1
    connection.close()
    found = run(*shop.options, "audit", "verify", "--json")
    assert (found.code, found.json["verdict"], found.json["first_bad"]) == (25, "TAMPERED", None)
    assert [(one["code"], one["seq"]) for one in found.json["findings"]] == [("tile.differs", None)]
    assert "tile.differs: in the anchor log: tile 0/0 is not" in " ".join(run(*shop.options, "audit", "verify").out.split())
    assert run(*shop.options, "audit", "mend", "--json").json["anchor"] == {"size": 256, "written": 1}
    assert run(*shop.options, "audit", "verify", "--json").json["findings"] == []
