"""Verification of a bundle: offline, from hostile bytes, to a graded verdict (audit.md § 1.10).

What is checked, in this order: the form; the signed table of contents; the checkpoint; each record, its body and its proof; the life of
the token and its approvals; the keys against the log; the inputs, by running the decision again; and what the verifier knows from
outside. Everything that can be looked at is looked at: the verdict carries all findings and the worst grade.
"""

from __future__ import annotations

import re
from functools import partial
from hashlib import sha256
from typing import Final

from intended_core.audit import bundle as layout
from intended_core.audit.bundle import NOT_COVERED, readme
from intended_core.audit.bundle_anchor import Outside, check_anchor
from intended_core.audit.bundle_reader import Bundle, read_bundle
from intended_core.audit.checkpoint import Checkpoint, open_checkpoint
from intended_core.audit.fields import FIELDS, MISSING, joined
from intended_core.audit.gaps import inputs_shown, missing_fields
from intended_core.audit.grades import Finding, Grade, worst
from intended_core.audit.keychain import KeySpan, check_key_chain
from intended_core.audit.lives import (
    Life,
    Seen,
    check_approvals,
    check_founding,
    check_lives,
    check_range,
    check_token_keys,
    root_at,
)
from intended_core.audit.manifest import MANIFEST, verify_manifest
from intended_core.audit.proof import InclusionProof, verify_inclusion
from intended_core.audit.record import EventKind, parse_body, parse_entry
from intended_core.audit.remembered import check_known_head
from intended_core.audit.tree import leaf_hash
from intended_core.audit.verdicts import BundleVerdict, Rerunner, RerunState, TrustPolicy, uncovered
from intended_core.canonical import Json, b64url
from intended_core.errors import AuditError

__all__ = ["verify_bundle"]

_BODY: Final = re.compile(r"bodies/([0-9]{16})\.json")
_OUTCOMES = {
    EventKind.DECISION_ALLOW: "allow",
    EventKind.DECISION_ESCALATE: "escalate",
    EventKind.DECISION_DENY: "deny",
}


def verify_bundle(data: bytes, *, trust: TrustPolicy | None = None, rerun: Rerunner | None = None) -> BundleVerdict:
    """Check the bundle in `data`; never raises for anything that it can hold.

    Without `trust` (or under another key than a pinned one) the grade is at most CONSISTENT_UNPINNED. Without `rerun`, or for a decision
    whose inputs the record does not hold, the verdict says that the decision was not taken again.
    """
    try:
        bundle = read_bundle(data)
    except AuditError as error:
        finding = Finding(code=error.code, grade=Grade.MALFORMED, text=str(error))
        return BundleVerdict(
            grade=Grade.MALFORMED, seq=None, findings=(finding,), notes=(), not_covered=NOT_COVERED, rerun=RerunState.NOT_RUN,
            recorded="", again="",
        )  # fmt: skip
    return _Examination(bundle, trust).run(rerun)


