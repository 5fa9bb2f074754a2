"""After the play: is every call in the log, does the log hold, does a bundle of one allowed call verify offline?"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from intended_adapters.agentdojo.authority_gate import AuthorityGate
from intended_core import Grade, export_evidence, show_record, verify_evidence, verify_tenant_log

__all__ = ["check_log_and_bundle", "count_kinds"]

_DECISIONS: Final = ("decision.allow", "decision.escalate", "decision.deny")


def count_kinds(gate: AuthorityGate) -> Counter[str]:
    """How many records of each kind the tenant's log holds."""
    return Counter(show_record(row).kind for row in gate.tenant.records())


def check_log_and_bundle(gate: AuthorityGate, *, replays: int, made_us: int) -> dict[str, Any]:
    """Compare the log with what was put to the gate and verify it; export the bundle of one allowed call and verify that.

    The verifier is given the log's key and checkpoint, and of the bundle its bytes only. `holds` is True when every call, approval,
    redemption and refused replay is in the log, no more and no less, and both verdicts are the best that pinned keys can give.
    """
    kinds = count_kinds(gate)
    expected = {
        "decisions": (sum(kinds[kind] for kind in _DECISIONS), gate.asked),
        "approvals": (kinds["approval.granted"], gate.approvals),
        "redemptions": (kinds["token.consumed"], gate.redeemed),
        "replays": (kinds["replay.refused"], replays),
    }
    wrong = [f"{name}: {found} in the log, {done} happened" for name, (found, done) in expected.items() if found != done]
    note, key = gate.tenant.checkpoint()
    log = verify_tenant_log(gate.tenant, checkpoints=[note], pinned=[str(key)])
    told: dict[str, Any] = {
        "log_records": sum(kinds.values()),
        "log": "; ".join([log.grade.value, *wrong, *(finding.text for finding in log.findings)]),
    }
    holds = not wrong and log.grade is Grade.CONSISTENT_UNANCHORED
    if gate.exhibit is None:
        return {**told, "bundle_of": None, "bundle": "no call was allowed", "holds": False}
    bundle = verify_evidence(
        export_evidence(gate.tenant, gate.exhibit, made_us=made_us), pinned=[str(key)], known=note
    )
    told["bundle_of"] = f"decision {gate.exhibit}"
    told["bundle"] = "; ".join([bundle.grade.value, f"run again: {bundle.rerun.value}", *(f.text for f in bundle.findings)])
    return {**told, "holds": holds and bundle.grade is Grade.CONSISTENT_UNANCHORED}
