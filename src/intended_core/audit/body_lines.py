"""Bodies of a stretch as lines: a body, a body with its fields behind a tab, or `null` for one that is not shown or was erased.

No canonical JSON holds a tab, so a line has one reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from intended_core.audit.clean import clean_body
from intended_core.audit.fields import MISSING, joined, sound_fields
from intended_core.audit.record import parse_body
from intended_core.audit.shapes import BESIDE, line_of
from intended_core.canonical import Json, unb64url
from intended_core.errors import AuditError
from intended_core.unit import RecordRow

__all__ = ["BESIDE", "WITHHELD", "body_line", "check_line", "parted"]

WITHHELD: Final = b"null"


def body_line(row: RecordRow, *, fields: bool) -> bytes:
    """The line of a record, without its end; `fields`: with those that are here."""
    return line_of(row.body, row.fields if fields else b"") or WITHHELD


def parted(lines: list[bytes]) -> tuple[list[bytes], list[bytes] | None]:
    """The bodies of lines none of which is withheld, and the fields beside them where there are any."""
    if BESIDE not in b"".join(lines):
        return lines, None
    parts = [line.partition(BESIDE) for line in lines]
    return [body for body, _, _ in parts], [fields for _, _, fields in parts]


_NONE: Final[Mapping[str, Json]] = {}


def check_line(kind: bytes, line: bytes, hashed: bytes) -> Mapping[str, Json]:
    """Return when the line is the body that `hashed` (base64url) commits to, of a record of this kind, and its fields those of the body.

    Answers the fields beside it that are not here, as `fields.joined` does; none where no fields are beside it at all. Raises AuditError
    `audit.body`, and `audit.field` for fields that are not.
    """
    body, beside, fields = line.partition(BESIDE)
    expected = unb64url(hashed.decode("ascii"))
    if not clean_body(kind, body, hashed):
        parse_body(body, expected=expected)
    if beside and not fields:
        raise AuditError("no fields stand beside the body", code="audit.field")
    if beside and not sound_fields(body, fields):
        gone = joined(parse_body(body, expected=expected), fields).get(MISSING)
        return gone if isinstance(gone, dict) else _NONE
    return _NONE
