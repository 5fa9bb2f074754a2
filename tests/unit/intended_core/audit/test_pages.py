"""Pages change nothing but the time: every verdict is the one that the room which judges record by record gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from itertools import islice

import pytest

from intended_core.audit import pages
from intended_core.audit.clean import Clean
from intended_core.audit.grades import Grade
from intended_core.audit.levels import Levels
from intended_core.audit.pages import PAGE_RECORDS, Page, page_sizes, recognise, recognised
from intended_core.audit.range_verify import verify_range
from intended_core.audit.tree import leaf_hash
from intended_core.audit.verify import LogVerdict, Receipt, verify_log
from intended_core.errors import AuditError
from intended_core.unit import RecordRow
from tests.reference.audit_world import honest_log, relink
from tests.reference.stretches import stretch

LOG = honest_log(3, size=90)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 8 records, so that 90 are many."""
    monkeypatch.setattr(pages, "PAGE_RECORDS", 8)
    monkeypatch.setattr(pages, "_BEGINNING", 3)


def page_at(start: int, stop: int, rows: list[RecordRow] = LOG.rows) -> Page:
    part = rows[start:stop]
    return Page(
        LOG.origin, LOG.scope.uuid, start, rows[start - 1].leaf, [row.entry for row in part], [row.body for row in part],
        [row.leaf for row in part], [row.thread for row in part],
    )  # fmt: skip


def both(rows: list[RecordRow], monkeypatch: pytest.MonkeyPatch, receipts: list[Receipt] | None = None) -> tuple[LogVerdict, LogVerdict]:
    given = {"identity": LOG.identity, "heads": [LOG.known(20), LOG.known(83)], "receipts": receipts or []}
    quick = verify_log(rows, **given)  # type: ignore[arg-type]
    with monkeypatch.context() as patched:
        patched.setattr(Clean, "adopt", lambda self, found: False)
        patched.setattr(Clean, "take", lambda self, row: False)
        return quick, verify_log(rows, **given)  # type: ignore[arg-type]


def test_pages_end_at_round_places() -> None:
    assert list(islice(page_sizes(0), 4)) == [3, 5, 8, 8]
    assert list(islice(page_sizes(13), 4)) == [3, 8, 8, 8]
    assert PAGE_RECORDS & (PAGE_RECORDS - 1) == 0


@pytest.mark.parametrize(("start", "stop"), [(3, 4), (3, 90), (3, 8), (7, 41), (16, 24), (63, 65)])
def test_a_page_comes_to_what_its_records_come_to(start: int, stop: int) -> None:
    whole = Clean(origin=LOG.origin, tenant_uuid=LOG.scope.uuid, generation=1)
    for row in LOG.rows[:2]:
        whole.add(row.leaf, 1)
    for row in LOG.rows[2:start]:
        assert whole.take(row)
    found = recognise(page_at(start, stop))
    assert found is not None
    assert whole.adopt(found)
    assert whole.frontier() == Levels([row.leaf for row in LOG.rows]).frontier(stop)
    assert (whole.size, whole.last_leaf) == (stop, LOG.rows[stop - 1].leaf)
    assert not whole.adopt(found), "a page stands in one place"


def test_a_page_of_headers_alone() -> None:
    full, headers = recognise(page_at(5, 30)), recognise(replace(page_at(5, 30), bodies=None, leaves=None, threads=None))
    assert full is not None
    assert headers == replace(full, bodies=False)
    assert full.bodies


