"""Bundles whose issuer holds the log key and writes every signature anew: what still gives them away, finding by finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from intended_core.access.persons import person_message
from intended_core.audit import bundle as layout
from intended_core.audit.archive import pack, unpack
from intended_core.audit.bundle import HeaderRange
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.grades import Grade
from intended_core.audit.manifest import MANIFEST, read_manifest, write_manifest
from intended_core.audit.record import EventKind
from intended_core.audit.tree import Frontier
from intended_core.audit.verdicts import BundleVerdict, TrustPolicy
from intended_core.canonical import b64url
from tests.reference.audit_world import POLICY, TenantLog, relink, secret
from tests.reference.changed_keys import consume, first_key, rotate, token_key
from tests.reference.second_verifier import agree

ASKED = b"\x09" * 32
ITH = b64url(b"\x05" * 32)


@dataclass(frozen=True)
class Again:
    recorded: str = "allow"
    again: str = "allow"
    agrees: bool = True


def check(log: TenantLog, data: bytes) -> BundleVerdict:
    agree(data, TrustPolicy(log_keys=(log.key,)))
    return verify_bundle(data, trust=TrustPolicy(log_keys=(log.key,)), rerun=lambda **_: Again())


def codes(verdict: BundleVerdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


def resigned(log: TenantLog, data: bytes, changes: dict[str, Any]) -> bytes:
    """The bundle with members and claims changed and its manifest signed anew; `claims` changes the predicate."""
    claims = changes.pop("claims", {})
    members = {**unpack(data).members, **changes}
    predicate = dict(read_manifest(members.pop(MANIFEST)).predicate)
    del predicate["sizes"]
    return pack(
        {**members, MANIFEST: write_manifest(members, {**predicate, **claims}, key=log.key, sign=log.secret.sign)}
    )


def escalated(log: TenantLog, *, quorum: int = 1, approval: str = "A1", ith: str = ITH) -> int:
    body = {
        "outcome": "escalate", "policy_digest": b64url(POLICY), "approval": approval, "approval_digest": b64url(ASKED), "ith": ith,
        "alternatives": [[{"key": "large#0", "quorum": quorum}]],
    }  # fmt: skip
    return log.add(EventKind.DECISION_ESCALATE, body, thread=log.thread(70), policy=POLICY)


def approve(
    log: TenantLog, asked: int, number: int, *, person: int, step: int, digest: bytes = ASKED, **changes: Any
) -> int:
    key = secret(100 + person)
    body = {
        "approval": "A1", "approval_digest": b64url(digest), "person": ["Person", f"p{person}"],
        "person_key": b64url(key.public_key().public_bytes_raw()), "signature": b64url(key.sign(person_message(digest))),
        "requirement": "large#0", "state": "APPROVED", **changes,
    }  # fmt: skip
    thread = log.thread(number, n=step, previous=asked)
    return log.add(EventKind.APPROVAL_GRANTED, body, thread=thread, policy=POLICY)


def lifted(log: TenantLog, seqs: list[int]) -> BundleVerdict:
    body = {
        "outcome": "allow", "rules": ["large"], "policy_digest": b64url(POLICY), "ith": ITH, "approved": ["large#0"], "intent": "{}",
        "intent_digest": "gUrrNUl7k5XRM_aYFXKjdt6Q4OYF2bWnWJvcsGPMq8k",
    }  # fmt: skip
    decided = log.add(EventKind.DECISION_ALLOW, body, thread=log.thread(71), policy=POLICY)
    return check(log, log.bundle(decided, seqs))


def approvals(verdict: BundleVerdict) -> set[str]:
    return {code for code in codes(verdict) if code.startswith("approval.")}


class TestApprovals:
    """A requirement that the decision counted needs its quorum of distinct persons, over the request for this very intent."""

    def test_an_honest_one(self) -> None:
        log = TenantLog(1)
        asked = escalated(log)
        assert approvals(lifted(log, [asked, approve(log, asked, 70, person=1, step=1)])) == set()

    def test_signed_by_another_key(self) -> None:
        log = TenantLog(1)
        asked = escalated(log)
        forged = approve(log, asked, 70, person=1, step=1, signature=b64url(secret(102).sign(person_message(ASKED))))
        verdict = lifted(log, [asked, forged])
        assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, forged)
        assert approvals(verdict) == {"approval.signature", "approval.missing"}

    @pytest.mark.parametrize(
        "change", [{"signature": "!"}, {"person_key": 5}, {"person_key": "AA"}, {"approval_digest": None}]
    )
    def test_of_another_form(self, change: dict[str, Any]) -> None:
        log = TenantLog(1)
        asked = escalated(log)
        verdict = lifted(log, [asked, approve(log, asked, 70, person=1, step=1, **change)])
        assert "approval.signature" in approvals(verdict)

    def test_of_another_request(self) -> None:
        log = TenantLog(1)
        asked = escalated(log)
        other = approve(log, asked, 70, person=1, step=1, digest=b"\x0a" * 32)
        assert approvals(lifted(log, [asked, other])) == {"approval.request", "approval.missing"}

    def test_for_another_intent(self) -> None:
        log = TenantLog(1)
        asked = escalated(log, ith=b64url(b"\x06" * 32))
        verdict = lifted(log, [asked, approve(log, asked, 70, person=1, step=1)])
        assert approvals(verdict) == {"approval.missing"}

    def test_one_person_twice(self) -> None:
        log = TenantLog(1)
        asked = escalated(log, quorum=2)
        first = approve(log, asked, 70, person=1, step=1)
        second = approve(log, first, 70, person=1, step=2)
        assert approvals(lifted(log, [asked, first, second])) == {"approval.missing"}
        third = approve(log, second, 70, person=2, step=3)
        assert approvals(lifted(log, [asked, first, second, third])) == set()

    def test_given_after_the_decision(self) -> None:
        log = TenantLog(1)
        asked = escalated(log)
        body = {"outcome": "allow", "policy_digest": b64url(POLICY), "ith": ITH, "approved": ["large#0"]}
        decided = log.add(EventKind.DECISION_ALLOW, body, thread=log.thread(71), policy=POLICY)
        late = approve(log, asked, 70, person=1, step=1)
        assert "approval.missing" in codes(check(log, log.bundle(decided, [asked, late])))

    def test_a_claimed_one_without_any_request(self) -> None:
        log = TenantLog(1)
        verdict = lifted(log, [approve(log, 1, 70, person=1, step=1)])
        assert "approval.missing" in approvals(verdict)


class TestTokenKeys:
    """Public token keys are those that records of the log name."""

    key = token_key("RS256")

    def world(self, **body: Any) -> tuple[TenantLog, int, int]:
        log = TenantLog(1)
        rotate(log, first_key(log), self.key, **body)
        decided = log.decide(1)
        return log, decided, consume(log, 1, decided, self.key)

    def test_the_honest_one(self) -> None:
        log, decided, consumed = self.world()
        for keys in ([{**self.key.jwk, "use": "sig"}], [*log.token_keys["keys"], self.key.jwk]):
            verdict = check(log, log.bundle(decided, [2, consumed], token_keys={"keys": keys}))
            assert (verdict.grade, verdict.notes) == (Grade.CONSISTENT_UNANCHORED, ())

    def test_another_key_under_the_same_name(self) -> None:
        log, decided, consumed = self.world()
        verdict = check(log, log.bundle(decided, [2, consumed], token_keys={"keys": [{**self.key.jwk, "n": "AQAB"}]}))
        assert (verdict.grade, codes(verdict)) == (Grade.TAMPERED, {"key.token"})

    def test_the_used_key_left_out(self) -> None:
        log, decided, consumed = self.world()
        verdict = check(log, log.bundle(decided, [2, consumed], token_keys={"keys": []}))
        assert (verdict.grade, codes(verdict), verdict.seq) == (Grade.INCOMPLETE, {"key.missing"}, consumed)

    @pytest.mark.parametrize("key", ["", "AA", "!", b64url(b"\x30" * 300)])
    def test_a_record_that_names_no_key(self, key: str) -> None:
        log, decided, consumed = self.world(active_key=key)
        verdict = check(log, log.bundle(decided, [2, consumed]))
        assert "key.record" in codes(verdict)

    @pytest.mark.parametrize(
        "keys", [{}, {"keys": {}}, {"keys": [1]}, {"keys": [{}]}, {"keys": [{"kid": "K", "d": "AA"}]}]
    )
    def test_key_sets_of_another_form(self, keys: dict[str, Any]) -> None:
        log, decided, _ = self.world()
        assert check(log, log.bundle(decided, [], token_keys=keys)).grade is Grade.MALFORMED


def simple() -> tuple[TenantLog, int, int, bytes]:
    log = TenantLog(1)
    decided = log.decide(1)
    consumed = log.consume(1, decided)
    return log, decided, consumed, log.bundle(decided, [consumed])


def test_a_manifest_by_another_key() -> None:
    log, _, _, data = simple()
    other = TenantLog(2)
    members = dict(unpack(data).members)
    predicate = dict(read_manifest(members.pop(MANIFEST)).predicate)
    del predicate["sizes"]
    forged = write_manifest(members, predicate, key=other.key, sign=other.secret.sign)
    verdict = check(log, pack({**members, MANIFEST: forged}))
    assert (verdict.grade, codes(verdict)) == (Grade.TAMPERED, {"manifest.signature"})


def test_a_member_changed_with_and_without_its_checksum() -> None:
    log, decided, _, data = simple()
    verdict = check(log, data.replace(b"12.50", b"12.51"))
    assert {"member.checksum", "member.digest", "record.body"} <= codes(verdict)
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, decided)
    members = dict(unpack(data).members)
    members[layout.ENTITIES] = b"[ ]"
    assert codes(check(log, pack(members))) == {"member.digest"}


def test_a_decision_that_the_claims_misplace() -> None:
    log, _, _, data = simple()
    claim = f"decision {7} stands in this log, with these inputs, and with this life after it"
    verdict = check(log, resigned(log, data, {"claims": {"decision": 7, "claim": claim}}))
    assert verdict.grade is Grade.TAMPERED  # the README still speaks of the other record
    assert "decision.missing" in codes(verdict)
    assert check(log, resigned(log, data, {"claims": {"decision": 7}})).grade is Grade.MALFORMED


def test_inputs_for_a_decision_that_had_none() -> None:
    log = TenantLog(1)
    decided = log.add(EventKind.DECISION_DENY, {"outcome": "deny", "class": "intent_invalid"})
    verdict = check(log, log.bundle(decided, [], intent=b"{}"))
    assert (verdict.grade, codes(verdict)) == (Grade.TAMPERED, {"inputs.stray"})


def test_a_range_that_begins_elsewhere() -> None:
    log, _, consumed, data = simple()
    before = Frontier.empty()
    for row in log.rows[:consumed]:
        before = before.append(row.leaf)
    members = {
        layout.FRONTIER: before.to_bytes(),
        layout.HEADERS: b"".join(row.entry + b"\n" for row in log.rows[consumed:]),
    }
    verdict = check(log, resigned(log, data, members))
    assert (verdict.grade, codes(verdict), verdict.complete_to) == (Grade.TAMPERED, {"range.start"}, None)


def test_a_link_to_another_past() -> None:
    log = TenantLog(1)
    decided = log.decide(1)
    # The issuer drops a record, keeps the links of the rest, and signs the tree that comes out.
    last = log.decide(2)
    dropped = relink(log, [*log.rows[:decided], log.rows[last]], decided)
    assert dropped[decided].leaf != log.rows[last].leaf
    log.rows[decided] = dropped[decided]
    verdict = check(
        log,
        log.bundle(last, [decided], headers=HeaderRange(before=_before(log, last), entries=(log.rows[last].entry,))),
    )
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, decided)
    assert "record.link" in codes(verdict)


def _before(log: TenantLog, size: int) -> Frontier:
    before = Frontier.empty()
    for row in log.rows[:size]:
        before = before.append(row.leaf)
    return before
