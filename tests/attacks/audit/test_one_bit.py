"""The property behind all of it: any one bit that changes in a stored log, or in a bundle, is found."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.grades import Grade
from intended_core.audit.verdicts import TrustPolicy
from intended_core.audit.verify import verify_log
from tests.reference.audit_world import TenantLog, honest_log

LOG = honest_log(1, size=25)
HEADS = [LOG.known(12), LOG.known()]


def flip(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place // 8] ^= 1 << (place % 8)
    return bytes(changed)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_of_a_stored_log(data: st.DataObject) -> None:
    rows = list(LOG.rows)
    seq = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(["entry", "body", "leaf"]))
    stored = getattr(rows[seq], column)
    bad = flip(stored, data.draw(st.integers(0, len(stored) * 8 - 1)))
    rows[seq] = replace(rows[seq], **{column: bad})
    verdict = verify_log(rows, identity=LOG.identity, heads=HEADS)
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, seq)


def test_every_bit_of_one_whole_record() -> None:
    row = LOG.rows[7]
    for column in ("entry", "body", "leaf"):
        stored = getattr(row, column)
        for place in range(len(stored) * 8):
            rows = [*LOG.rows[:7], replace(row, **{column: flip(stored, place)}), *LOG.rows[8:9]]
            verdict = verify_log(rows, identity=LOG.identity)
            assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, 7)


def _bundle() -> tuple[TenantLog, bytes]:
    log = TenantLog(4)
    decided = log.decide(1)
    consumed = log.consume(1, decided)
    log.decide(2)
    return log, log.bundle(decided, [consumed])


OWNER, BUNDLE = _bundle()
TRUST = TrustPolicy(log_keys=(OWNER.key,))


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(BUNDLE) * 8 - 1))
def test_of_a_bundle(place: int) -> None:
    verdict = verify_bundle(flip(BUNDLE, place), trust=TRUST)
    assert verdict.grade in {Grade.TAMPERED, Grade.MALFORMED}
    assert verdict.exit_code() in {25, 26}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(BUNDLE) - 1))
def test_a_bundle_cut_anywhere(size: int) -> None:
    assert verify_bundle(BUNDLE[:size], trust=TRUST).grade is Grade.MALFORMED


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_from_anywhere(data: bytes) -> None:
    assert verify_bundle(data).grade is Grade.MALFORMED
    assert verify_bundle(BUNDLE + data + b"x", trust=TRUST).grade is Grade.MALFORMED
