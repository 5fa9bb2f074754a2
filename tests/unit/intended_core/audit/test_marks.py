"""Marks of erasure in a stretch, judged alone; the attacks on them are in tests/attacks/audit/test_fields.py."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core.audit import marks as room
from intended_core.audit.fields import read_body
from intended_core.audit.grades import Grade
from intended_core.audit.marks import Marks
from intended_core.audit.record import EventKind, parse_entry
from tests.reference.audit_world import TenantLog
from tests.reference.tampered_fields import decisions, fielded, permitted


@pytest.fixture
def log() -> TenantLog:
    return fielded(1)


def follow(log: TenantLog, gone: dict[int, dict[str, Any]], *, stop: int | None = None, whole: bool = True, hidden: frozenset[int] = frozenset()) -> tuple[str, int | None] | None:
    """What is found in the log up to `stop` whose records have these marks."""
    size = len(log.rows)
    stop = size if stop is None else stop
    made = Marks(tenant_uuid=log.scope.uuid, environment="test", stop=stop, size=size, whole=whole)
    for row in log.rows[:stop]:
        entry = parse_entry(row.entry)
        if row.seq in gone:
            made.note(row.seq, gone[row.seq])
        made.take(row.seq, entry.kind, None if row.seq in hidden else read_body(row), generation=1)
    found = made.finding()
    assert found is None or (found.code, found.grade) == ("field.erasure", Grade.TAMPERED)
    return None if found is None else (found.code, found.seq)


def test_what_is_only_withheld_is_no_mark(log: TenantLog) -> None:
    assert follow(log, {seq: {"ith": None} for seq in decisions(log)}) is None


def test_what_two_persons_permitted(log: TenantLog) -> None:
    one, two, *_ = decisions(log)
    by = permitted(log, ((one, ("ith",)), (two, ("intent.args.amount", "ith"))))
    assert follow(log, {one: {"ith": by}, two: {"intent.args.amount": by, "ith": None}}) is None
    assert follow(log, {one: {"entities_digest": by}}) == ("field.erasure", one)
    assert follow(log, {two: {"ith": by}, one: {"ith": two}}) == ("field.erasure", one)


def test_a_mark_points_forwards_and_into_the_log(log: TenantLog) -> None:
    seq = decisions(log)[0]
    by = permitted(log, ((seq, ("ith",)),))
    for wrong in (0, seq - 1, seq, len(log.rows), 2**40):
        assert follow(log, {seq: {"ith": wrong}}, stop=by) == ("field.erasure", seq)
    assert follow(log, {seq: {"ith": by}}, stop=by) is None


def test_the_first_is_found(log: TenantLog) -> None:
    one, two, three, *_ = decisions(log)
    assert follow(log, {three: {"ith": 3}, two: {"ith": three}, one: {"ith": two}}) == ("field.erasure", one)


def test_what_is_not_shown_says_nothing(log: TenantLog) -> None:
    seq = decisions(log)[0]
    by = permitted(log, ((seq, ("intent.args.payee",)),))
    assert follow(log, {seq: {"ith": by}}) == ("field.erasure", seq)
    assert follow(log, {seq: {"ith": by}}, hidden=frozenset({by})) is None
    alone = permitted(log, ((seq, ("ith",)),), ("ann", "eve"))
    assert follow(log, {seq: {"ith": alone}}) == ("field.erasure", seq)
    assert follow(log, {seq: {"ith": alone}}, hidden=frozenset({2})) is None


def test_only_so_many_wait(log: TenantLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of further ones nothing is said; what waits no longer leaves room."""
    one, two, three, *_ = decisions(log)
    by = permitted(log, ((one, ("ith",)),))
    later = log.add(EventKind.LOG_HEARTBEAT, {})
    monkeypatch.setattr(room, "MAX_MARKED", 1)
    assert follow(log, {one: {"ith": by}, two: {"ith": later}, three: {"ith": later}}) is None
    made = Marks(tenant_uuid=log.scope.uuid, environment="test", stop=99, size=99, whole=False)
    made.note(one, {"ith": by})
    made.take(by, EventKind.LOG_REDACT, None, generation=1)
    made.note(by + 1, {"ith": by + 2})
    assert made.finding() is not None
