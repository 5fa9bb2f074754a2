"""A log's own verdict, raised by what somebody outside has cosigned: the heads that slot proofs show are heads that the verifier knows.

A head that a witness has seen must be in the log, whatever the log's own signatures say; so it is compared like a kept checkpoint, and only
a log that holds it whole is graded ANCHORED or WITNESSED.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from intended_core.audit.anchored import AttestedHead, RecordProof, parse_proof, verify_slot_proof
from intended_core.audit.grades import Grade
from intended_core.audit.record import parse_body, parse_entry
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.audit.verify import KnownHead, LogVerdict
from intended_core.errors import AuditError
from intended_core.unit import RecordRow

__all__ = ["attest_verdict", "attested_heads", "known_heads"]

_OUTSIDE: Final = (Grade.ANCHORED, Grade.WITNESSED)


def attested_heads(proofs: Sequence[bytes], policy: bytes | None) -> tuple[AttestedHead, ...]:
    """What the proofs show under the policy file; raises AuditError, also for proofs without a policy."""
    if not proofs:
        return ()
    if policy is None:
        raise AuditError("a proof is believed only under a policy file: give the file as well", code="audit.untrusted")
    trusted = parse_policy(policy)
    parsed = [parse_proof(data) for data in proofs]
    return tuple(verify_slot_proof(one.slot if isinstance(one, RecordProof) else one, trusted) for one in parsed)


def known_heads(attested: Sequence[AttestedHead], *, origin: str, genesis: RecordRow | None) -> list[KnownHead]:
    """The heads to compare the log with; raises AuditError `audit.foreign` for one of another log, or at a slot that is not this log's."""
    heads: list[KnownHead] = []
    for head in attested:
        if head.opening.origin != origin:
            raise AuditError(f"a proof is of the log {head.opening.origin}", code="audit.foreign")
        if genesis is not None:
            body = parse_body(genesis.body, expected=parse_entry(genesis.entry).body_hash)
            if body.get("slot") != head.opening.slot:
                raise AuditError("a proof is of a slot that the genesis record does not name", code="audit.foreign")
        heads.append(KnownHead(size=head.opening.size, root=head.opening.root))
    return heads


def attest_verdict(verdict: LogVerdict, attested: Sequence[AttestedHead]) -> LogVerdict:
    """The verdict of a log in which nothing is wrong, raised to the best that its attested heads give."""
    outside = [head for head in attested if head.grade in _OUTSIDE]
    if not outside:
        return verdict
    best = max(outside, key=lambda head: (_OUTSIDE.index(head.grade), head.opening.size))
    return replace(verdict, grade=best.grade, attested=best.opening.size, organisations=best.organisations)
