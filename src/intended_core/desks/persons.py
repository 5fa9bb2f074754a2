"""The persons desk: who may act for one tenant, with which key and in which roles. `tenant.persons`.

Until there is an admin, the host registers persons. From then on each change takes the signature of an admin who is somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from intended_core.access.persons import LocalPersonKey
from intended_core.access.roles import checked_roles
from intended_core.access.statement import Statement
from intended_core.desks.desk import Desk
from intended_core.flows.effects import Flow, Now
from intended_core.flows.persons import (
    change_statement,
    list_persons,
    register_person,
    remove_person,
    rotate_person,
    rotation_digest,
)
from intended_core.ids import EntityRef
from intended_core.persons import Person

__all__ = ["PersonsDesk"]

SIGNED_US: Final = 300_000_000  # a statement that is signed at this desk is used at once
Keys = Sequence[tuple[EntityRef, LocalPersonKey]]
Given = Sequence[tuple[EntityRef, bytes]]


class PersonsDesk(Desk):
    """The persons of one tenant. Whoever must sign gives a local key (`keys`), or a signature made elsewhere over `statement`.

    Refusals are KeyRingError (signature, key, unknown person), AccessDeniedError (no right) and IntentError (a key or role that is none).
    """

    __slots__ = ()

    def list(self) -> tuple[Person, ...]:
        """Everybody who is registered now, by name."""
        return self._driver.operate(list_persons(self._context))

    def add(
        self, ref: EntityRef, public_key: bytes, *, roles: Iterable[str] = ("approver",), keys: Keys = (),
        signatures: Given = (), expires_us: int = 0,
    ) -> int:  # fmt: skip
        """Register a person, or replace their key and roles; returns the record's place in the log.

        `public_key`: raw Ed25519, 32 bytes. `signatures` go with the `expires_us` of the statement that was signed.
        """
        person = Person(ref=ref, public_key=public_key, roles=checked_roles(roles))
        given, until = self._signed("register", person, keys, signatures, expires_us)
        return self._driver.operate(register_person(self._context, person, signatures=given, expires_us=until))

    def remove(self, ref: EntityRef, *, keys: Keys = (), signatures: Given = (), expires_us: int = 0) -> int:
        """Remove a person; returns the record's place in the log. Approvals that they gave and that were not used count no longer."""
        person = self._known(ref)
        given, until = (signatures, expires_us) if person is None else self._signed("remove", person, keys, signatures, expires_us)
        return self._driver.operate(remove_person(self._context, ref, signatures=given, expires_us=until))

    def statement(
        self, verb: Literal["register", "remove"], ref: EntityRef, *, public_key: bytes = b"", roles: Iterable[str] = ("approver",),
        expires_us: int,
    ) -> Statement:  # fmt: skip
        """What an admin signs elsewhere (its `digest()`) for this change; removing somebody needs neither key nor roles."""
        person = self._known(ref) if verb == "remove" else None
        made = person or Person(ref=ref, public_key=public_key, roles=checked_roles(roles))
        return self._driver.operate(change_statement(self._context, verb, made, expires_us=expires_us))

    def rotate(self, ref: EntityRef, *, old: LocalPersonKey, new: LocalPersonKey) -> int:
        """A person's own change of key, with both keys; returns the record's place in the log."""
        person = self._known(ref) or Person(ref=ref, public_key=old.public_key)
        asked = rotation_digest(self._context.scope, person, new.public_key)
        return self._driver.operate(
            rotate_person(self._context, ref, new.public_key, signature=old.sign(asked), proof=new.sign(asked))
        )

    def _known(self, ref: EntityRef) -> Person | None:
        return next((person for person in self.list() if person.ref == ref), None)

    def _signed(
        self, verb: Literal["register", "remove"], person: Person, keys: Keys, signatures: Given, expires_us: int
    ) -> tuple[Given, int]:
        if not keys:
            return signatures, expires_us
        until = expires_us or self._driver.operate(_now()) + SIGNED_US
        asked = self._driver.operate(change_statement(self._context, verb, person, expires_us=until)).digest()
        return (*signatures, *((ref, key.sign(asked)) for ref, key in keys)), until


def _now() -> Flow[int]:
    now_us: int = yield Now()
    return now_us
