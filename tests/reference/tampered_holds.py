"""Erasures in spite of a legal hold, and holds that nobody lifted, for the tampering table (row 26)."""

from __future__ import annotations

import random
from typing import Any, Final

from intended_core.access.statement import Statement
from intended_core.audit.grades import Grade
from intended_core.audit.holds import Kept, Later, lift_subject, place_subject
from intended_core.audit.record import EventKind
from intended_core.audit.verify import verify_log
from intended_core.canonical import b64url
from intended_core.unit import RecordRow
from tests.reference.audit_world import TenantLog
from tests.reference.tampered_erasures import EXPIRES, PERSONS, body_of, emptied, with_persons

__all__ = ["ON_HOLDS", "code_of", "hold_body", "honest_hold", "lift_body"]

Places = tuple[tuple[int, int], ...]


def _signed(log: TenantLog, subject: bytes, names: tuple[str, ...]) -> dict[str, Any]:
    digest = Statement(scope=log.scope, purpose="audit.hold", generation=1, subject=subject, expires_us=EXPIRES).digest()
    persons = [["Person", name, b64url(PERSONS[name].public_key), b64url(PERSONS[name].sign(digest))] for name in names]
    return {"expires": EXPIRES, "persons": persons}


def hold_body(
    log: TenantLog, places: Places, *, later: Later | None = None, names: tuple[str, ...] = ("ann", "bob"), size: int | None = None
) -> dict[str, Any]:
    """The body of a record that places a hold, signed by these."""
    kept = Kept(places=places, size=len(log.rows) if size is None else size, later=later)
    signed = _signed(log, place_subject(kept, reason="case", basis="order"), names)
    return {**kept.to_json(), "reason": "case", "basis": "order", **signed}


def lift_body(log: TenantLog, hold: int, names: tuple[str, ...] = ("ann", "bob")) -> dict[str, Any]:
    """The body of a record that lifts one."""
    return {"hold": hold, "reason": "over", "basis": "order", **_signed(log, lift_subject(hold, reason="over", basis="order"), names)}


def code_of(log: TenantLog, rows: list[RecordRow]) -> str:
    """The first finding over these rows, "" for none."""
    verdict = verify_log(rows, identity=log.identity, heads=[log.known()])
    return "" if verdict.grade in (Grade.CONSISTENT_UNPINNED, Grade.CONSISTENT_UNANCHORED) else verdict.findings[0].code


def _around(chance: random.Random, place: tuple[int, int]) -> tuple[Places, Later | None]:
    """What a hold may say to keep this place: by place, or as something to come."""
    return ((place[0] - chance.randrange(2), place[1] + chance.randrange(3)),), None if chance.random() < 0.5 else Later()


def _in_spite(chance: random.Random) -> str:
    """Two persons agree to the erasure, of one record or many, whole or pruned; a hold stands that they were not allowed to disregard."""
    log = with_persons(chance.randrange(1000))
    start = chance.randrange(5, 25)
    kind = chance.choice([EventKind.LOG_REDACT, EventKind.LOG_PRUNE])
    if chance.random() < 0.5:
        places, later = _around(chance, (start, start + 1))
        log.add(EventKind.HOLD_PLACED, hold_body(log, places, later=later))
    else:
        log.add(EventKind.HOLD_PLACED, hold_body(log, (), later=Later(kinds=chance.choice([(), ("decision.allow",)]))))
        for number in range(chance.randrange(3)):
            log.consume(900 + number, log.decide(900 + number))
        start = log.decide(999)
    gone = ((start, start + 1),)
    log.add(kind, body_of(log, kind, gone))
    return code_of(log, emptied(log, gone))


def _lifted_by_nobody(chance: random.Random) -> str:
    """Whoever holds the log's key writes that the hold is lifted, without two persons of the log, or lifts another one."""
    log = with_persons(chance.randrange(1000))
    start = chance.randrange(5, 25)
    hold = log.add(EventKind.HOLD_PLACED, hold_body(log, ((start, start + 1),)))
    names = chance.choice([("ann",), ("ann", "ann"), ("ann", "eve"), ("eve",), ()])
    body = lift_body(log, hold, names)
    if chance.random() < 0.3:
        body = lift_body(log, hold + 1) | {"hold": hold}
    log.add(EventKind.HOLD_LIFTED, body)
    log.add(EventKind.LOG_PRUNE, body_of(log, EventKind.LOG_PRUNE, ((start, start + 1),)))
    return code_of(log, emptied(log, ((start, start + 1),)))


def honest_hold(trial: int) -> bool:
    """Whether a hold that is placed, disregarded by nobody, lifted, and an erasure after it, are taken for tampering."""
    chance = random.Random(f"honest hold {trial}")
    log = with_persons(trial)
    start = chance.randrange(5, 25)
    places, later = _around(chance, (start, start + 1))
    hold = log.add(EventKind.HOLD_PLACED, hold_body(log, places, later=later))
    beside = places[0][1]
    log.add(EventKind.LOG_PRUNE, body_of(log, EventKind.LOG_PRUNE, ((beside, beside + 1),)))
    gone: Places = ((beside, beside + 1),)
    if chance.random() < 0.5:
        log.add(EventKind.HOLD_LIFTED, lift_body(log, hold))
        log.add(EventKind.LOG_REDACT, body_of(log, EventKind.LOG_REDACT, ((start, start + 1),)))
        gone = ((start, start + 1), *gone)
    return code_of(log, emptied(log, gone)) != ""


ON_HOLDS: Final = (
    (26, "an erasure by two persons in spite of a legal hold", "I", _in_spite),
    (26, "a legal hold lifted by who holds the log's key, without two persons of the log", "I", _lifted_by_nobody),
)
