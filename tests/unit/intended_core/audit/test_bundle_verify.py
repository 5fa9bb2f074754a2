"""A bundle's verdict: trust comes from outside, all findings are told, the worst grade wins, and a re-run can only lower it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from intended_core.audit import bundle as layout
from intended_core.audit.archive import pack, unpack
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.grades import Grade
from intended_core.audit.verdicts import RerunState, TrustPolicy
from intended_core.audit.verify import Receipt
from intended_core.errors import AuditError
from tests.reference.audit_world import TenantLog

LOG = TenantLog(1)
DECIDED = LOG.decide(1)
CONSUMED = LOG.consume(1, DECIDED)
GOOD = LOG.bundle(DECIDED, [CONSUMED])
TRUST = TrustPolicy(log_keys=(LOG.key,))


@dataclass(frozen=True)
class Again:
    recorded: str = "allow by pay-small"
    again: str = "allow by pay-small"
    agrees: bool = True


def test_trust_comes_from_outside() -> None:
    pinned = verify_bundle(GOOD, trust=TRUST, rerun=lambda **_: Again())
    assert (pinned.grade, pinned.rerun, pinned.complete_to) == (Grade.CONSISTENT_UNANCHORED, RerunState.AGREES, 4)
    for trust in (None, TrustPolicy(log_keys=(TenantLog(2).key,)), TrustPolicy(log_keys=())):
        verdict = verify_bundle(GOOD, trust=trust, rerun=lambda **_: Again())
        assert verdict.grade is not Grade.CONSISTENT_UNANCHORED
        assert verdict.exit_code() != 0


def test_a_rerun_is_said_and_can_only_lower_the_grade() -> None:
    assert verify_bundle(GOOD, trust=TRUST).rerun is RerunState.NOT_RUN
    differs = verify_bundle(GOOD, trust=TRUST, rerun=lambda **_: Again(again="deny", agrees=False))
    assert (differs.rerun, differs.grade) == (RerunState.DIFFERS, Grade.TAMPERED)

    def fails(**_: Any) -> Again:
        raise AuditError("no inputs", code="audit.rerun")

    failed = verify_bundle(GOOD, trust=TRUST, rerun=fails)
    assert failed.rerun is RerunState.FAILED
    assert failed.exit_code() != 0


def test_the_rerun_gets_what_the_bundle_holds() -> None:
    seen: dict[str, Any] = {}

    def look(**given: Any) -> Again:
        seen.update(given)
        return Again()

    verify_bundle(GOOD, trust=TRUST, rerun=look)
    assert (seen["tenant_uuid"], seen["environment"]) == (LOG.scope.uuid, "test")
    assert b'"amount":"12.50"' in seen["intent"]


def test_what_the_verifier_knows_counts() -> None:
    other = TenantLog(1)
    other.decide(7)
    for trust in (
        TrustPolicy(log_keys=(LOG.key,), receipts=(Receipt(seq=DECIDED, leaf=bytes(32)),)),
        TrustPolicy(log_keys=(LOG.key,), known_head=other.known()),
    ):
        assert verify_bundle(GOOD, trust=trust, rerun=lambda **_: Again()).exit_code() != 0


def test_all_findings_are_told() -> None:
    members = dict(unpack(GOOD).members)
    members[layout.INTENT] += b" "
    members[layout.body_name(CONSUMED)] = b"{}"
    verdict = verify_bundle(pack(members), trust=TRUST, rerun=lambda **_: Again())
    assert verdict.grade in (Grade.TAMPERED, Grade.MALFORMED)
    assert len(verdict.findings) >= 2
    assert verdict.exit_code() != 0


@pytest.mark.parametrize("data", [b"", b"PK", b"\x00" * 100, GOOD[:-1], GOOD + b"\x00"])
def test_whatever_the_bytes_it_never_raises(data: bytes) -> None:
    verdict = verify_bundle(data, trust=TRUST)
    assert (verdict.grade, verdict.rerun) == (Grade.MALFORMED, RerunState.NOT_RUN)
    assert verdict.not_covered
    with pytest.raises(TypeError):
        bool(verdict)