DAMAGE: dict[str, Callable[[list[RecordRow], int, random.Random], list[RecordRow]]] = {
    "a bit of the entry": lambda rows, at, chance: _bit(rows, at, chance, "entry"),
    "a bit of the body": lambda rows, at, chance: _bit(rows, at, chance, "body"),
    "a bit of the leaf": lambda rows, at, chance: _bit(rows, at, chance, "leaf"),
    "a bit of the entry and its leaf": lambda rows, at, chance: _fitted(_bit(rows, at, chance, "entry"), at),
    "a thread": lambda rows, at, chance: [*rows[:at], replace(rows[at], thread="x"), *rows[at + 1 :]],
    "a number": lambda rows, at, chance: [*rows[:at], replace(rows[at], seq=at + 1), *rows[at + 1 :]],
    "left out": lambda rows, at, chance: rows[:at] + rows[at + 1 :],
    "left out and closed up": lambda rows, at, chance: [replace(row, seq=n) for n, row in enumerate(rows[:at] + rows[at + 1 :])],
    "written anew": lambda rows, at, chance: relink(LOG, [*rows[:at], *rows[at + 1 :]], at),
    "twice": lambda rows, at, chance: [*rows[:at], rows[at], *rows[at:]],
    "exchanged": lambda rows, at, chance: [*rows[:at], *reversed(rows[at : at + 2]), *rows[at + 2 :]],
    "cut": lambda rows, at, chance: rows[:at],
    "no body": lambda rows, at, chance: [*rows[:at], replace(rows[at], body=b""), *rows[at + 1 :]],
    "text": lambda rows, at, chance: [*rows[:at], replace(rows[at], body=rows[at].body.decode()), *rows[at + 1 :]],  # type: ignore[arg-type]
    "nothing": lambda rows, at, chance: rows,
}


def _bit(rows: list[RecordRow], at: int, chance: random.Random, part: str) -> list[RecordRow]:
    data = bytearray(getattr(rows[at], part))
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return [*rows[:at], replace(rows[at], **{part: bytes(data)}), *rows[at + 1 :]]


def _fitted(rows: list[RecordRow], at: int) -> list[RecordRow]:
    return [*rows[:at], replace(rows[at], leaf=leaf_hash(rows[at].entry)), *rows[at + 1 :]]


@pytest.mark.parametrize("damage", DAMAGE)
def test_every_verdict_is_the_judges_own(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(damage)
    for _ in range(12):
        at = chance.randrange(1, 81)  # before the newest known head, so that whatever it is is found
        receipts = [Receipt(seq=seq, leaf=LOG.rows[seq].leaf) for seq in chance.sample(range(90), 2)]
        quick, slow = both(DAMAGE[damage](list(LOG.rows), at, chance), monkeypatch, receipts)
        assert quick == slow
        assert (quick.grade is Grade.CONSISTENT_UNANCHORED) == (damage == "nothing")


def test_several_processes_give_the_same_verdict() -> None:
    rows = list(LOG.rows)
    spoilt = _bit(rows, 61, random.Random(1), "body")
    for given in (rows, spoilt):
        assert verify_log(given, identity=LOG.identity, heads=[LOG.known(90)], jobs=2) == verify_log(
            given, identity=LOG.identity, heads=[LOG.known(90)]
        )
    for bodies in (True, False):
        data = stretch(LOG, 5, 80, bodies=bodies)
        assert verify_range(BytesIO(data), jobs=2) == verify_range(BytesIO(data))
        assert verify_range(BytesIO(data)).findings == ()


@pytest.mark.parametrize("jobs", [0, -1, 65, True, 1.0, "2"])
def test_a_number_of_jobs(jobs: object) -> None:
    with pytest.raises(AuditError, match="1 to 64 jobs"):
        list(recognised([], jobs=jobs))  # type: ignore[arg-type]
    with pytest.raises(AuditError):
        verify_range(BytesIO(b""), jobs=jobs)  # type: ignore[arg-type]


def test_another_logs_page_is_not_recognised() -> None:
    page = page_at(20, 28)
    assert recognise(page) is not None
    for change in ({"origin": "test/x"}, {"tenant_uuid": "0" * 32}, {"start": 21}, {"before": bytes(32)}, {"before": b""}, {"entries": []}):
        assert recognise(replace(page, **change)) is None  # type: ignore[arg-type]


def test_a_page_that_lacks_a_part_is_not_recognised() -> None:
    """What stands beside headers stands beside each: a page never says of a record what it did not look at."""
    page = page_at(30, 34)
    assert recognise(page) is not None
    assert recognise(replace(page, fields=[b""] * 4)) is not None
    assert recognise(replace(page, fields=[b""] * 3)) is None
    assert page.bodies is not None
    assert page.leaves is not None
    assert page.threads is not None
    assert recognise(replace(page, bodies=page.bodies[:3])) is None
    assert recognise(replace(page, leaves=page.leaves[:3])) is None
    assert recognise(replace(page, threads=page.threads[:3])) is None
    assert recognise(replace(page, entries=[], bodies=[], leaves=[], threads=[])) is None