class _Examination:
    __slots__ = ("_again", "_bundle", "_findings", "_head", "_notes", "_outsiders", "_recorded", "_rerun", "_seen", "_spans", "_trust")

    def __init__(self, bundle: Bundle, trust: TrustPolicy | None) -> None:
        self._bundle = bundle
        self._trust = trust
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._seen: dict[int, Seen] = {}
        self._head: Checkpoint | None = None
        self._rerun = RerunState.NOT_RUN
        self._recorded = self._again = ""
        self._outsiders = Outside()
        self._spans: tuple[KeySpan, ...] = ()

    def _find(self, code: str, text: str, seq: int | None = None, grade: Grade = Grade.TAMPERED) -> None:
        self._findings.append(Finding(code=code, grade=grade, text=text, seq=seq))

    def run(self, rerun: Rerunner | None) -> BundleVerdict:
        bundle = self._bundle
        self._contents()
        self._checkpoint()
        for place in range(len(bundle.entries)):
            self._record(place)
        lives: tuple[Life, ...] = ()
        complete: int | None = None
        decision = self._decision()
        if self._head is not None and decision is not None:
            founding = check_founding(self._seen, bundle.claims, bundle.log_key)
            lives, gaps = check_lives(self._seen)
            complete, hidden = check_range(self._seen, bundle, self._head, decision)
            keys, notes = check_token_keys(self._seen, bundle.token_keys)
            judged = bundle.before is not None and not any(item.code.startswith("range.") for item in hidden)
            self._spans, chain = check_key_chain(
                self._seen, environment=bundle.claims.environment, decided=decision.entry.seq, headers=bundle.headers if judged else (),
            )  # fmt: skip
            self._findings += [*founding, *gaps, *hidden, *keys, *chain, *check_approvals(self._seen, decision)]
            self._notes += notes
        self._findings += missing_fields(self._seen, bundle.claims)
        if decision is not None:
            self._inputs(decision, rerun)
        self._outside()
        return self._verdict(decision, lives, complete)

    def _contents(self) -> None:
        bundle = self._bundle
        for name in bundle.damaged:
            self._find("member.checksum", f"the bytes of {name} are not those that were stored")
        try:
            verify_manifest(bundle.manifest, bundle.log_key)
        except AuditError as error:
            self._find("manifest.signature", str(error))
        listed = bundle.manifest.members
        for name in sorted((bundle.members.keys() | listed.keys()) - {MANIFEST}):
            if name not in listed or name not in bundle.members:
                self._find("member.list", f"{name} is not both listed and there", _seq_of(name))
            elif listed[name] != (len(bundle.members[name]), sha256(bundle.members[name]).hexdigest()):
                self._find("member.digest", f"{name} is not the one that the manifest lists", _seq_of(name))
        expected = readme(
            bundle.claims, log_key=bundle.log_key, count=len(bundle.entries), complete=bundle.before is not None
        )
        if bundle.members[layout.README] != expected:
            self._find("readme", "the README says something that does not follow from the rest")

    def _checkpoint(self) -> None:
        bundle, claims = self._bundle, self._bundle.claims
        try:
            head = open_checkpoint(bundle.checkpoint, [bundle.log_key])
        except AuditError as error:
            self._find("checkpoint", str(error))
            return
        if (head.origin, head.size) != (claims.origin, claims.size):
            self._find("checkpoint.claims", "the checkpoint is of another log or size than the bundle claims")
        self._head = head

    def _record(self, place: int) -> None:
        bundle, claims = self._bundle, self._bundle.claims
        seq, path = bundle.proofs[place]
        if place and seq <= bundle.proofs[place - 1][0]:
            self._find("record.order", "the records are not in their order", seq)
            return
        raw, leaf = bundle.entries[place], leaf_hash(bundle.entries[place])
        proven = False
        if self._head is not None:
            try:
                proof = InclusionProof(index=seq, size=self._head.size, path=path)
                verify_inclusion(proof, leaf=leaf, root=self._head.root)
                proven = True
            except AuditError as error:
                self._find("record.proof", f"record {seq}: {error}", seq)
        try:
            entry = parse_entry(raw)
        except AuditError as error:
            self._find("record.header", f"record {seq}: {error}", seq)
            return
        if entry.seq != seq:
            self._find("record.seq", f"record {seq} says that it is number {entry.seq}", seq)
            return
        # The log's older generations are its own history; the checkpoint's tree holds them all.
        if (entry.origin, entry.tenant_uuid) != (claims.origin, claims.tenant_uuid) or not 1 <= entry.generation <= claims.generation:
            self._find("record.foreign", f"record {seq} belongs to another log", seq)
        before = self._seen.get(seq - 1)
        if proven and before is not None and before.leaf != entry.previous_leaf:
            self._find("record.link", f"record {seq} does not follow record {seq - 1}", seq - 1)
        body: dict[str, Json] | None = None
        stored = bundle.bodies[place]
        if stored is None:
            self._find("body.withheld", f"the body of record {seq} is not here", seq, Grade.INCOMPLETE)
        else:
            try:
                body = parse_body(stored, expected=entry.body_hash)
            except AuditError as error:
                self._find("record.body", f"record {seq}: {error}", seq)
        if bundle.fields[place] or (body is not None and not body.keys().isdisjoint((FIELDS, MISSING))):
            body = self._joined(seq, body, bundle.fields[place])
        self._seen[seq] = Seen(entry=entry, leaf=leaf, body=body)

    def _joined(self, seq: int, body: dict[str, Json] | None, fields: bytes) -> dict[str, Json] | None:
        """The body with the fields that are here; without any of them when one is not what the record commits to."""
        if body is None:
            self._find("field.stray", f"fields of record {seq} are here without its body", seq)
            return None
        for given in (fields, b""):
            try:
                return joined(body, given)
            except AuditError as error:
                self._find("field.value", f"record {seq}: {error}", seq)
        return None

    def _decision(self) -> Seen | None:
        seq = self._bundle.claims.decision
        seen = self._seen.get(seq)
        if seen is None:
            if not any(finding.seq == seq for finding in self._findings):
                self._find("decision.missing", f"the decision's record {seq} is not here", seq, Grade.INCOMPLETE)
            return None
        if seen.entry.kind not in _OUTCOMES:
            self._find("decision.kind", f"record {seq} is a {seen.entry.kind.value}, not a decision", seq)
            return None
        body = seen.body
        if body is not None:
            policy = seen.entry.policy_digest
            if body.get("outcome") != _OUTCOMES[seen.entry.kind]:
                self._find("decision.outcome", "the decision's header and body name different outcomes", seq)
            if body.get("policy_digest") != (None if policy is None else b64url(policy)):
                self._find("decision.policy", "the decision's header and body name different policies", seq)
        return seen

    def _inputs(self, decision: Seen, rerun: Rerunner | None) -> None:
        bundle, body, seq = self._bundle, decision.body, decision.entry.seq
        if body is None:
            return
        if decision.entry.policy_digest is None:
            self._rerun = RerunState.NO_INPUTS
            self._notes.append("the decision was taken before any rule ran; there is nothing to run again")
            if bundle.inputs is not None:
                self._find("inputs.stray", "inputs are here for a decision that had none", seq)
            return
        if not inputs_shown(body):
            self._notes.append("not run again: a part of the request that it would take is not here")
            if bundle.inputs is not None:
                self._find("inputs.stray", "inputs are here of a request that is not here whole", seq)
            return
        if bundle.inputs is None:
            self._find("inputs.missing", "the decision's inputs are not here", seq, Grade.INCOMPLETE)
            return
        intent, entities, sources = bundle.inputs
        if intent.decode("utf-8", "replace") != body.get("intent"):
            self._find("inputs.intent", "the request is not the one that the record holds", seq)
        if (named := "data_digest" in body) is not (bundle.data is not None):
            if named:
                self._find("inputs.missing", "the params and tables of the decision are not here", seq, Grade.INCOMPLETE)
                return
            self._find("inputs.stray", "params and tables are here for a decision that read none", seq)
        if rerun is None:
            self._notes.append(
                "not run again: the policy and the entities were not compared with what the record names"
            )
            return
        claims = self._bundle.claims
        try:
            result = rerun(
                tenant_uuid=claims.tenant_uuid, environment=claims.environment, sources=sources, intent=intent,
                entities=entities, body=body, data=bundle.data,
            )  # fmt: skip
        except AuditError as error:
            self._rerun = RerunState.FAILED
            self._find(
                f"rerun.{error.code.removeprefix('audit.')}", f"the decision cannot be taken again: {error}", seq
            )
            return
        self._recorded, self._again = result.recorded, result.again
        self._rerun = RerunState.AGREES if result.agrees else RerunState.DIFFERS
        if not result.agrees:
            self._find("rerun.differs", f"recorded: {result.recorded}; taken again: {result.again}", seq)

    def _outside(self) -> None:
        trust, head, bundle = self._trust, self._head, self._bundle
        if trust is None:
            return
        if bundle.log_key not in trust.log_keys:
            text = "the bundle is signed by a key that you did not pin; it came along with the bundle"
            self._find("key.unpinned", text, grade=Grade.CONSISTENT_UNPINNED)
        if head is None:
            return
        if trust.known_head is not None:
            fault = check_known_head(trust.known_head, head, shown=bundle.consistency, root_at=partial(root_at, bundle))
            self._findings += [] if fault is None else [fault]
        for receipt in trust.receipts:
            seen = self._seen.get(receipt.seq)
            if receipt.seq >= head.size:
                text = f"the log had {head.size} records, but you hold a token for record {receipt.seq}"
                self._find("log.truncated", text, head.size, Grade.TRUNCATED)
            elif seen is not None and seen.leaf != receipt.leaf:
                self._find("receipt.leaf", f"record {receipt.seq} is not the one that your token names", receipt.seq)
        genesis = self._seen.get(0)
        self._outsiders = check_anchor(
            bundle.anchor, trust.anchors, claims=bundle.claims, head=head, last=max(seq for seq, _ in bundle.proofs),
            slot=None if genesis is None or genesis.body is None else genesis.body.get("slot"), fresh=trust.fresh,
        )  # fmt: skip
        self._findings += self._outsiders.findings

    def _verdict(self, decision: Seen | None, lives: tuple[Life, ...], complete: int | None) -> BundleVerdict:
        claims = self._bundle.claims
        best = Grade.CONSISTENT_UNPINNED if self._trust is None else self._outsiders.grade
        seen = self._outsiders.head
        findings = tuple(self._findings)
        grade = worst(findings, otherwise=best)
        if decision is not None and decision.entry.thread is not None and complete is None:
            self._notes.append("whether more happened to this token later is not shown")
        return BundleVerdict(
            grade=grade,
            seq=min((item.seq for item in findings if item.grade is grade and item.seq is not None), default=None),
            findings=findings,
            notes=tuple(self._notes),
            not_covered=uncovered(None if seen is None else seen.opening.size),
            rerun=self._rerun,
            recorded=self._recorded,
            again=self._again,
            decision=claims.decision,
            origin=claims.origin,
            tenant=claims.tenant,
            environment=claims.environment,
            outcome="" if decision is None else _OUTCOMES[decision.entry.kind],
            decided_us=None if decision is None else decision.entry.time_us,
            as_of=None if self._head is None else self._head.size,
            complete_to=complete,
            log_key=str(self._bundle.log_key),
            anchored=None if seen is None else seen.opening.size,
            epoch=None if seen is None else seen.epoch,
            organisations=() if seen is None else seen.organisations,
            seen_s=None if seen is None else seen.seen_s,
            lives=lives,
            keys=self._spans,
        )


def _seq_of(name: str) -> int | None:
    found = _BODY.fullmatch(name)
    return None if found is None else int(found[1])
