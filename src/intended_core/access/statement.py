"""What persons sign when they act: "N distinct persons said exactly this, for this purpose, in this scope, until then".

    statement = Statement(scope=scope, purpose="halt.resume", generation=1, subject=digest(...), expires_us=now_us + 600_000_000)
    signature = key.sign(statement.digest())
    persons = stated(statement, state.persons, [(ref, signature)], quorum=1, now_us=now_us)

The purpose is a permission: whoever signs must have a role that holds it. A signature for one purpose, tenant, environment, generation or
subject is worth nothing for another. What is done only once needs a subject that names the version it replaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from intended_core.access.persons import authenticate_all
from intended_core.access.roles import PERMISSIONS, Permission, check_permitted
from intended_core.canonical import digest
from intended_core.errors import KeyRingError
from intended_core.ids import EntityRef, Scope
from intended_core.persons import AuthenticatedPerson, Person

__all__ = ["MAX_STATEMENT_US", "Signatures", "Statement", "check_end", "stated"]

Signatures = Iterable[tuple[EntityRef, bytes]]
MAX_STATEMENT_US: Final = 86_400_000_000  # a day: time for a second person to be found, and no longer
_LABEL: Final = "intended.statement/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement. `subject`: 32 bytes, a labelled digest of what it is about. `expires_us`: microseconds; from then on worthless."""

    scope: Scope
    purpose: Permission
    generation: int
    subject: bytes
    expires_us: int

    def digest(self) -> bytes:
        """What each person signs, 32 bytes. Raises KeyRingError for a statement that says nothing definite."""
        if len(self.subject) != 32 or self.purpose not in PERMISSIONS or not 0 < self.generation < 2**63:
            raise KeyRingError("a statement names a purpose, a generation and a subject of 32 bytes")
        if not 0 < self.expires_us < 2**63:
            raise KeyRingError("a statement ends at some time")
        return digest(
            _LABEL, self.purpose.encode("ascii"), self.scope.uuid.encode("ascii"), self.scope.environment.encode("ascii"),
            self.generation.to_bytes(8, "big"), self.expires_us.to_bytes(8, "big"), self.subject,
        )  # fmt: skip


def check_end(statement: Statement, *, now_us: int) -> None:
    """Raise KeyRingError unless the statement ends after `now_us`, and within a day of it."""
    if not statement.expires_us - MAX_STATEMENT_US <= now_us < statement.expires_us:
        raise KeyRingError("the statement has expired, or ends more than a day from now")


def stated(
    statement: Statement, persons: Mapping[EntityRef, Person], signatures: Signatures, *, quorum: int, now_us: int
) -> tuple[AuthenticatedPerson, ...]:
    """Everybody who signed `statement`: at least `quorum` distinct persons of `persons`, each with a role that holds its purpose.

    `persons` are those of the state that the unit's guards are checked against. Raises KeyRingError (expired, unknown person, wrong or
    doubled signature, too few) and AccessDeniedError (a person without the right).
    """
    if quorum < 1:
        raise KeyRingError("a statement needs at least one person")
    check_end(statement, now_us=now_us)
    found = authenticate_all(persons, signatures, digest=statement.digest(), quorum=quorum)
    for person in found:
        check_permitted(persons[person.ref], statement.purpose)
    return found
