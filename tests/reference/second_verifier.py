"""Runs `verifiers/verify_evidence.py` beside the package's verifier and demands one answer: grade, exit code, first bad record, findings."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.grades import Grade
from intended_core.audit.keychain import KeySpan
from intended_core.audit.tlogpolicy import TlogPolicy
from intended_core.audit.verdicts import BundleVerdict, TrustPolicy
from tests.house.source import ROOT
from tests.reference.third_verifier import case_of, keep

FILE = ROOT / "verifiers" / "verify_evidence.py"
_spec = importlib.util.spec_from_file_location("verify_evidence", FILE)
assert _spec is not None
assert _spec.loader is not None
second: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(second)


def policy_bytes(policy: TlogPolicy | None) -> bytes | None:
    """The file that the policy was read from, in one spelling."""
    if policy is None:
        return None
    lines = [f"log {key}" for key in (*policy.logs, *policy.seconds)]
    lines += [f"witness {name} {key}" for name, key in policy.witnesses.items()]
    lines += [f"group {name} {group.threshold} {' '.join(group.members)}" for name, group in policy.groups.items()]
    return "\n".join([*lines, f"quorum {policy.quorum or 'none'}", ""]).encode()


def fresh_of(trust: TrustPolicy | None) -> tuple[int | None, int | None, int | None]:
    """How new it must be, as the second verifier is told."""
    asked = None if trust is None else trust.fresh
    return (None, None, None) if asked is None else (asked.min_epoch, asked.max_age_s, asked.now_s)


def answer_of(data: bytes, trust: TrustPolicy | None) -> dict[str, Any]:
    """The second verifier's verdict over the same bytes and the same trust."""
    keys = () if trust is None else trust.log_keys
    head = None if trust is None else trust.known_head
    known = None if head is None else ("", head.size, head.root)
    policy = None if trust is None else policy_bytes(trust.anchors)
    fresh = fresh_of(trust)
    trusted = None if policy is None else second.Policy(policy, fresh)
    verdict: dict[str, Any] = second.verify(data, [second.parse_key(str(key)) for key in keys], known, trusted)
    keep(case_of(data, [str(key) for key in keys], known, verdict, policy=policy, fresh=fresh))
    return verdict


def spans_of(keys: tuple[KeySpan, ...]) -> list[list[Any]]:
    return [[span.kid, span.algorithm, span.start, span.stop, span.refused] for span in keys]


def agree(data: bytes, trust: TrustPolicy | None) -> BundleVerdict:
    """The package's verdict without a re-run, after the second verifier gave the same."""
    if trust is not None:
        trust = replace(trust, receipts=()) if trust.log_keys or trust.anchors is not None else None
    first, other = verify_bundle(data, trust=trust), answer_of(data, trust)
    assert (other["grade"], other["seq"]) == (first.grade.value, first.seq), (other, first)
    if first.grade is not Grade.MALFORMED:
        found = [(item["code"], item["grade"], item["seq"]) for item in other["findings"]]
        assert found == [(item.code, item.grade.value, item.seq) for item in first.findings]
        facts = ("decision", "as_of", "complete_to", "anchored", "epoch", "seen_s")
        assert [other[name] for name in facts] == [getattr(first, name) for name in facts]
        assert tuple(other["organisations"]) == first.organisations
        assert other["keys"] == spans_of(first.keys)
        assert tuple(other["not_covered"]) == first.not_covered
    return first
