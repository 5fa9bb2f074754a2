"""Commands that put right what follows from the records: audit mend."""

from __future__ import annotations

import typer

from intended_adapters.cli.common import JsonFlag, counted, emit, place

__all__ = ["mends"]


def mends(audit: typer.Typer) -> None:
    """Add the commands of this room to the group."""
    audit.command("mend")(_mend)


def _mend(json: JsonFlag = False) -> None:
    """Make the log's tiles anew from its records, where they are not theirs; no record and no head is touched.

    Example: intended --tenant acme audit mend

    Tiles are the log's hashes in rows of 256, from which proofs are made; `audit verify` finds one that was edited or taken away. Where
    the records themselves are not those that the head names, nothing is made from them.
    """
    where = place()
    with where.open() as authority:
        laid = where.handle(authority).tiles.mend()
    told = f"the tiles of {counted(laid.size, 'record')} stand; {laid.written} were made anew"
    emit(json, {"size": laid.size, "written": laid.written}, told)
