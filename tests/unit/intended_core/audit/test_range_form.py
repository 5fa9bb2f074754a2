"""A stretch as typed values: what stands beside it, and which other forms are refused."""

from __future__ import annotations

from io import BytesIO

import pytest

from intended_core.audit.archive import pack, unpack
from intended_core.audit.range_form import RangeForm
from intended_core.errors import AuditError
from tests.reference.audit_world import honest_log
from tests.reference.stretches import stretch

LOG = honest_log(4, size=30, seed=7)


def test_the_parts() -> None:
    form = RangeForm.read(BytesIO(stretch(LOG, 5, 20, known=3)))
    assert [seq for _, seq, _ in form.founding] == [0, 1]
    assert (form.claims.first, form.claims.stop, form.claims.size, form.before.size) == (5, 20, 30, 5)
    assert (form.key, form.anchor, form.tail is None, form.consistency is None) == (LOG.key, None, False, False)


@pytest.mark.parametrize("name", ["heads/frontier", "bodies/0000000000000001.json", "proofs.jsonl", "README.txt"])
def test_a_part_that_is_missing(name: str) -> None:
    members = dict(unpack(stretch(LOG, 5, 20)).members)
    del members[name]
    with pytest.raises(AuditError, match="lacks a member"):
        RangeForm.read(BytesIO(pack(members)))


def test_a_tie_without_a_proof() -> None:
    members = {**unpack(stretch(LOG, 5, 20)).members, "heads/anchor-link.json": b"{}"}
    with pytest.raises(AuditError, match="ties a proof"):
        RangeForm.read(BytesIO(pack(members)))
