"""The chain of a tenant's token keys, as its log tells it: each change is vouched for by the key before it, or by two persons.

Who holds the database and the log key can write records, and cannot sign for a token key that another process holds: a rotation to a key
that the old one did not sign for is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from intended_core.audit.checkpoint import verify_ed25519
from intended_core.audit.grades import Finding, Grade
from intended_core.audit.record import EventKind, parse_body, parse_entry
from intended_core.canonical import Json, frame, unb64url
from intended_core.errors import AuditError, IntentError, KeyRingError
from intended_core.ids import Scope
from intended_core.keys.jwks import PublicKey, load_public, thumbprint
from intended_core.keys.transitions import compromise_digest, verify_transition
from intended_core.unit import RecordRow

__all__ = ["KeyChain"]

_PERSON_LABEL: Final = b"intended.person-signature/v0"  # what a person's key signs: access.persons.person_message
_PERSONS: Final = 2  # authority.md § 3
_CHANGES: Final = b'"k":"key.'
_FOUNDED: Final = b'"k":"tenant.created"'


class KeyChain:
    """Follows the ACTIVE token key through the records of one log. `finding`: the first change that nobody vouched for."""

    __slots__ = ("_active", "_scope", "finding")

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._active: PublicKey | None = None
        self.finding: Finding | None = None

    def watch(self, records: Iterable[RecordRow]) -> Iterator[RecordRow]:
        """The same records, in their order; those that change keys are looked at on the way."""
        for row in records:
            entry = row.entry
            if self.finding is None and type(entry) is bytes and (_CHANGES in entry or _FOUNDED in entry):
                self._look(row)
            yield row

    def _look(self, row: RecordRow) -> None:
        try:
            entry = parse_entry(row.entry)
            body = parse_body(row.body, expected=entry.body_hash)
        except AuditError:
            return  # a damaged record is what the walk over the log finds
        try:
            self._follow(entry.kind, body)
        except (AuditError, IntentError, KeyRingError) as error:
            text = f"record {entry.seq} changes a token key and nobody vouched for it: {error}"
            self.finding = Finding(code="key.transition", grade=Grade.TAMPERED, text=text, seq=entry.seq)

    def _follow(self, kind: EventKind, body: Mapping[str, Json]) -> None:
        if kind is EventKind.TENANT_CREATED:
            self._active = _key(body, "token_kid", "token_key", "token_alg")
        elif kind is EventKind.KEY_GENERATED:
            verify_transition(self._scope, "generated", body, old=self._old(), new=_key(body, "kid", "key", "alg"))
        elif kind is EventKind.KEY_ROTATED:
            old, new = self._old(), _key(body, "active", "active_key", "active_alg")
            if body.get("previous") != thumbprint(old):
                raise KeyRingError("it replaces a key that was not ACTIVE")
            verify_transition(self._scope, "rotated", body, old=old, new=new)
            self._active = new
        elif kind is EventKind.KEY_COMPROMISED:
            self._two_persons(body)
            if "active" in body:
                if body.get("kid") != thumbprint(self._old()):
                    raise KeyRingError("it replaces a key that was not ACTIVE")
                self._active = _key(body, "active", "active_key", "active_alg")

    def _old(self) -> PublicKey:
        if self._active is None:
            raise KeyRingError("no key stands before it")
        return self._active

    def _two_persons(self, body: Mapping[str, Json]) -> None:
        message = frame(_PERSON_LABEL, compromise_digest(self._scope, str(body.get("kid"))))
        persons = body.get("persons")
        keys: set[bytes] = set()
        for person in persons if isinstance(persons, list) else []:
            if not isinstance(person, list) or len(person) != 4:
                raise KeyRingError("a person's signature is not readable")
            key, signature = unb64url(str(person[2])), unb64url(str(person[3]))
            verify_ed25519(key, signature, message)
            keys.add(key)
        if len(keys) < _PERSONS:
            raise KeyRingError("fewer than two persons signed")


def _key(body: Mapping[str, Json], kid: str, der: str, algorithm: str) -> PublicKey:
    key = load_public(str(body.get(algorithm)), unb64url(str(body.get(der))))
    if body.get(kid) != thumbprint(key):
        raise KeyRingError("a key is not the one that its kid names")
    return key
