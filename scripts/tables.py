"""Write grammar/intended.table.json from grammar/intended.lark: `python -m scripts.tables`. A test holds the two together."""

from __future__ import annotations

from pathlib import Path

from lark import Lark

from intended_core.lang.lalr import make_driver
from intended_core.lang.lalr_tables import write_tables
from intended_core.lang.parser import grammar_text

__all__ = ["FILE", "tables"]

FILE = Path(__file__).resolve().parent.parent / "grammar" / "intended.table.json"


def tables() -> bytes:
    """The tables of the grammar as it is now."""
    grammar = grammar_text()
    driver = make_driver(Lark(grammar, parser="lalr", propagate_positions=False, maybe_placeholders=True))
    if driver is None:
        raise SystemExit("lark keeps its tables in a way that intended_core.lang.lalr does not know")
    return write_tables(driver, grammar)


if __name__ == "__main__":
    FILE.write_bytes(tables())
