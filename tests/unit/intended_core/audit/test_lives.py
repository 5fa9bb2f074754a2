"""What proven records say together: threads without gaps, a founding that names this log, a range that reaches the head."""

from __future__ import annotations

from dataclasses import replace

from intended_core.audit.bundle_reader import Bundle, read_bundle
from intended_core.audit.lives import Seen, check_founding, check_lives, check_range, root_at
from intended_core.audit.record import EventKind, parse_body, parse_entry
from tests.reference.audit_world import TenantLog

LOG = TenantLog(1)
DECIDED = LOG.decide(1)
OTHER = LOG.decide(2)
CONSUMED = LOG.consume(1, DECIDED)
BUNDLE: Bundle = read_bundle(LOG.bundle(DECIDED, [CONSUMED]))


def seen(*wanted: int, log: TenantLog = LOG) -> dict[int, Seen]:
    made = {}
    for seq in wanted:
        row = log.rows[seq]
        entry = parse_entry(row.entry)
        made[seq] = Seen(entry=entry, leaf=row.leaf, body=parse_body(row.body, expected=entry.body_hash))
    return made


def codes(findings: list[object]) -> list[str]:
    return [finding.code for finding in findings]  # type: ignore[attr-defined]


def test_a_life_from_decision_to_redemption() -> None:
    lives, found = check_lives(seen(0, 1, DECIDED, CONSUMED))
    assert found == []
    assert [(seq, kind) for seq, kind, _ in lives[0].steps] == [
        (DECIDED, EventKind.DECISION_ALLOW), (CONSUMED, EventKind.TOKEN_CONSUMED),
    ]  # fmt: skip


def test_two_threads_do_not_mix() -> None:
    lives, found = check_lives(seen(DECIDED, OTHER, CONSUMED))
    assert (len(lives), found) == (2, [])


def test_a_step_that_is_missing_is_a_gap() -> None:
    _, found = check_lives(seen(CONSUMED))
    assert [(item.code, item.seq) for item in found] == [("thread.gap", CONSUMED)]


def test_the_founding() -> None:
    assert check_founding(seen(0, 1), BUNDLE.claims, LOG.key) == []
    assert codes(check_founding(seen(0), BUNDLE.claims, LOG.key)) == ["founding.missing"]
    assert codes(check_founding(seen(0, 1), BUNDLE.claims, TenantLog(2).key)) == ["founding"]
    assert codes(check_founding(seen(0, 1), replace(BUNDLE.claims, tenant="other"), LOG.key)) == ["founding"]
    assert codes(check_founding(seen(0, 1, log=TenantLog(2)), BUNDLE.claims, LOG.key)) == ["founding", "founding"]


def test_a_range_reaches_the_head_and_knows_every_step() -> None:
    records = seen(0, 1, DECIDED, CONSUMED)
    complete, found = check_range(records, BUNDLE, LOG.checkpoint(), records[DECIDED])
    assert (complete, found) == (len(LOG.rows), [])


def test_a_range_that_ends_early_or_starts_elsewhere() -> None:
    records = seen(0, 1, DECIDED, CONSUMED)
    short = replace(BUNDLE, headers=BUNDLE.headers[:-1])
    complete, found = check_range(records, short, LOG.checkpoint(), records[DECIDED])
    assert complete is None
    assert found
    moved = replace(BUNDLE, before=read_bundle(LOG.bundle(OTHER, [])).before)
    complete, found = check_range(records, moved, LOG.checkpoint(), records[DECIDED])
    assert (complete, codes(list(found))) == (None, ["range.start"])


def test_a_step_in_the_range_that_is_not_shown() -> None:
    records = seen(0, 1, DECIDED)
    _, found = check_range(records, BUNDLE, LOG.checkpoint(), records[DECIDED])
    assert found


def test_without_a_range_nothing_is_said_to_be_complete() -> None:
    records = seen(0, 1, DECIDED)
    assert check_range(records, replace(BUNDLE, before=None, headers=()), LOG.checkpoint(), records[DECIDED]) == (
        None,
        [],
    )
    assert callable(root_at)
