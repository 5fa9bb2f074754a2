"""Proofs of heads and records under a verifier's policy: graded, small, in one spelling, and refused when anything is bent."""

from __future__ import annotations

import base64
from dataclasses import replace

import orjson
import pytest

from intended_core.audit.anchored import (
    RecordProof,
    SlotProof,
    encode_proof,
    parse_proof,
    tlog_proof,
    verify_record_proof,
    verify_slot_proof,
)
from intended_core.audit.grades import Grade
from intended_core.audit.proof import prove_inclusion
from intended_core.errors import AuditError
from tests.reference.anchor_world import WITNESSES, AnchorLog, honest_anchor

LOG = honest_anchor(5)
POLICY = LOG.policy()
PROOF = LOG.record(4, 5, 2)
LEAF = LOG.tenants[1].rows[5].leaf


def test_a_record_is_attested() -> None:
    found = verify_record_proof(PROOF, POLICY, leaf=LEAF)
    head = found.head
    assert (found.included.index, head.epoch, head.anchor_size, head.opening.origin) == (5, 2, 5, LOG.tenants[1].origin)
    assert (head.grade, head.organisations) == (Grade.WITNESSED, ("other", "w"))
    assert head.seen_s is not None
    assert head.certified is False


@pytest.mark.parametrize(
    ("witnesses", "grade"),
    [
        ((), Grade.CONSISTENT_UNANCHORED), (WITNESSES[:1], Grade.ANCHORED), (WITNESSES[:2], Grade.ANCHORED),
        (WITNESSES[1:], Grade.WITNESSED), (WITNESSES, Grade.WITNESSED),
    ],
)  # fmt: skip
def test_the_grade_is_what_the_policy_counts(witnesses: tuple[str, ...], grade: Grade) -> None:
    assert verify_slot_proof(LOG.proof(3, 1, note=LOG.note(witnesses=witnesses)), POLICY).grade is grade


def test_a_policy_without_quorum_counts_nobody() -> None:
    found = verify_slot_proof(PROOF.slot, LOG.policy("quorum none"))
    assert (found.grade, found.organisations) == (Grade.ANCHORED, ())


def test_proofs_are_read_back_and_small() -> None:
    for proof in (PROOF, PROOF.slot):
        data = encode_proof(proof)
        assert parse_proof(data) == proof
        assert encode_proof(parse_proof(data)) == data
    one = replace(PROOF, slot=replace(PROOF.slot, checkpoint=LOG.note(witnesses=WITNESSES[:1])))
    # with the paths of a million records, a thousand tenants and a year of epochs
    large = replace(
        one, path=(bytes(32),) * 20, slot=replace(one.slot, path=(bytes(32),) * 11, anchor_path=(bytes(32),) * 25)
    )  # fmt: skip
    assert len(encode_proof(large)) <= 4096


def test_any_other_spelling_is_refused() -> None:
    data = encode_proof(PROOF)
    value = orjson.loads(data)
    bent = [b"", b"[]", b"null", data + b"\n", b"{" * 5000, b"x" * 70_000]
    for place, name, new in (
        ("head", "slot", "3"), ("head", "n", 1.5), ("head", "g", True), ("head", "salt", "AA"), ("head", "r", ""), ("head", "path", "AAAA"),
        ("head", "o", 1), ("anchor", "entry", "é"), ("anchor", "note", None), ("anchor", "path", 3), ("record", "s", "5"),
        ("record", "path", "A" * 3000), ("head", "extra", 1), ("anchor", "path", []),
    ):  # fmt: skip
        bent.append(orjson.dumps({**value, place: {**value[place], name: new}}, option=orjson.OPT_SORT_KEYS))
    bent.append(orjson.dumps({**value, "$": "v9"}, option=orjson.OPT_SORT_KEYS))
    for one in bent:
        with pytest.raises(AuditError) as caught:
            parse_proof(one)
        assert caught.value.code in {"audit.proof", "audit.slot"}, one[:200]


def _bent() -> list[RecordProof | SlotProof]:
    slot = PROOF.slot
    other = LOG.proof(5, 2)
    heads = [
        replace(slot, opening=replace(slot.opening, size=slot.opening.size - 1)), replace(slot, opening=replace(slot.opening, slot=5)),
        replace(slot, opening=other.opening), replace(slot, path=other.path), replace(slot, path=slot.path[:-1]),
        replace(slot, path=(*slot.path, bytes(32))), replace(slot, entry=LOG.entries[3]), replace(slot, anchor_path=LOG.proof(4, 3).anchor_path),
        replace(slot, checkpoint=LOG.note(3)), replace(slot, anchor_path=()), replace(slot, checkpoint=slot.checkpoint[:-9]),
        replace(slot, opening=replace(slot.opening, salt=bytes(16))), replace(slot, opening=replace(slot.opening, previous=bytes(32))),
    ]  # fmt: skip
    return [
        *heads, replace(PROOF, seq=4), replace(PROOF, path=PROOF.path[:-1]), replace(PROOF, seq=-1), replace(PROOF, seq=10**6),
        replace(PROOF, path=(*PROOF.path, bytes(32))),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(18))
def test_every_bent_proof_is_refused(number: int) -> None:
    bent = _bent()[number]
    proof = bent if isinstance(bent, RecordProof) else replace(PROOF, slot=bent)
    with pytest.raises(AuditError):
        verify_record_proof(proof, POLICY, leaf=LEAF)
    assert len(_bent()) == 18


def test_another_leaf_or_another_log_is_refused() -> None:
    with pytest.raises(AuditError):
        verify_record_proof(PROOF, POLICY, leaf=LOG.tenants[1].rows[4].leaf)
    other = AnchorLog(name="other/anchor", tenants=LOG.tenants)
    other.seal()
    with pytest.raises(AuditError) as caught:
        verify_slot_proof(other.proof(3, 0), POLICY)
    assert caught.value.code == "audit.untrusted"


def test_the_last_stage_stands_alone() -> None:
    lines = tlog_proof(PROOF.slot).decode().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert base64.b64decode(lines[1].removeprefix("extra ")) == LOG.entries[2]
    assert lines[2] == "index 2"
    path = prove_inclusion(lambda a, b: LOG.leaves[a:b], index=2, size=5).path
    assert [base64.b64decode(line) for line in lines[3 : 3 + len(path)]] == list(path)
    assert "\n".join(lines).endswith("\n\n" + PROOF.slot.checkpoint.decode())
    with pytest.raises(AuditError):
        tlog_proof(replace(PROOF.slot, checkpoint=LOG.note(2)))
