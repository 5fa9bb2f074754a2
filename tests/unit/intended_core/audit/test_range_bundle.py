"""Writing evidence of a stretch: byte for byte the same, whole or not at all, and its claims in one form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.audit.archive import unpack
from intended_core.audit.range_bundle import BODIES, RangeClaims
from intended_core.errors import AuditError
from tests.reference.audit_world import honest_log
from tests.reference.stretches import stretch

LOG = honest_log(4, size=20, seed=5)
CLAIMS = RangeClaims(
    origin="o", tenant="t", tenant_uuid="u", environment="live", generation=1, first=3, stop=9, size=20, made_us=5, engine="e"
)


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert stretch(LOG, 3, 9) == stretch(LOG, 3, 9)


def test_bodies_stay_out_when_they_should() -> None:
    members = unpack(stretch(LOG, 3, 9, bodies=False)).members
    assert BODIES not in members
    assert b"without what they say" in members["README.txt"]
    held = b"".join(body for name, body in members.items() if not name.startswith("bodies/"))
    assert not any(row.body in held for row in LOG.rows)


@pytest.mark.parametrize(
    "change",
    [
        {"records": lambda: iter(LOG.rows[3:8])},
        {"records": lambda: iter([*LOG.rows[3:5], *LOG.rows[6:10]])},
        {"records": lambda: iter(LOG.rows[3:10])},
        {"tail": None},
        {"founding": LOG.rows[:1]},
        {"proofs": []},
    ],
)
def test_what_is_not_whole_is_not_written(change: dict[str, object]) -> None:
    with pytest.raises(AuditError):
        stretch(LOG, 3, 9, **change)


def test_the_claims_go_round_and_have_one_form() -> None:
    assert RangeClaims.from_json(CLAIMS.to_json()) == CLAIMS
    good = CLAIMS.to_json()
    for change in (
        {"first": 9}, {"first": -1}, {"stop": 21}, {"first": True}, {"stop": "9"}, {"claim": "all of it"}, {"more": 1}, {"scope": []},
        {"format": "intended.evidence/v1"}, {"not_covered": []}, {"engine": None},
        {"scope": {**good["scope"], "environment": "prod"}},  # type: ignore[dict-item]
    ):  # fmt: skip
        with pytest.raises(AuditError, match="malformed"):
            RangeClaims.from_json({**good, **change})  # type: ignore[dict-item]
    with pytest.raises(AuditError, match="malformed"):
        RangeClaims.from_json(replace(CLAIMS, first=9).to_json())


