"""What somebody outside says about the log in a bundle: the slot proof that came along, under the verifier's own policy file.

The proof is a hint until a log key of that file signed it. It must be of the log and the slot that the bundle's genesis record names, and
speak of a tree that holds every record of the bundle and that the bundle's checkpoint continues. Only the first thing wrong is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from intended_core.audit.anchored import AttestedHead, SlotProof, verify_slot_proof
from intended_core.audit.bundle import Claims
from intended_core.audit.checkpoint import Checkpoint
from intended_core.audit.freshness import Freshness, check_freshness
from intended_core.audit.grades import Finding, Grade
from intended_core.audit.proof import ConsistencyProof, verify_consistency
from intended_core.audit.range_bundle import RangeClaims
from intended_core.audit.tlogpolicy import TlogPolicy
from intended_core.canonical import Json
from intended_core.errors import AuditError

__all__ = ["BundleAnchor", "Outside", "check_anchor"]

_CAP = Grade.CONSISTENT_UNANCHORED  # without somebody outside there is no more than this


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleAnchor:
    """The members as read. `link`: that the checkpoint's tree continues the proved one, None where they are of one size."""

    proof: SlotProof
    link: ConsistencyProof | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the proof amounts to. `grade`: the best that the bundle may have. `head`: what was proved, None where nothing was."""

    grade: Grade = _CAP
    head: AttestedHead | None = None
    findings: tuple[Finding, ...] = ()


def check_anchor(
    anchor: BundleAnchor | None, policy: TlogPolicy | None, *, claims: Claims | RangeClaims, head: Checkpoint, slot: Json, last: int,
    fresh: Freshness | None = None,
) -> Outside:  # fmt: skip
    """Judge the proof; without `policy` nothing is looked at, and a demand is not met. `slot`: what the genesis record says. `last`: the
    bundle's latest record. `fresh`: how new it must be.
    """
    found = Outside() if policy is None else _judged(anchor, policy, claims=claims, head=head, slot=slot, last=last)
    return found if fresh is None else replace(found, findings=(*found.findings, *check_freshness(fresh, found.head)))


def _judged(
    anchor: BundleAnchor | None, policy: TlogPolicy, *, claims: Claims | RangeClaims, head: Checkpoint, slot: Json, last: int
) -> Outside:
    if anchor is None:
        return _found("anchor.missing", "the bundle shows nothing that somebody outside has seen")
    opening = anchor.proof.opening
    if opening.origin != claims.origin or opening.generation > claims.generation or opening.slot != slot:
        return _found("anchor.foreign", "the anchor's proof is of another log or slot than the genesis record names", Grade.TAMPERED)
    try:
        attested = verify_slot_proof(anchor.proof, policy)
    except AuditError as error:
        if error.code == "audit.untrusted":
            return _found("anchor.untrusted", "no log of your policy file signed the anchor's checkpoint")
        if error.code == "audit.second":
            return _found("anchor.second", "the anchor's checkpoint lacks the ML-DSA-44 signature that your policy file asks for")
        if error.code == "audit.unsupported":
            return _found("anchor.unchecked", "your policy file asks for ML-DSA-44 signatures, which the installed libraries cannot check")
        return _found("anchor.proof", f"the anchor's proof does not hold: {error}", Grade.TAMPERED)
    size = opening.size
    if size > head.size:
        text = f"the bundle speaks of {head.size} records, but its anchor of {size}"
        return _found("log.truncated", text, Grade.TRUNCATED, head.size)
    if size <= last:
        return _found("anchor.stale", f"the anchor's proof speaks of {size} records, and the bundle of record {last}")
    fault = _link(anchor, head)
    if fault is not None:
        return Outside(findings=(fault,))
    if attested.grade is Grade.WITNESSED:
        return Outside(grade=attested.grade, head=attested)
    if attested.grade is Grade.ANCHORED:
        short = Finding(code="anchor.quorum", grade=Grade.ANCHORED, text="fewer witnesses cosigned than your policy file asks for")
        return Outside(grade=attested.grade, head=attested, findings=() if policy.quorum is None else (short,))
    return _found("anchor.witness", "no witness of your policy file cosigned the anchor's checkpoint")


def _found(code: str, text: str, grade: Grade = _CAP, seq: int | None = None) -> Outside:
    return Outside(findings=(Finding(code=code, grade=grade, text=text, seq=seq),))


def _link(anchor: BundleAnchor, head: Checkpoint) -> Finding | None:
    """Whether the checkpoint's tree is the proved one, or continues it."""
    opening, link = anchor.proof.opening, anchor.link
    if opening.size == head.size:
        if opening.root == head.root:
            return None
        return Finding(code="head.fork", grade=Grade.FORKED, text=f"the anchor and the checkpoint name two heads of {head.size} records")
    if link is None or (link.first, link.second) != (opening.size, head.size):
        text = "the bundle does not show that its log continues the anchored head"
        return Finding(code="anchor.link", grade=Grade.INCOMPLETE, text=text)
    try:
        verify_consistency(link, first_root=opening.root, second_root=head.root)
    except AuditError as error:
        text = f"the log does not continue the anchored head: {error}"
        return Finding(code="head.fork", grade=Grade.FORKED, text=text)
    return None
