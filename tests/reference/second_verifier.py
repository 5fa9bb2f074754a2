"""Runs `verifiers/verify_evidence.py` beside the package's verifier and demands one answer: grade, exit code, first bad record, findings."""

from __future__ import annotations

import importlib.util
from typing import Any

from intended_core.audit.bundle_verify import BundleVerdict, TrustPolicy, verify_bundle
from intended_core.audit.grades import Grade
from tests.house.source import ROOT
from tests.reference.third_verifier import case_of, keep

FILE = ROOT / "verifiers" / "verify_evidence.py"
_spec = importlib.util.spec_from_file_location("verify_evidence", FILE)
assert _spec is not None
assert _spec.loader is not None
second: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(second)


def answer_of(data: bytes, trust: TrustPolicy | None) -> dict[str, Any]:
    """The second verifier's verdict over the same bytes and the same trust."""
    keys = () if trust is None else trust.log_keys
    head = None if trust is None else trust.known_head
    known = None if head is None else ("", head.size, head.root)
    verdict: dict[str, Any] = second.verify(data, [second.parse_key(str(key)) for key in keys], known)
    keep(case_of(data, [str(key) for key in keys], known, verdict))
    return verdict


def agree(data: bytes, trust: TrustPolicy | None) -> BundleVerdict:
    """The package's verdict without a re-run, after the second verifier gave the same."""
    if trust is not None:
        trust = TrustPolicy(log_keys=trust.log_keys, known_head=trust.known_head) if trust.log_keys else None
    first, other = verify_bundle(data, trust=trust), answer_of(data, trust)
    assert (other["grade"], other["seq"]) == (first.grade.value, first.seq), (other, first)
    if first.grade is not Grade.MALFORMED:
        found = [(item["code"], item["grade"], item["seq"]) for item in other["findings"]]
        assert found == [(item.code, item.grade.value, item.seq) for item in first.findings]
        assert (other["decision"], other["as_of"], other["complete_to"]) == (first.decision, first.as_of, first.complete_to)
    return first
