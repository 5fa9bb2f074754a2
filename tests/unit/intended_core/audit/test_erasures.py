"""What permits a missing body: an erasure's record in its form, signed by two persons whom the log introduced."""

from __future__ import annotations

from typing import Any

import pytest

from intended_core.access.persons import LocalPersonKey
from intended_core.access.statement import Statement
from intended_core.audit.erasures import ERASABLE, Erasures, erasure_subject, stretches, subject_of
from intended_core.audit.record import EventKind
from intended_core.canonical import b64url
from intended_core.clock import SystemRandomness
from intended_core.errors import AuditError
from intended_core.ids import Scope

SCOPE = Scope(tenant="acme", uuid="0123456789abcdef0123456789abcdef", environment="live")
KEYS = {name: LocalPersonKey.generate(SystemRandomness()) for name in ("ann", "bob", "eve")}
REDACT = EventKind.LOG_REDACT
EXPIRES = 1_790_000_000_000_000


def walk(*, roles: list[str] | None = None) -> Erasures:
    made = Erasures(tenant_uuid=SCOPE.uuid)
    made.take(1, EventKind.TENANT_CREATED, {"environment": "live"}, generation=1)
    for seq, name in ((2, "ann"), (3, "bob")):
        body: dict[str, Any] = {"person": ["Person", name], "key": b64url(KEYS[name].public_key)}
        made.take(seq, EventKind.PERSON_REGISTERED, body | ({} if roles is None else {"roles": roles}), generation=1)
    return made


def signed(where: tuple[tuple[int, int], ...], names: tuple[str, ...] = ("ann", "bob"), **changes: Any) -> dict[str, Any]:
    subject = erasure_subject(REDACT, where, reason="asked", basis="art. 17")
    digest = Statement(scope=SCOPE, purpose="audit.erase", generation=1, subject=subject, expires_us=EXPIRES).digest()
    persons = [["Person", name, b64url(KEYS[name].public_key), b64url(KEYS[name].sign(digest))] for name in names]
    body = {"places": [list(place) for place in where], "reason": "asked", "basis": "art. 17", "expires": EXPIRES, "persons": persons}
    return {**body, **changes}


def test_what_is_missing_is_permitted_or_found() -> None:
    made = walk()
    for seq in (5, 6, 9):
        made.missing(seq, EventKind.DECISION_DENY)
    made.take(20, REDACT, signed(((5, 7),)), generation=1)
    assert (made.count, made.unpermitted()) == (3, 9)
    made.take(21, REDACT, signed(((8, 10),)), generation=1)
    assert made.unpermitted() is None


def test_a_permission_in_pieces_covers_what_lies_across() -> None:
    made = walk()
    for seq in range(5, 9):
        made.missing(seq, EventKind.DECISION_DENY)
    made.take(20, REDACT, signed(((7, 9),)), generation=1)
    assert made.unpermitted() == 5
    made.take(21, REDACT, signed(((4, 7),)), generation=1)
    assert made.unpermitted() is None


@pytest.mark.parametrize(
    "body",
    [
        signed(((5, 7),), ("ann",)),
        signed(((5, 7),), ("ann", "ann")),
        signed(((5, 7),), ("ann", "eve")),
        signed(((5, 7),), reason="another"),
        signed(((5, 7),), places=[[5, 8]]),
        signed(((5, 7),), expires=EXPIRES + 1),
        signed(((5, 7),), expires="soon"),
        signed(((5, 7),), persons="nobody"),
        signed(((5, 7),), persons=[["Person", "ann", "x"]]),
        signed(((5, 7),), persons=[]),
        signed(((5, 21),)),
        {**signed(((5, 7),)), "basis": None},
    ],
)
def test_an_erasure_that_is_not_permitted(body: dict[str, Any]) -> None:
    with pytest.raises(AuditError):
        walk().take(20, REDACT, body, generation=1)


def test_signatures_are_for_one_log_generation_and_purpose() -> None:
    body = signed(((5, 7),))
    with pytest.raises(AuditError):
        walk().take(20, REDACT, body, generation=2)
    with pytest.raises(AuditError):
        walk().take(20, EventKind.LOG_PRUNE, body, generation=1)
    other = Erasures(tenant_uuid="f" * 32)
    other.take(1, EventKind.TENANT_CREATED, {"environment": "live"}, generation=1)
    with pytest.raises(AuditError):
        other.take(20, REDACT, body, generation=1)


def test_only_who_may_and_still_stands_counts() -> None:
    with pytest.raises(AuditError, match="may not"):
        walk(roles=["viewer"]).take(20, REDACT, signed(((5, 7),)), generation=1)
    walk(roles=["admin"]).take(20, REDACT, signed(((5, 7),)), generation=1)
    made = walk()
    made.take(10, EventKind.PERSON_REMOVED, {"person": ["Person", "bob"]}, generation=1)
    with pytest.raises(AuditError, match="may not"):
        made.take(20, REDACT, signed(((5, 7),)), generation=1)


@pytest.mark.parametrize("places", [[], [[1]], [[2, 2]], [[3, 2]], [[-1, 2]], [[1, 3], [2, 4]], [[5, 6], [1, 2]], ["1"], [[1, True]], "all"])
def test_places_have_one_form(places: Any) -> None:
    with pytest.raises(AuditError):
        subject_of(REDACT, {"places": places, "reason": "a", "basis": "b"})


def test_what_other_records_rest_on_is_never_missing() -> None:
    for kind in (EventKind.TENANT_CREATED, EventKind.KEY_ROTATED, EventKind.POLICY_ACTIVATED, EventKind.PERSON_REGISTERED, REDACT):
        assert kind not in ERASABLE
        with pytest.raises(AuditError, match="never erased"):
            walk().missing(5, kind)
    assert EventKind.DECISION_ALLOW in ERASABLE


def test_stretches() -> None:
    assert stretches([1, 2, 3, 7, 9, 10]) == ((1, 4), (7, 8), (9, 11))
    assert stretches([]) == ()
