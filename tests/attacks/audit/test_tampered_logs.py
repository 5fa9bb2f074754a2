"""Tampering with a stored log, by name (rows 1 to 7 of the audit design). Each has 60 seeded trials and one named finding.

`naive` attackers change what is stored. `careful` ones fit every hash, link and number that they can compute; only what somebody else
remembers (a signed head, a token) stands against them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from intended_core.audit.grades import Grade
from intended_core.audit.tree import root_of
from intended_core.audit.verify import KnownHead, LogVerdict, Receipt, verify_log
from intended_core.unit import RecordRow
from tests.reference.audit_world import TenantLog, honest_log, refreshed, relink

TRIALS = range(60)
LOG = honest_log(1, size=40)
NEIGHBOUR = honest_log(2, size=40, seed=2)


def check(
    rows: Sequence[RecordRow], *, heads: Sequence[KnownHead] = (), receipts: Sequence[Receipt] = ()
) -> LogVerdict:
    return verify_log(rows, identity=LOG.identity, heads=heads, receipts=receipts)


def tampered(rows: Sequence[RecordRow], seq: int, *codes: str, heads: Sequence[KnownHead] = ()) -> None:
    verdict = check(rows, heads=heads)
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, seq)
    assert verdict.findings[0].code in codes


def flip(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) * 8)
    changed = bytearray(data)
    changed[place // 8] ^= 1 << (place % 8)
    return bytes(changed)


@pytest.mark.parametrize("trial", TRIALS)
def test_no_false_alarm_on_clean_logs(trial: int) -> None:
    log = honest_log(3, size=2 + trial, seed=trial)
    sizes = sorted({1, 2, (2 + trial) // 2 or 1, len(log.rows)})
    receipts = [Receipt(seq=row.seq, leaf=row.leaf) for row in log.rows[::3]]
    verdict = verify_log(log.rows, identity=log.identity, heads=[log.known(size) for size in sizes], receipts=receipts)
    assert (verdict.grade, verdict.findings, verdict.unattested) == (Grade.CONSISTENT_UNANCHORED, (), 0)
    unpinned = verify_log(log.rows, identity=log.identity)
    assert (unpinned.grade, unpinned.unattested) == (Grade.CONSISTENT_UNPINNED, len(log.rows))


@pytest.mark.parametrize("trial", TRIALS)
class TestRow1ChangeAByte:
    """Row 1: a byte of a body, of a header, or of a column beside them."""

    def test_of_a_body(self, trial: int) -> None:
        chance = random.Random(trial)
        rows = list(LOG.rows)
        seq = chance.randrange(len(rows))
        rows[seq] = replace(rows[seq], body=flip(rows[seq].body, chance))
        tampered(rows, seq, "record.body")

    def test_of_a_header(self, trial: int) -> None:
        chance = random.Random(trial)
        rows = list(LOG.rows)
        seq = chance.randrange(len(rows))
        rows[seq] = replace(rows[seq], entry=flip(rows[seq].entry, chance))
        tampered(rows, seq, "column.leaf")

    def test_of_a_header_with_its_stored_hash_fitted(self, trial: int) -> None:
        chance = random.Random(trial)
        rows = list(LOG.rows)
        seq = chance.randrange(len(rows) - 2)
        rows[seq] = refreshed(rows[seq], entry=flip(rows[seq].entry, chance))
        verdict = check(rows)
        assert verdict.grade is Grade.TAMPERED
        assert verdict.seq == seq

    def test_of_the_last_header_with_its_stored_hash_fitted(self, trial: int) -> None:
        rows = list(LOG.rows)
        rows[-1] = refreshed(rows[-1], entry=flip(rows[-1].entry, random.Random(trial)))
        verdict = check(rows, heads=[LOG.known(20), LOG.known()])
        assert verdict.grade is Grade.TAMPERED
        assert verdict.seq is not None
        assert 20 <= verdict.seq <= 39

    def test_of_a_stored_hash(self, trial: int) -> None:
        chance = random.Random(trial)
        rows = list(LOG.rows)
        seq = chance.randrange(len(rows))
        rows[seq] = replace(rows[seq], leaf=flip(rows[seq].leaf, chance))
        tampered(rows, seq, "column.leaf")

    def test_of_the_thread_column(self, trial: int) -> None:
        chance = random.Random(trial)
        rows = list(LOG.rows)
        seq = chance.randrange(len(rows))
        rows[seq] = replace(rows[seq], thread=rows[seq].thread[:-1] + "!" if rows[seq].thread else "A" * 43)
        tampered(rows, seq, "column.thread")


@pytest.mark.parametrize("trial", TRIALS)
class TestRow2MoveRecords:
    """Row 2: delete in the middle, swap, insert, duplicate, renumber."""

    def test_delete(self, trial: int) -> None:
        rows = list(LOG.rows)
        seq = random.Random(trial).randrange(len(rows) - 1)
        del rows[seq]
        tampered(rows, seq, "log.gap")

    def test_delete_and_close_the_gap(self, trial: int) -> None:
        rows = list(LOG.rows)
        seq = random.Random(trial).randrange(len(rows) - 1)
        del rows[seq]
        rows = [replace(row, seq=number) for number, row in enumerate(rows)]
        tampered(rows, seq, "record.seq")

    def test_delete_and_write_the_rest_anew(self, trial: int) -> None:
        seq = random.Random(trial).randrange(2, 39)
        rows = relink(LOG, [*LOG.rows[:seq], *LOG.rows[seq + 1 :]], seq)
        verdict = check(rows, heads=[LOG.known(39)])
        assert verdict.grade is Grade.TAMPERED
        assert verdict.findings[0].code == "head.root"
        assert check(rows, heads=[LOG.known()]).grade is Grade.TRUNCATED
        # Without anything from outside a log that was written anew is as good as any other; so it says UNPINNED.
        assert check(rows).grade is Grade.CONSISTENT_UNPINNED

    def test_swap(self, trial: int) -> None:
        chance = random.Random(trial)
        first, second = sorted(chance.sample(range(len(LOG.rows)), 2))
        rows = list(LOG.rows)
        rows[first], rows[second] = rows[second], rows[first]
        tampered(rows, first, "log.gap")
        tampered([replace(row, seq=number) for number, row in enumerate(rows)], first, "record.seq")

    def test_duplicate(self, trial: int) -> None:
        chance = random.Random(trial)
        seq = chance.randrange(len(LOG.rows))
        rows = list(LOG.rows)
        rows.insert(seq + 1, rows[seq])
        tampered(rows, seq + 1, "log.order")
        tampered([replace(row, seq=number) for number, row in enumerate(rows)], seq + 1, "record.seq")

    def test_insert(self, trial: int) -> None:
        chance = random.Random(trial)
        seq = chance.randrange(2, 38)
        extra = relink(LOG, [*LOG.rows[:seq], LOG.rows[chance.randrange(2, 40)]], seq)[-1]
        rows = [*LOG.rows[:seq], extra, *LOG.rows[seq:]]
        rows = [replace(row, seq=number) for number, row in enumerate(rows)]
        tampered(rows, seq + 1, "record.seq")

    def test_insert_and_write_the_rest_anew(self, trial: int) -> None:
        chance = random.Random(trial)
        seq = chance.randrange(2, 38)
        rows = relink(LOG, [*LOG.rows[:seq], LOG.rows[chance.randrange(2, 40)], *LOG.rows[seq:]], seq)
        verdict = check(rows, heads=[LOG.known(seq), LOG.known()])
        assert (verdict.grade, verdict.findings[0].code) == (Grade.TAMPERED, "head.root")
        assert verdict.seq == seq

    def test_renumber(self, trial: int) -> None:
        chance = random.Random(trial)
        seq = chance.randrange(len(LOG.rows))
        rows = list(LOG.rows)
        rows[seq] = replace(rows[seq], seq=chance.choice([number for number in range(50) if number != seq]))
        verdict = check(rows)
        assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, seq)


@pytest.mark.parametrize("trial", TRIALS)
class TestRow3AnotherTenantsRecord:
    """Row 3: move or replay a record of another tenant's log."""

    def test_replace(self, trial: int) -> None:
        seq = random.Random(trial).randrange(40)
        rows = list(LOG.rows)
        rows[seq] = NEIGHBOUR.rows[seq]
        tampered(rows, seq, "record.foreign")

    def test_append(self, trial: int) -> None:
        chance = random.Random(trial)
        rows = [*LOG.rows, replace(chance.choice(NEIGHBOUR.rows), seq=40)]
        tampered(rows, 40, "record.foreign")

    def test_the_whole_log_of_another(self, trial: int) -> None:
        tampered(honest_log(2, size=10, seed=trial).rows, 0, "record.foreign")

    def test_a_fresh_log_under_the_same_name(self, trial: int) -> None:
        other = TenantLog(1)
        for number in range(trial + 3):
            other.decide(1000 + number)
        verdict = check(other.rows, heads=[LOG.known(3)])
        assert verdict.grade is Grade.TAMPERED
        assert verdict.findings[0].code == "head.root"


