"""Lines of bodies: one reading each, and what does not fit is refused as a body or as a field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.audit.body_lines import WITHHELD, body_line, check_line, parted
from intended_core.audit.fields import keep_fields
from intended_core.audit.record import parse_entry
from intended_core.canonical import b64url
from intended_core.errors import AuditError
from tests.reference.tampered_fields import decisions, fielded

LOG = fielded(5)
ROW = LOG.rows[decisions(LOG)[0]]
HASHED = b64url(parse_entry(ROW.entry).body_hash).encode()


def test_a_line_has_one_reading() -> None:
    whole, bare = body_line(ROW, fields=True), body_line(ROW, fields=False)
    assert (whole, bare) == (ROW.body + b"\t" + ROW.fields, ROW.body)
    assert body_line(replace(ROW, body=b"", fields=b""), fields=True) == WITHHELD
    assert parted([whole, bare]) == ([ROW.body, ROW.body], [ROW.fields, b""])
    assert parted([bare]) == ([bare], None)
    assert not any(9 in row.body + row.fields for row in LOG.rows)


def test_a_line_that_fits() -> None:
    for fields in (ROW.fields, keep_fields(ROW.fields, ["ith"]), None):
        check_line(b"decision.allow", ROW.body if fields is None else ROW.body + b"\t" + fields, HASHED)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (ROW.body + b"\t", "audit.field"),
        (ROW.body + b"\t{", "audit.field"),
        (ROW.body + b"\t" + ROW.fields + b"\t", "audit.field"),
        (ROW.body + b"\t" + LOG.rows[decisions(LOG)[1]].fields, "audit.field"),
        (ROW.body + b" \t" + ROW.fields, "audit.body"),
        (b"\t" + ROW.fields, "audit.body"),
    ],
)
def test_a_line_that_does_not(line: bytes, code: str) -> None:
    with pytest.raises(AuditError) as raised:
        check_line(b"decision.allow", line, HASHED)
    assert raised.value.code == code
