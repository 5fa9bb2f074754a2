"""disclosure: which fields of a decision's evidence are shown, and what shows that others were erased.

What is withheld stays in the store; the bundle holds its digest, so that it can be shown later and compared. What is computed from a
request (its digest, its obligations, the levels of its meters) goes with any part of it, and the decision is not taken again without them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from intended_core.audit.erasures import ERASURES, signers_of
from intended_core.audit.fields import depending, erased_by, held_paths, keep_fields, read_body
from intended_core.audit.record import parse_entry
from intended_core.errors import AuditError
from intended_core.flows.effects import Context, Flow, ReadRecords
from intended_core.unit import RecordRow

__all__ = ["erasures_of", "shown_records"]

PAGE: Final = 1000
_PERSON: Final = b'"k":"person.'


def shown_records(
    records: Iterable[RecordRow], *, withhold: Collection[str] = (), disclose: Collection[str] | None = None
) -> tuple[RecordRow, ...]:
    """The records without the fields that are not to be shown.

    `withhold`: paths (`intent.args.payee`, or `intent.args` for all that begin so). `disclose`: these alone, everything else is withheld.
    Raises AuditError for a path that no record here has.
    """
    asked = {*withhold, *(disclose or ())}
    unknown = asked - {path for row in records for held in held_paths(row.fields) for path in asked if _covers(path, held)}
    if unknown:
        raise AuditError(f"no record of this evidence has a field {min(unknown)}", code="audit.field")
    return tuple(replace(row, fields=_shown(row.fields, withhold, disclose)) for row in records)


def _shown(fields: bytes, withhold: Collection[str], disclose: Collection[str] | None) -> bytes:
    held = held_paths(fields)
    left = {path for path in held if any(_covers(each, path) for each in withhold)}
    if disclose is not None:
        left |= {path for path in held if not any(_covers(each, path) for each in disclose)}
    return keep_fields(fields, depending(fields, left)) if left else fields


def _covers(given: str, path: str) -> bool:
    return path == given or path.startswith(f"{given}.")


def erasures_of(context: Context, rows: Iterable[RecordRow]) -> Flow[list[RecordRow]]:
    """The records that permitted what is missing from these, and those that introduced who signed them, looked for in the whole log."""
    found: list[RecordRow] = []
    signers: set[str] = set()
    for by in sorted({by for row in rows for by in erased_by(row.fields)}):
        got: Sequence[RecordRow] = yield ReadRecords(context.scope, by, by + 1)
        for row in got:
            if parse_entry(row.entry).kind in ERASURES:
                found.append(row)
                signers |= signers_of(read_body(row))
    if not found:
        return found
    for start in range(0, found[-1].seq, PAGE):
        page: Sequence[RecordRow] = yield ReadRecords(context.scope, start, min(start + PAGE, found[-1].seq))
        found += [row for row in page if _PERSON in row.entry and signers & signers_of({"persons": [read_body(row).get("person")]})]
    return found
