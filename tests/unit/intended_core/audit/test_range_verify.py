"""Verifying a stretch: what a verdict says, and that the quick recognition of headers never knows better than the judge."""

from __future__ import annotations

from io import BytesIO

import pytest

from intended_core.audit.archive import pack, unpack
from intended_core.audit.clean import Clean
from intended_core.audit.grades import Grade
from intended_core.audit.range_verify import says_range, verify_range
from intended_core.audit.verdicts import TrustPolicy
from tests.reference.audit_world import honest_log
from tests.reference.stretches import stretch

LOG = honest_log(4, size=60, seed=7)
TRUST = TrustPolicy(log_keys=(LOG.key,))


def test_a_verdict_says_what_the_stretch_holds() -> None:
    verdict = verify_range(BytesIO(stretch(LOG, 0, 60)), trust=TRUST)
    assert (verdict.grade, verdict.first, verdict.stop, verdict.as_of) == (Grade.CONSISTENT_UNANCHORED, 0, 60, 60)
    kinds = dict(verdict.kinds or {})
    assert (kinds["log.genesis"], kinds["tenant.created"], sum(kinds.values())) == (1, 1, 60)
    assert (verdict.tenant, verdict.environment, verdict.bodies, verdict.withheld) == ("tenant-4", "test", 60, 0)
    with pytest.raises(TypeError):
        bool(verdict)


def test_without_bodies_nothing_is_said_of_them() -> None:
    verdict = verify_range(BytesIO(stretch(LOG, 5, 50, bodies=False)), trust=TRUST)
    assert (verdict.grade, verdict.bodies, verdict.withheld) == (Grade.CONSISTENT_UNANCHORED, 0, 0)


def test_bodies_that_end_early_make_it_incomplete() -> None:
    members = dict(unpack(stretch(LOG, 5, 50)).members)
    members["bodies.jsonl"] = members["bodies.jsonl"].split(b"\n", 1)[0] + b"\n"
    verdict = verify_range(BytesIO(pack(members)), trust=TRUST)
    assert ("body.withheld", 6) in [(f.code, f.seq) for f in verdict.findings]


def test_quick_recognition_counts_what_the_judge_counts() -> None:
    """Header by header from any edge: the tree, the last leaf and the time come out as of the whole log."""
    whole = Clean(origin=LOG.origin, tenant_uuid=LOG.scope.uuid, generation=1)
    for row in LOG.rows[:2]:
        whole.add(row.leaf, 1)
    for row in LOG.rows[2:]:
        edge = Clean(origin=LOG.origin, tenant_uuid=LOG.scope.uuid, generation=1, edge=whole.frontier())
        assert edge.knows_last is False
        got = edge.header(row.entry)
        assert got is not None
        assert got == whole.header(row.entry)
        assert (edge.frontier(), edge.last_leaf, edge.time_us) == (whole.frontier(), whole.last_leaf, whole.time_us)
    assert whole.frontier().root() == LOG.checkpoint().root


def test_only_a_file_that_says_so_is_a_stretch() -> None:
    assert says_range(BytesIO(stretch(LOG, 5, 50)))
    assert not says_range(BytesIO(LOG.bundle(4, [])))
    assert not says_range(BytesIO(b""))
    assert not says_range(BytesIO(pack({"manifest.json": b"{}"})))
    assert not says_range(BytesIO(pack({"a": b""})))
