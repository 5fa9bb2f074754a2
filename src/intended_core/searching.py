"""Looking for records in a log: what operators ask of it, answered record by record in the memory of one.

What is found is what the store holds; whether the log as a whole holds is `verify_tenant_log`'s to say. Every shown body is compared with
its header, so a record that was altered on its own is an error and not an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.audit.fields import held_values
from intended_core.audit.record import MAX_BODY_BYTES, EventKind, parse_entry
from intended_core.auditing import ShownRecord, show_record
from intended_core.authority import TenantAuthority
from intended_core.canonical import Json, parse_strict
from intended_core.errors import AuditError, IntentError
from intended_core.ids import EntityRef
from intended_core.unit import RecordRow

__all__ = ["LogQuery", "life_of", "parts_about", "search_log"]

_DEEP: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which records: every member that is given must hold. Times in microseconds since 1970 UTC, `until_us` excluded.

    `kinds`: `token.refused`, or `token.` for every kind that begins so. `about`: an entity that the record names anywhere. `action`,
    `rule`: of a decision. `text`: what a text in the body holds, in the same case.
    """

    kinds: tuple[str, ...] = ()
    since_us: int | None = None
    until_us: int | None = None
    about: EntityRef | None = None
    action: str | None = None
    rule: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if not any(known.value == kind or (kind.endswith(".") and known.value.startswith(kind)) for known in EventKind):
                raise AuditError(f"there is no record of the kind {kind}", code="audit.kind")


def search_log(tenant: TenantAuthority, query: LogQuery, *, start: int = 0, stop: int | None = None) -> Iterator[ShownRecord]:
    """The records of [start, stop) that the query describes, in order, streamed.

    Raises AuditError for one that is not as it was written.
    """
    for row in tenant.records(start=start, stop=stop):
        entry = parse_entry(row.entry)
        kind = entry.kind.value
        if query.kinds and not any(kind == each or (each.endswith(".") and kind.startswith(each)) for each in query.kinds):
            continue
        if query.since_us is not None and entry.time_us < query.since_us:
            continue
        if query.until_us is not None and entry.time_us >= query.until_us:
            continue
        shown = show_record(row)
        if _fits(query, shown.body):
            yield shown


def parts_about(tenant: TenantAuthority, about: EntityRef) -> Iterator[tuple[int, str | None]]:
    """Where the log names an entity: (record, field) for each field of a decision that does, (record, None) for any other record.

    Raises AuditError for a record that is not as it was written.
    """
    for row in tenant.records():
        if not row.body:
            continue
        body = show_record(row).body
        if not row.fields:
            if _fits(LogQuery(about=about), body):
                yield row.seq, None
            continue
        values = held_values(row.fields)
        inner = {path: _names(_approvers(value) if path == "approved_by" else value, about, _DEEP) for path, value in values.items()}
        beside = {name: value for name, value in body.items() if name not in values and not name.startswith("intent")}
        if _names(beside, about, _DEEP):
            yield row.seq, None
        else:
            yield from ((row.seq, path) for path, named in inner.items() if named)


def _approvers(value: Json) -> Json:
    return [item[1:] if isinstance(item, list) else item for item in value] if isinstance(value, list) else value


def life_of(tenant: TenantAuthority, row: RecordRow) -> tuple[ShownRecord, ...]:
    """Every record of the token's or approval's life that this record is a step of, itself included; only itself when it has none."""
    entry = parse_entry(row.entry)
    if entry.thread is None:
        return (show_record(row),)
    found = tenant.thread(row.thread)
    return tuple(show_record(each) for each in found)


def _fits(query: LogQuery, body: dict[str, Json]) -> bool:
    if query.action is None and query.rule is None and query.about is None and query.text is None:
        return True
    intent = body.get("intent")
    asked: Json = None
    if isinstance(intent, str):
        try:
            asked = parse_strict(intent.encode("utf-8", "replace"), max_bytes=MAX_BODY_BYTES)
        except IntentError:
            asked = None
    if query.action is not None and (not isinstance(asked, dict) or asked.get("action") != query.action):
        return False
    rules = body.get("rules")
    if query.rule is not None and (not isinstance(rules, list) or query.rule not in rules):
        return False
    if query.about is not None and not (_names(body, query.about, _DEEP) or _names(asked, query.about, _DEEP)):
        return False
    return query.text is None or _says(body, query.text, _DEEP)


def _names(value: Json, ref: EntityRef, levels: int) -> bool:
    if isinstance(value, str):
        return value == str(ref)
    if levels == 0:
        return False
    if isinstance(value, list):
        return value[:2] == [ref.type, ref.id] or any(_names(item, ref, levels - 1) for item in value)
    if isinstance(value, dict):
        if value.get("type") == ref.type and value.get("id") == ref.id:
            return True
        return any(_names(item, ref, levels - 1) for item in value.values())
    return False


def _says(value: Json, text: str, levels: int) -> bool:
    if isinstance(value, str):
        return text in value
    if levels == 0:
        return False
    inner: Sequence[Json] = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else ()
    return any(_says(item, text, levels - 1) for item in inner)
