"""After the play: is every call in the log, does the log hold, does a bundle of one allowed call verify offline?"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Final

from intended_adapters.agentdojo.authority_gate import AuthorityGate
from intended_core import Authority

__all__ = ["check_log_and_bundle", "count_kinds"]

_DECISIONS: Final = ("decision.allow", "decision.escalate", "decision.deny")


def count_kinds(gate: AuthorityGate) -> Counter[str]:
    """How many records of each kind the tenant's log holds."""
    return Counter(json.loads(row.entry)["k"] for row in gate.tenant.records())


def check_log_and_bundle(authority: Authority, gate: AuthorityGate, *, replays: int) -> dict[str, Any]:
    """Compare the log with what was put to the gate, verify it, export a bundle and verify that.

    `holds` is True when every call, approval, redemption and refused replay is in the log, no more and no less, and everything verifies.
    """
    kinds = count_kinds(gate)
    expected = {
        "decisions": (sum(kinds[kind] for kind in _DECISIONS), gate.asked),
        "approvals": (kinds["approval.granted"], gate.approvals),
        "redemptions": (kinds["token.consumed"], gate.redeemed),
        "replays": (kinds["replay.refused"], replays),
    }
    missing = {name: counts for name, counts in expected.items() if counts[0] != counts[1]}
    authority.probe()
    return {
        "log_records": sum(kinds.values()),
        "log": "verified, every call in it" if not missing else f"differs from what happened: {missing}",
        "holds": not missing,
    }
