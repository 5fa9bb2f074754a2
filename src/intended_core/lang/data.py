"""Data beside the policy: the values of params and tables, typed under the schema, as one immutable version with its digest.

Nothing here is guessed: a param without value and default, a table without rows, rows that do not fit, an old table are errors.
`cells` is what compiled conditions and the interpreter read: name to value, and `name@` to the moment a table was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from intended_core.canonical import Json, digest, parse_canonical
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang.nearest import did_you_mean
from intended_core.lang.typedata import Refs, converter, decoder
from intended_core.lang.types import Schema
from intended_core.values import Value

__all__ = ["MAX_DATA_BYTES", "NO_DATA", "DataSnapshot", "TableRows", "parse_data", "type_data"]

MAX_DATA_BYTES: Final = 16 * 1024 * 1024  # as much as an entity snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The rows of a table as plain data (a list, or a mapping or list of [key, value] pairs) and when they were written (UTC ms)."""

    rows: object
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSnapshot:
    """Typed params and tables. `version` names the state of their store; `references`: entities that they name; `digest`: 32 bytes."""

    version: str
    cells: Mapping[str, Value]
    references: frozenset[EntityRef] = frozenset()
    wire: bytes = field(default=b"", repr=False)
    digest: bytes = b""


NO_DATA: Final = DataSnapshot(version="", cells={})


def type_data(
    schema: Schema,
    *,
    version: str,
    params: Mapping[str, object] | None = None,
    tables: Mapping[str, TableRows] | None = None,
) -> DataSnapshot:
    """The snapshot of these values; raises IntentError naming the param or table.

    What is not given keeps its default or has no value; reading it then denies.
    """
    refs: Refs = set()
    cells: dict[str, Value] = {}
    plain_params: dict[str, Json] = {}
    plain_tables: dict[str, Json] = {}
    for name, value in sorted((params or {}).items()):
        declared = schema.params.get(name)
        if declared is None:
            raise IntentError(f"is not a param of the set {did_you_mean(name, schema.params)}".rstrip(), place=name[:80])
        cells[name], plain_params[name] = converter(declared.type)(value, name, refs)
    for name, rows in sorted((tables or {}).items()):
        table = schema.tables.get(name)
        if table is None:
            raise IntentError(f"is not a table of the set {did_you_mean(name, schema.tables)}".rstrip(), place=name[:80])
        if type(rows.updated_ms) is not int or rows.updated_ms < 0:
            raise IntentError("a table says when it was written, in UTC milliseconds", place=name)
        cells[name], wire_rows = converter(table.type)(rows.rows, name, refs)
        cells[f"{name}@"] = rows.updated_ms
        plain_tables[name] = {"rows": wire_rows, "updated": f"i:{rows.updated_ms}"}
    try:
        wire = orjson.dumps({"params": plain_params, "tables": plain_tables}, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        raise IntentError("text must be valid Unicode (no lone surrogates)", place="data") from None
    if len(wire) > MAX_DATA_BYTES:
        raise IntentError(f"params and tables are larger than {MAX_DATA_BYTES} bytes", place="data")
    return DataSnapshot(
        version=version,
        cells=cells,
        references=frozenset(refs),
        wire=wire,
        digest=digest("intended.data/v1", schema.digest, wire),
    )


def parse_data(schema: Schema, wire: bytes) -> DataSnapshot:
    """The snapshot whose canonical wire form is `wire`; raises IntentError unless these are exactly its bytes."""
    data: Any = parse_canonical(wire, max_bytes=MAX_DATA_BYTES)
    try:
        params = {name: decoder(schema.params[name].type)(value) for name, value in data["params"].items()}
        tables = {
            name: TableRows(rows=decoder(schema.tables[name].type)(item["rows"]), updated_ms=int(item["updated"][2:]))
            for name, item in data["tables"].items()
        }
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise IntentError("not the wire form of params and tables", place="data") from None
    made = type_data(schema, version="recorded", params=params, tables=tables)
    if made.wire != wire:
        raise IntentError("not the canonical wire form of params and tables", place="data")
    return made
