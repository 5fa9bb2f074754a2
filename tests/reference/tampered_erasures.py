"""Bodies taken out of a log with and without permission, for the tampering table (rows 25 and 26)."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any, Final

from intended_core.access.persons import LocalPersonKey
from intended_core.access.statement import Statement
from intended_core.audit.erasures import ERASABLE, erasure_subject
from intended_core.audit.grades import Grade
from intended_core.audit.record import EventKind, parse_entry
from intended_core.audit.verify import LogVerdict, verify_log
from intended_core.canonical import b64url
from intended_core.unit import RecordRow
from tests.reference.audit_world import START_US, TenantLog, secret

__all__ = ["ON_ERASURES", "honest_erasure"]

EXPIRES: Final = START_US + 600_000_000
PERSONS: Final = {"ann": LocalPersonKey(secret(51)), "bob": LocalPersonKey(secret(52)), "eve": LocalPersonKey(secret(53))}
Places = tuple[tuple[int, int], ...]


def with_persons(seed: int) -> TenantLog:
    """An honest log that introduced ann and bob, and goes on."""
    log = TenantLog(1)
    for name in ("ann", "bob"):
        log.add(EventKind.PERSON_REGISTERED, {"person": ["Person", name], "key": b64url(PERSONS[name].public_key), "roles": ["approver"]})
    chance = random.Random(seed)
    for number in range(30):
        decided = log.decide(number)
        if chance.random() < 0.5:
            log.consume(number, decided)
    return log


def body_of(log: TenantLog, kind: EventKind, places: Places, names: tuple[str, ...] = ("ann", "bob")) -> dict[str, Any]:
    """The body of an erasure's record, signed by these."""
    subject = erasure_subject(kind, places, reason="asked", basis="law")
    digest = Statement(scope=log.scope, purpose="audit.erase", generation=1, subject=subject, expires_us=EXPIRES).digest()
    persons = [["Person", name, b64url(PERSONS[name].public_key), b64url(PERSONS[name].sign(digest))] for name in names]
    return {"places": [list(place) for place in places], "reason": "asked", "basis": "law", "expires": EXPIRES, "persons": persons}


def emptied(log: TenantLog, places: Places) -> list[RecordRow]:
    """The log's rows with these bodies gone."""
    gone = {seq for start, stop in places for seq in range(start, stop)}
    return [replace(row, body=b"") if row.seq in gone else row for row in log.rows]


def _verdict(log: TenantLog, rows: list[RecordRow]) -> LogVerdict:
    return verify_log(rows, identity=log.identity, heads=[log.known()])


def _code(log: TenantLog, rows: list[RecordRow]) -> str:
    verdict = _verdict(log, rows)
    return "" if verdict.grade in (Grade.CONSISTENT_UNPINNED, Grade.CONSISTENT_UNANCHORED) else verdict.findings[0].code


def _place(chance: random.Random) -> Places:
    start = chance.randrange(4, 30)
    return ((start, start + chance.randrange(1, 4)),)


def honest_erasure(trial: int) -> bool:
    """Whether an erasure by two persons is taken for tampering."""
    chance = random.Random(trial)
    log, places = with_persons(trial), _place(chance)
    kind = chance.choice([EventKind.LOG_REDACT, EventKind.LOG_PRUNE])
    log.add(kind, body_of(log, kind, places))
    verdict = _verdict(log, emptied(log, places))
    return bool(verdict.findings) or verdict.erased != sum(stop - start for start, stop in places)


def _silent(chance: random.Random) -> str:
    """Row 25: a body is emptied in the store, and no record permits it."""
    log = with_persons(chance.randrange(1000))
    return _code(log, emptied(log, _place(chance)))


def _more(chance: random.Random) -> str:
    """Row 25: more goes than two persons agreed to."""
    log, places = with_persons(chance.randrange(1000)), _place(chance)
    log.add(EventKind.LOG_REDACT, body_of(log, EventKind.LOG_REDACT, places))
    more = places[0][1] + chance.randrange(0, 3)
    return _code(log, emptied(log, (*places, (more, more + 1))))


def _forged(chance: random.Random) -> str:
    """Row 26: whoever holds the log's key writes the record that permits it, without two persons of the log."""
    log, places = with_persons(chance.randrange(1000)), _place(chance)
    kind = chance.choice([EventKind.LOG_REDACT, EventKind.LOG_PRUNE])
    body = body_of(log, kind, places, chance.choice([("ann",), ("ann", "ann"), ("ann", "eve"), ("eve",), ()]))
    if chance.random() < 0.3:
        body = body_of(log, kind, ((2, 3),)) | {"places": [list(place) for place in places]}
    log.add(kind, body)
    return _code(log, emptied(log, places))


def _founding(chance: random.Random) -> str:
    """Row 26: what others rest on is taken out, two persons agreeing."""
    log = with_persons(chance.randrange(1000))
    kept = [row.seq for row in log.rows if parse_entry(row.entry).kind not in ERASABLE]
    seq = chance.choice(kept)
    log.add(EventKind.LOG_PRUNE, body_of(log, EventKind.LOG_PRUNE, ((seq, seq + 1),)))
    return _code(log, emptied(log, ((seq, seq + 1),)))


ON_ERASURES: Final = (
    (25, "a body emptied in the store, and no record permits it", "I", _silent),
    (25, "more bodies emptied than two persons agreed to", "I", _more),
    (26, "a record that permits it, written by who holds the log's key, without two persons of the log", "I", _forged),
    (26, "the first record, a person's or a key's emptied, two persons agreeing", "I", _founding),
)
