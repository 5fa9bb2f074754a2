"""Values of params and tables as rows: one content by its digest, and a pointer on the guards' roster that says which one is in force.

A content holds plain values, typed by no set: a value whose name the active set does not declare stays where it is and is read by
nobody, so that the set it belongs to finds it again after a rollback. What decisions read is the content typed under the active schema
(`lang.data`), whose wire form stands beside, by its own digest, for whoever runs a decision again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from intended_core.canonical import Json, Labelled, b64url, canonical_json, digest, parse_canonical, unb64url
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.effects import Context, Flow, ReadRows
from intended_core.flows.rows import plain, unplain
from intended_core.flows.steps import authentic
from intended_core.lang.data import MAX_DATA_BYTES, NO_DATA, DataSnapshot, TableRows, type_data
from intended_core.lang.types import Schema
from intended_core.unit import Row, RowKey, UnitView, Write

__all__ = [
    "DATA_POINTER",
    "NO_CONTENT",
    "DataContent",
    "StoredData",
    "content_digest",
    "content_key",
    "content_writes",
    "decision_input",
    "decode_pointer",
    "named_content",
    "plain_value",
    "pointer_since",
    "pointer_write",
    "read_data",
    "snapshot_key",
    "snapshot_writes",
    "typed_content",
]

DATA_POINTER: Final = RowKey("policy", "data")
_INPUT: Final = Labelled("intended.input/v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataContent:
    """Plain values by name. `tables`: rows and when they were written (UTC ms). Map rows are [key, value] pairs."""

    params: Mapping[str, Json] = field(default_factory=dict)
    tables: Mapping[str, tuple[Json, int]] = field(default_factory=dict)

    def to_body(self) -> bytes:
        """Canonical bytes for the row; raises IntentError when there is too much."""
        tables: dict[str, Json] = {name: {"rows": rows, "updated": at} for name, (rows, at) in self.tables.items()}
        body = canonical_json({"params": dict(self.params), "tables": tables})
        if len(body) > MAX_DATA_BYTES:
            raise IntentError(f"params and tables are larger than {MAX_DATA_BYTES} bytes", place="data")
        return body

    @classmethod
    def from_body(cls, body: bytes) -> DataContent:
        """The content of an authenticated row; raises StoreCorruptError."""
        try:
            data: Any = parse_canonical(body, max_bytes=MAX_DATA_BYTES)
            tables = {str(name): (item["rows"], int(item["updated"])) for name, item in data["tables"].items()}
            return cls(params=dict(data["params"]), tables=tables)
        except (IntentError, KeyError, TypeError, ValueError, AttributeError):
            raise StoreCorruptError("the row of params and tables is damaged") from None


NO_CONTENT: Final = DataContent()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredData:
    """What is in force. `version`: of the pointer, 0 where nothing was ever set."""

    version: int
    content: DataContent


def content_digest(body: bytes) -> bytes:
    """Names a content, 32 bytes."""
    return digest("intended.data-content/v1", body)


def content_key(named: bytes) -> RowKey:
    """The row of the content of this digest."""
    return RowKey("policy", f"data:{b64url(named)}")


def snapshot_key(data: DataSnapshot) -> RowKey:
    """The row of a typed snapshot, which a decision names."""
    return RowKey("snapshot", b64url(data.digest))


def plain_value(value: object, name: str) -> Json:
    """A value of a param or the rows of a table as JSON; raises IntentError naming it."""
    if isinstance(value, Mapping) and not all(isinstance(key, str) and key.isascii() for key in value):
        return [[plain(key, name), plain(item, name)] for key, item in value.items()]
    return plain(value, name)


def decode_pointer(row: Row) -> bytes:
    """The digest of the content that the pointer names; raises StoreCorruptError."""
    try:
        body: Any = parse_canonical(row.body, max_bytes=4096)
        return unb64url(str(body["content"]))
    except (IntentError, KeyError, TypeError):
        raise StoreCorruptError("the pointer to params and tables is damaged") from None


def pointer_since(row: Row) -> int:
    """The record from which on the content that the pointer names is in force; raises StoreCorruptError."""
    try:
        body: Any = parse_canonical(row.body, max_bytes=4096)
        since = body["seq"]
    except (IntentError, KeyError, TypeError):
        raise StoreCorruptError("the pointer to params and tables is damaged") from None
    if type(since) is not int or since < 0:
        raise StoreCorruptError("the pointer to params and tables is damaged")
    return since


def named_content(row: Row | None, named: bytes) -> DataContent:
    """The content of an authenticated row, which must be the one named; raises StoreCorruptError."""
    if row is None or content_digest(row.body) != named:
        raise StoreCorruptError("the params and tables in force are gone or not those that the pointer names")
    return DataContent.from_body(row.body)


def typed_content(schema: Schema, stored: StoredData) -> DataSnapshot:
    """The values that this schema declares, typed; raises IntentError naming the param or the table.

    NO_DATA for a schema without params and tables.
    """
    if not schema.params and not schema.tables:
        return NO_DATA
    content = stored.content
    return type_data(
        schema, version=str(stored.version),
        params={name: unplain(value) for name, value in content.params.items() if name in schema.params},
        tables={
            name: TableRows(rows=unplain(rows), updated_ms=at)
            for name, (rows, at) in content.tables.items() if name in schema.tables
        },
    )  # fmt: skip


def read_data(context: Context) -> Flow[StoredData]:
    """What is in force, as the store shows it now; the unit asks again whether the pointer still stands at this version."""
    found: Sequence[Row] = yield ReadRows(context.scope, (DATA_POINTER,))
    if not found:
        return StoredData(version=0, content=NO_CONTENT)
    pointer = context.mac.check(context.scope, found[0]).row
    named = decode_pointer(pointer)
    rows: Sequence[Row] = yield ReadRows(context.scope, (content_key(named),))
    content = named_content(context.mac.check(context.scope, rows[0]).row if rows else None, named)
    return StoredData(version=pointer.version, content=content)


def snapshot_writes(context: Context, view: UnitView, data: DataSnapshot) -> tuple[Write, ...]:
    """The row of the typed values, where it is not there yet; the unit read `snapshot_key(data)`."""
    key = snapshot_key(data)
    if not data.digest or authentic(context, view, key) is not None:
        return ()
    return (Write(context.mac.seal_row(context.scope, key.kind, key.key, 1, "STORED", data.wire), 0),)


def content_writes(context: Context, view: UnitView, body: bytes) -> tuple[Write, ...]:
    """The row of a content, where it is not there yet; the unit read `content_key`."""
    key = content_key(content_digest(body))
    if authentic(context, view, key) is not None:
        return ()
    return (Write(context.mac.seal_row(context.scope, key.kind, key.key, 1, "STORED", body), 0),)


def pointer_write(context: Context, *, version: int, named: bytes, seq: int) -> Write:
    """The pointer's next row: `named` is in force from the record `seq` on."""
    body = canonical_json({"content": b64url(named), "seq": seq})
    row = context.mac.seal_row(context.scope, DATA_POINTER.kind, DATA_POINTER.key, version + 1, "ACTIVE", body)
    return Write(row, version)


def decision_input(ith: bytes, data: DataSnapshot) -> bytes:
    """The digest of all that a caller can ask to be decided again: the intent's own, and beside it the params and tables read."""
    return ith if not data.digest else _INPUT.digest(ith + data.digest)