@pytest.mark.parametrize("trial", TRIALS)
class TestRow7CutTheTail:
    """Row 7: cut back to an older state, seen by whoever holds a later head or token."""

    def test_against_a_known_head(self, trial: int) -> None:
        cut = random.Random(trial).randrange(1, 40)
        verdict = check(LOG.rows[:cut], heads=[LOG.known()])
        assert (verdict.grade, verdict.seq) == (Grade.TRUNCATED, cut)
        assert verdict.findings[0].code == "log.truncated"

    def test_against_a_token(self, trial: int) -> None:
        chance = random.Random(trial)
        cut = chance.randrange(1, 40)
        named = LOG.rows[chance.randrange(cut, 40)]
        verdict = check(LOG.rows[:cut], heads=[LOG.known(cut)], receipts=[Receipt(seq=named.seq, leaf=named.leaf)])
        assert (verdict.grade, verdict.seq) == (Grade.TRUNCATED, cut)

    def test_after_the_newest_head_nothing_is_seen_and_the_verdict_says_how_much(self, trial: int) -> None:
        cut = random.Random(trial).randrange(20, 40)
        verdict = check(LOG.rows[:cut], heads=[LOG.known(20)])
        assert (verdict.grade, verdict.unattested) == (Grade.CONSISTENT_UNANCHORED, cut - 20)

    def test_cut_and_grown_again(self, trial: int) -> None:
        chance = random.Random(trial)
        cut = chance.randrange(2, 38)
        regrown = relink(LOG, [*LOG.rows[:cut], *reversed(LOG.rows[cut:])], cut)
        verdict = check(regrown, heads=[LOG.known(cut), LOG.known()])
        lost = LOG.rows[cut]
        assert verdict.grade is Grade.TAMPERED
        assert verdict.seq is not None
        assert verdict.seq >= cut
        told = check(regrown, receipts=[Receipt(seq=cut, leaf=lost.leaf)])
        assert told.grade is Grade.TAMPERED
        assert told.findings[0].code in {"receipt.leaf", "record.time"}


