"""Tampering with evidence: by whoever passes a bundle on, and by an issuer who signs it anew (rows 1 to 3, 7, 11, 15, 19, 23, 25)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from intended_core.audit import bundle as layout
from intended_core.audit.archive import pack, unpack
from intended_core.audit.bundle import HeaderRange, body_name
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.grades import Grade
from intended_core.audit.manifest import MANIFEST, read_manifest, write_manifest
from intended_core.audit.proof import prove_inclusion
from intended_core.audit.record import EventKind
from intended_core.audit.tree import Frontier
from intended_core.audit.verdicts import BundleVerdict, RerunState, TrustPolicy
from intended_core.audit.verify import KnownHead, Receipt
from intended_core.errors import AuditError
from tests.reference.audit_world import POLICY, TenantLog
from tests.reference.second_verifier import agree

LOG = TenantLog(1)
LOG.decide(100)
DECIDED = LOG.decide(1)
OTHER = LOG.decide(2)
CONSUMED = LOG.consume(1, DECIDED)
LOG.add(EventKind.REPLAY_REFUSED, {"code": "token.replayed"})
LOG.consume(2, OTHER)
NEIGHBOUR = TenantLog(2)
TRUST = TrustPolicy(log_keys=(LOG.key,))
GOOD = LOG.bundle(DECIDED, [CONSUMED])


@dataclass(frozen=True)
class Again:
    recorded: str = "allow by pay-small"
    again: str = "allow by pay-small"
    agrees: bool = True


def agrees(**_: object) -> Again:
    return Again()


def check(data: bytes, trust: TrustPolicy | None = TRUST, **options: Any) -> BundleVerdict:
    agree(data, trust)
    return verify_bundle(data, trust=trust, **{"rerun": agrees, **options})


def codes(verdict: BundleVerdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


def edited(data: bytes, changes: Mapping[str, bytes | None], *, sign: TenantLog | None = None) -> bytes:
    """The bundle with members changed (None: removed); `sign`: the issuer writes the manifest anew."""
    members = {name: body for name, body in unpack(data).members.items() if changes.get(name, b"") is not None}
    members |= {name: body for name, body in changes.items() if body is not None}
    if sign is not None:
        predicate = dict(read_manifest(unpack(data).members[MANIFEST]).predicate)
        del predicate["sizes"]
        members.pop(MANIFEST)
        members[MANIFEST] = write_manifest(members, predicate, key=sign.key, sign=sign.secret.sign)
    return pack(members)


def member(name: str) -> bytes:
    return unpack(GOOD).members[name]


def test_the_honest_bundle() -> None:
    verdict = check(GOOD)
    assert (verdict.grade, verdict.findings, verdict.exit_code()) == (Grade.CONSISTENT_UNANCHORED, (), 0)
    assert (verdict.rerun, verdict.outcome, verdict.decision) == (RerunState.AGREES, "allow", DECIDED)
    assert (verdict.as_of, verdict.complete_to) == (8, 8)
    assert [seq for seq, _, _ in verdict.lives[0].steps] == [DECIDED, CONSUMED]


@pytest.mark.parametrize("trial", range(60))
def test_no_false_alarm_on_honest_bundles(trial: int) -> None:
    chance = random.Random(trial)
    log = TenantLog(3)
    for number in range(chance.randrange(6)):
        log.decide(number)
    decided = log.decide(1000)
    steps = [log.consume(1000, decided)] if chance.random() < 0.7 else []
    for number in range(chance.randrange(6)):
        log.decide(50 + number)
    known = chance.randrange(1, len(log.rows) + 1)
    data = log.bundle(decided, steps, full=chance.random() < 0.7, known=known)
    trust = TrustPolicy(
        log_keys=(LOG.key, log.key),
        known_head=log.known(known),
        receipts=(Receipt(seq=decided, leaf=log.rows[decided].leaf),),
    )
    verdict = check(data, trust)
    assert (verdict.grade, verdict.findings) == (Grade.CONSISTENT_UNANCHORED, ())
    assert data == log.bundle(decided, steps, full=verdict.complete_to is not None, known=known)


def test_row_1_a_changed_member_without_the_key() -> None:
    for name in unpack(GOOD).members:
        if name == MANIFEST:
            continue
        body = member(name)
        changed = (
            body[: len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1 :] if body else b"x"
        )
        verdict = check(edited(GOOD, {name: changed}))
        assert verdict.grade in {Grade.TAMPERED, Grade.MALFORMED}, name
        if name.startswith("bodies/"):
            assert verdict.seq == int(name[7:23])


@pytest.mark.parametrize("seq", [0, 1, DECIDED, CONSUMED])
def test_row_1_a_changed_body_signed_anew(seq: int) -> None:
    body = member(body_name(seq)).replace(b'"salt":"A', b'"salt":"B')
    verdict = check(edited(GOOD, {body_name(seq): body}, sign=LOG))
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, seq)
    assert "record.body" in codes(verdict)


def test_row_1_a_changed_header_signed_anew() -> None:
    lines = member(layout.ENTRIES).split(b"\n")
    lines[2] = lines[2].replace(b'"w":"writer-1"', b'"w":"writer-2"')
    verdict = check(edited(GOOD, {layout.ENTRIES: b"\n".join(lines)}, sign=LOG))
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, DECIDED)
    assert "record.proof" in codes(verdict)


def test_row_2_records_swapped_or_repeated() -> None:
    lines = member(layout.ENTRIES).split(b"\n")
    lines[2], lines[3] = lines[3], lines[2]
    verdict = check(edited(GOOD, {layout.ENTRIES: b"\n".join(lines)}, sign=LOG))
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, DECIDED)
    proofs = member(layout.PROOFS).split(b"\n")
    proofs[3] = proofs[2]
    verdict = check(edited(GOOD, {layout.PROOFS: b"\n".join(proofs), body_name(CONSUMED): None}, sign=LOG))
    assert verdict.grade is Grade.TAMPERED
    assert "record.order" in codes(verdict)


def test_row_3_a_record_of_another_tenant() -> None:
    foreign = NEIGHBOUR.rows[1]
    rows = [LOG.rows[0], replace(foreign), LOG.rows[DECIDED], LOG.rows[CONSUMED]]
    verdict = check(LOG.bundle(DECIDED, [CONSUMED], records=rows))
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, 1)
    assert {"record.foreign", "record.proof"} <= codes(verdict)


def test_row_3_claimed_for_another_tenant() -> None:
    scope = replace(LOG.scope, tenant="somebody-else")
    assert "founding" in codes(check(LOG.bundle(DECIDED, [CONSUMED], scope=scope)))
    scope = replace(LOG.scope, uuid="f" * 32)
    assert "record.foreign" in codes(check(LOG.bundle(DECIDED, [CONSUMED], scope=scope)))
    scope = replace(LOG.scope, environment="live")
    assert check(LOG.bundle(DECIDED, [CONSUMED], scope=scope)).grade is Grade.TAMPERED


def test_row_7_an_older_bundle_shown_to_who_knows_more() -> None:
    verdict = check(GOOD, replace(TRUST, known_head=KnownHead(size=20, root=bytes(32))))
    assert (verdict.grade, verdict.seq) == (Grade.TRUNCATED, 8)
    verdict = check(GOOD, replace(TRUST, receipts=(Receipt(seq=12, leaf=bytes(32)),)))
    assert (verdict.grade, verdict.seq) == (Grade.TRUNCATED, 8)


def test_row_11_a_fork() -> None:
    verdict = check(GOOD, replace(TRUST, known_head=KnownHead(size=8, root=bytes(32))))
    assert (verdict.grade, codes(verdict)) == (Grade.FORKED, {"head.fork"})
    linked = LOG.bundle(DECIDED, [CONSUMED], known=4)
    assert check(linked, replace(TRUST, known_head=LOG.known(4))).grade is Grade.CONSISTENT_UNANCHORED
    verdict = check(linked, replace(TRUST, known_head=KnownHead(size=4, root=bytes(32))))
    assert (verdict.grade, codes(verdict)) == (Grade.FORKED, {"head.fork"})
    # From the decision on, the headers tell every root; before it, only a consistency proof from that very size does.
    assert check(GOOD, replace(TRUST, known_head=LOG.known(5))).grade is Grade.CONSISTENT_UNANCHORED
    verdict = check(GOOD, replace(TRUST, known_head=KnownHead(size=5, root=bytes(32))))
    assert (verdict.grade, codes(verdict)) == (Grade.FORKED, {"head.fork"})
    verdict = check(GOOD, replace(TRUST, known_head=LOG.known(2)))
    assert (verdict.grade, codes(verdict)) == (Grade.INCOMPLETE, {"head.unlinked"})
    early = LOG.bundle(DECIDED, [CONSUMED], known=2)
    assert check(early, replace(TRUST, known_head=LOG.known(2))).grade is Grade.CONSISTENT_UNANCHORED
    verdict = check(early, replace(TRUST, known_head=KnownHead(size=2, root=bytes(32))))
    assert (verdict.grade, codes(verdict)) == (Grade.FORKED, {"head.fork"})


def test_row_15_a_token_for_another_record() -> None:
    verdict = check(GOOD, replace(TRUST, receipts=(Receipt(seq=DECIDED, leaf=bytes(32)),)))
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, DECIDED)


def test_row_19_keys_that_come_along() -> None:
    assert check(GOOD, None).grade is Grade.CONSISTENT_UNPINNED
    assert check(GOOD, None).exit_code() == 21
    verdict = check(GOOD, TrustPolicy(log_keys=(NEIGHBOUR.key,)))
    assert (verdict.grade, codes(verdict)) == (Grade.CONSISTENT_UNPINNED, {"key.unpinned"})
    assert check(GOOD, TrustPolicy(log_keys=())).exit_code() == 21


def test_row_19_signed_anew_under_another_key() -> None:
    impostor = TenantLog(9)
    impostor.key = replace(impostor.key.of(LOG.origin, impostor.key.public))
    forged = edited(GOOD, {layout.LOG_KEY: f"{impostor.key}\n".encode()}, sign=impostor)
    verdict = check(forged)
    assert verdict.grade is Grade.TAMPERED
    assert {"key.unpinned", "checkpoint", "readme"} <= codes(verdict)


def test_row_23_an_inconvenient_step_left_out() -> None:
    hidden = check(LOG.bundle(DECIDED, []))
    assert (hidden.grade, hidden.seq) == (Grade.INCOMPLETE, CONSUMED)
    assert codes(hidden) == {"thread.hidden"}
    # Without the headers nobody can tell; so the verdict does not say that the life is complete.
    silent = check(LOG.bundle(DECIDED, [], full=False))
    assert (silent.grade, silent.complete_to) == (Grade.CONSISTENT_UNANCHORED, None)
    assert any("not shown" in note for note in silent.notes)


def test_row_23_a_step_in_the_middle_left_out() -> None:
    log = TenantLog(5)
    decided = log.decide(1)
    log.add(EventKind.TOKEN_REFUSED, {"code": "x"}, thread=log.thread(1, n=1, previous=decided))
    last = log.add(EventKind.TOKEN_REFUSED, {"code": "y"}, thread=log.thread(1, n=2, previous=decided + 1))
    verdict = check(log.bundle(decided, [last], full=False), TrustPolicy(log_keys=(log.key,)))
    assert (verdict.grade, verdict.seq) == (Grade.INCOMPLETE, last)
    assert codes(verdict) == {"thread.gap"}


def _range(start: int, entries: tuple[bytes, ...]) -> HeaderRange:
    before = Frontier.empty()
    for row in LOG.rows[:start]:
        before = before.append(row.leaf)
    return HeaderRange(before=before, entries=entries)


def test_row_23_a_header_left_out_of_the_range() -> None:
    entries = tuple(row.entry for row in LOG.rows[DECIDED:])
    for bad in (entries[:-1], entries[:1] + entries[2:], (*entries, entries[-1]), ()):
        verdict = check(LOG.bundle(DECIDED, [CONSUMED], headers=_range(DECIDED, bad)))
        assert verdict.grade is Grade.TAMPERED
        assert codes(verdict) <= {"range.root", "range.header"}
    changed = (entries[0], entries[1].replace(b"writer-1", b"writer-2"), *entries[2:])
    assert codes(check(LOG.bundle(DECIDED, [CONSUMED], headers=_range(DECIDED, changed)))) == {"range.root"}
    with pytest.raises(AuditError):
        LOG.bundle(DECIDED, [CONSUMED], headers=_range(DECIDED + 1, entries[1:]))


@pytest.mark.parametrize("seq", [0, 1, DECIDED, CONSUMED])
def test_row_25_a_withheld_body_is_named(seq: int) -> None:
    verdict = check(edited(GOOD, {body_name(seq): None}, sign=LOG))
    assert (verdict.grade, verdict.seq) == (Grade.INCOMPLETE, seq)
    assert "body.withheld" in codes(verdict)


@pytest.mark.parametrize(("seq", "code"), [(0, "founding.missing"), (1, "founding.missing")])
def test_the_founding_records_are_needed(seq: int, code: str) -> None:
    rows = [LOG.rows[at] for at in (0, 1, DECIDED, CONSUMED) if at != seq]
    proofs = [prove_inclusion(LOG.leaves, index=row.seq, size=len(LOG.rows)) for row in rows]
    verdict = check(LOG.bundle(DECIDED, [CONSUMED], records=rows, proofs=proofs))
    assert (verdict.grade, codes(verdict)) == (Grade.INCOMPLETE, {code})


def test_a_checkpoint_of_another_size_or_log() -> None:
    verdict = check(LOG.bundle(DECIDED, [CONSUMED], checkpoint=LOG.note(6)))
    assert verdict.grade is Grade.TAMPERED
    assert {"checkpoint.claims", "record.proof"} <= codes(verdict)
    verdict = check(LOG.bundle(DECIDED, [CONSUMED], checkpoint=NEIGHBOUR.note()))
    assert verdict.grade is Grade.TAMPERED
    assert "checkpoint" in codes(verdict)


def test_a_decision_that_is_none() -> None:
    with pytest.raises(AuditError):
        LOG.bundle(DECIDED, [], records=LOG.rows[:2], proofs=[])
    verdict = check(LOG.bundle(CONSUMED, [DECIDED], full=False))
    assert verdict.grade is Grade.TAMPERED
    assert "decision.kind" in codes(verdict)


def test_inputs_that_are_not_the_recorded_ones() -> None:
    verdict = check(edited(GOOD, {layout.INTENT: b'{"action":"pay","amount":"999"}'}, sign=LOG))
    assert (verdict.grade, codes(verdict), verdict.seq) == (Grade.TAMPERED, {"inputs.intent"}, DECIDED)
    missing = {name: None for name in unpack(GOOD).members if name.startswith(("inputs/", "policy/"))}
    verdict = check(edited(GOOD, missing, sign=LOG))
    assert (verdict.grade, codes(verdict)) == (Grade.INCOMPLETE, {"inputs.missing"})
    assert check(edited(GOOD, {layout.ENTITIES: None}, sign=LOG)).grade is Grade.MALFORMED


def test_a_decision_that_comes_out_otherwise() -> None:
    def differs(**_: object) -> Again:
        return Again(again="deny(forbid) by no-way", agrees=False)

    verdict = check(GOOD, rerun=differs)
    assert (verdict.grade, verdict.rerun, verdict.seq) == (Grade.TAMPERED, RerunState.DIFFERS, DECIDED)

    def fails(**_: object) -> Again:
        raise AuditError("the policy sources are not those that the record names", code="audit.policy")

    verdict = check(GOOD, rerun=fails)
    assert (verdict.grade, verdict.rerun, codes(verdict)) == (Grade.TAMPERED, RerunState.FAILED, {"rerun.policy"})
    verdict = check(GOOD, rerun=None)
    assert (verdict.rerun, verdict.grade) == (RerunState.NOT_RUN, Grade.CONSISTENT_UNANCHORED)
    assert any("not run again" in note for note in verdict.notes)


def test_the_rerun_sees_exactly_the_members() -> None:
    given: dict[str, object] = {}

    def look(**arguments: object) -> Again:
        given.update(arguments)
        return Again()

    check(GOOD, rerun=look)
    assert given["tenant_uuid"] == LOG.scope.uuid
    assert given["environment"] == "test"
    assert given["sources"] == (("pay.policy", "permit (principal, action, resource);\n"), ("ü/more.policy", ""))
    assert (given["intent"], given["entities"]) == (member(layout.INTENT), b"[]")


def test_a_readme_that_says_more() -> None:
    verdict = check(edited(GOOD, {layout.README: member(layout.README) + b"WITNESSED by everybody\n"}, sign=LOG))
    assert (verdict.grade, codes(verdict)) == (Grade.TAMPERED, {"readme"})


def test_members_that_nobody_asked_for() -> None:
    for name in ("evil.exe", "policy/0002.policy", "bodies/0000000000000009.json", "keys/private.pem"):
        assert check(edited(GOOD, {name: b"x"}, sign=LOG)).grade is Grade.MALFORMED


def test_a_manifest_that_lists_something_else() -> None:
    data = unpack(GOOD).members
    predicate = dict(read_manifest(data[MANIFEST]).predicate)
    del predicate["sizes"]
    listed = {name: body for name, body in data.items() if name != MANIFEST}
    for wrong in ({**listed, "extra": b""}, {name: body for name, body in listed.items() if name != layout.PROOFS}):
        forged = write_manifest(wrong, predicate, key=LOG.key, sign=LOG.secret.sign)
        verdict = check(pack({**listed, MANIFEST: forged}))
        assert (verdict.grade, codes(verdict)) == (Grade.TAMPERED, {"member.list"})


def test_an_approval_that_was_counted_and_is_not_here() -> None:
    log = TenantLog(6)
    body = {"outcome": "allow", "rules": ["r"], "policy_digest": None, "approved": ["r#0"]}
    decided = log.add(EventKind.DECISION_ALLOW, body, thread=log.thread(1))
    verdict = check(log.bundle(decided, [], intent=b""), TrustPolicy(log_keys=(log.key,)))
    assert (verdict.grade, codes(verdict)) == (Grade.INCOMPLETE, {"approval.missing"})


def test_a_header_and_body_that_disagree() -> None:
    log = TenantLog(7)
    decided = log.add(
        EventKind.DECISION_ALLOW, {"outcome": "deny", "approved": []}, thread=log.thread(1), policy=POLICY
    )
    verdict = check(log.bundle(decided, [], intent=b""), TrustPolicy(log_keys=(log.key,)))
    assert verdict.grade is Grade.TAMPERED
    assert {"decision.outcome", "decision.policy"} <= codes(verdict)


@pytest.mark.parametrize("number", ["9" * 5000, "7", "-0000000000000001", "00000000000000000"])
def test_a_listed_body_with_no_number_of_ours(number: str) -> None:
    """A name in the manifest is as hostile as the rest: no number is read from it but in the one form that bodies have."""
    manifest = read_manifest(member(MANIFEST))
    listed = {name: body for name, body in unpack(GOOD).members.items() if name != MANIFEST}
    listed[f"bodies/{number}.json"] = b"{}"
    predicate = {name: value for name, value in manifest.predicate.items() if name != "sizes"}
    forged = write_manifest(listed, predicate, key=LOG.key, sign=LOG.secret.sign)
    verdict = check(edited(GOOD, {MANIFEST: forged}))
    assert [(f.code, f.seq) for f in verdict.findings] == [("member.list", None)]
