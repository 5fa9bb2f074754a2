"""Commands that put right what follows from the records: audit mend; and the look at it that `audit verify` takes."""

from __future__ import annotations

from dataclasses import replace

import typer

from intended_adapters.cli.common import JsonFlag, counted, emit, place
from intended_core import Authority, LogVerdict

__all__ = ["anchor_tiles_beside", "mends"]


def mends(audit: typer.Typer) -> None:
    """Add the commands of this room to the group."""
    audit.command("mend")(_mend)


def _mend(json: JsonFlag = False) -> None:
    """Make the tiles of the log, and of the anchor log, anew from their records where they are not theirs; nothing else is touched.

    Example: intended --tenant acme audit mend

    Tiles are the log's hashes in rows of 256, from which proofs are made; `audit verify` finds one that was edited or taken away. Where
    the records themselves are not those that the head names, nothing is made from them.
    """
    where = place()
    with where.open() as authority:
        laid, anchor = where.handle(authority).tiles.mend(), authority.anchor.tiles.mend()
    told = [f"the tiles of {counted(each.size, 'record')}{where_} stand; {each.written} were made anew"
            for each, where_ in ((laid, ""), (anchor, " of the anchor log"))]  # fmt: skip
    emit(
        json,
        {"size": laid.size, "written": laid.written, "anchor": {"size": anchor.size, "written": anchor.written}},
        "\n".join(told),
    )


def anchor_tiles_beside(verdict: LogVerdict, authority: Authority) -> LogVerdict:
    """The verdict on a tenant's log; where nothing was found, with what is wrong with the tiles of the anchor log.

    Raises StoreCorruptError where the anchor log itself is not the one that its head names.
    """
    found = None if verdict.findings else authority.anchor.tiles.check()
    if found is None:
        return verdict
    return replace(verdict, grade=found.grade, findings=(replace(found, seq=None, text=f"in the anchor log: {found.text}"),))