@pytest.mark.parametrize("column", ["entry", "body", "leaf"])
@pytest.mark.parametrize("value", ["text", None, 5, bytearray(b"x")])
def test_a_column_of_another_type(column: str, value: object) -> None:
    for seq in (5, 39):
        rows = list(LOG.rows)
        rows[seq] = replace(rows[seq], **{column: value})
        tampered(rows, seq, "column.type")
    broken = [replace(row, **{column: value}) if row.seq == 6 else row for row in LOG.rows]
    broken[5] = refreshed(broken[5], entry=broken[5].entry.replace(b"writer-1", b"writer-2"))
    assert check(broken).seq in {5, 6}


def test_everything_deleted() -> None:
    verdict = check([])
    assert (verdict.grade, verdict.findings[0].code) == (Grade.TRUNCATED, "log.empty")


@pytest.mark.parametrize("trial", TRIALS)
def test_row_11_two_signed_heads_of_one_size(trial: int) -> None:
    size = random.Random(trial).randrange(4, 40)
    forked = relink(LOG, [*LOG.rows[: size - 1], LOG.rows[2]], size - 1)
    other = KnownHead(size=size, root=root_of([row.leaf for row in forked]))
    verdict = check(LOG.rows, heads=[LOG.known(size), other])
    assert verdict.grade is Grade.FORKED
    assert verdict.findings[0].code == "head.fork"


@pytest.mark.parametrize("version", ["intended.audit/rec.v9", "intended.audit/rec.v", "none", ""])
def test_row_20_unknown_version(version: str) -> None:
    rows = list(LOG.rows)
    entry = rows[5].entry.replace(b"intended.audit/rec.v1", version.encode())
    rows[5] = refreshed(rows[5], entry=entry)
    tampered(rows, 5, "record.header")


def test_row_20_the_hash_is_fixed_in_the_genesis_record() -> None:
    weak = TenantLog(1)
    weak.rows.clear()
    weak.head = replace(weak.head, frontier=weak.head.frontier.empty(), last_leaf=bytes(32))
    from intended_core.audit.record import EventKind

    weak.add(EventKind.LOG_GENESIS, {"origin": weak.origin, "issuer": "test", "hash": "sha1"})
    tampered(weak.rows, 0, "log.genesis")


def test_another_log_key_in_the_genesis_record() -> None:
    identity = replace(LOG.identity, log_public_der=NEIGHBOUR.der)
    verdict = verify_log(LOG.rows, identity=identity)
    assert (verdict.grade, verdict.seq) == (Grade.TAMPERED, 0)


def test_a_second_genesis() -> None:
    from intended_core.audit.record import EventKind

    log = honest_log(1, size=5)
    log.add(EventKind.LOG_GENESIS, {"origin": log.origin, "hash": "sha256"})
    tampered(log.rows, 5, "log.genesis")
