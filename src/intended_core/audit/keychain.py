"""The chain of a tenant's token keys, as its log tells it: each change is vouched for by the key before it, or by two persons.

Who holds the database and the log key can write records, and cannot sign for a token key that another process holds: a rotation to a key
that the old one did not sign for is found. The chain says which key signed at which record; so a token that was redeemed under a key that
did not sign then, or was refused already, is found as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from intended_core.audit.checkpoint import verify_ed25519
from intended_core.audit.grades import Finding, Grade
from intended_core.audit.lives import Seen
from intended_core.audit.record import EventKind, parse_body, parse_entry
from intended_core.audit.signers import QUORUM, Signers, person_name
from intended_core.canonical import Json, frame, unb64url
from intended_core.errors import AuditError, IntentError, KeyRingError
from intended_core.ids import Environment, Scope
from intended_core.keys.jwks import PublicKey, load_public, thumbprint
from intended_core.keys.transitions import compromise_digest, verify_transition
from intended_core.unit import RecordRow

__all__ = ["CHANGES", "FOLLOWED", "KeyChain", "KeySpan", "check_key_chain"]

_PERSON_LABEL: Final = b"intended.person-signature/v1"  # what a person's key signs: access.persons.person_message
_CHANGED: Final = b'"k":"key.'
_FOUNDED: Final = b'"k":"tenant.created"'
_PERSON: Final = b'"k":"person.'
# What moves or ends a key; without one of these a chain is not whole. A key that is only made ahead changes nothing yet.
CHANGES: Final = frozenset({EventKind.KEY_ROTATED, EventKind.KEY_COMPROMISED, EventKind.KEY_RETIRED})
FOLLOWED: Final = CHANGES | {EventKind.TENANT_CREATED, EventKind.KEY_GENERATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpan:
    """A token key that was ACTIVE from record `start` until record `stop` replaced it (None: it still is), and `refused` from then on."""

    kid: str
    algorithm: str
    start: int
    stop: int | None = None
    refused: int | None = None


class _Gap(Exception):
    """The key that a change replaces is not the one before it here: a change between them is missing, or this one is a forgery."""


class KeyChain:
    """Follows the ACTIVE token key through the records of one log. `finding`: the first change that nobody vouched for.

    `whole`: no record is left out between those that are taken, so that a gap is a forgery.
    """

    __slots__ = ("_active", "_scope", "_signers", "_spans", "_whole", "finding")

    def __init__(self, scope: Scope, *, whole: bool = True) -> None:
        self._scope = scope
        self._whole = whole
        self._signers: Final = Signers(whole=whole)
        self._active: PublicKey | None = None
        self._spans: dict[str, KeySpan] = {}
        self.finding: Finding | None = None

    @property
    def spans(self) -> tuple[KeySpan, ...]:
        """Which key was ACTIVE when, in the order of the log, as far as it was followed."""
        return tuple(self._spans.values())

    def watch(self, records: Iterable[RecordRow]) -> Iterator[RecordRow]:
        """The same records, in their order; those that change keys are looked at on the way."""
        for row in records:
            entry = row.entry
            if self.finding is None and type(entry) is bytes and (_CHANGED in entry or _FOUNDED in entry or _PERSON in entry):
                self._look(row)
            yield row

    def _look(self, row: RecordRow) -> None:
        try:
            entry = parse_entry(row.entry)
            body = parse_body(row.body, expected=entry.body_hash)
        except AuditError:
            return  # a damaged record is what the walk over the log finds
        self.introduce(entry.kind, body)
        self.take(entry.kind, entry.seq, body)

    def introduce(self, kind: EventKind, body: Mapping[str, Json] | None) -> None:
        """Look at a record that introduces or removes a person (any other is none), where every record from there on is looked at.

        None: its body is not shown.
        """
        self._signers.take(kind, body)

    def take(self, kind: EventKind, seq: int, body: Mapping[str, Json]) -> None:
        """Follow one record; nothing is followed after a finding."""
        if self.finding is not None or kind not in FOLLOWED:
            return
        try:
            self._follow(kind, seq, body)
        except _Gap as gap:
            grade, text = (Grade.TAMPERED if self._whole else Grade.INCOMPLETE), f"record {seq} changes a token key and {gap}"
            self.finding = Finding(code="key.transition" if self._whole else "key.gap", grade=grade, text=text, seq=seq)
        except (AuditError, IntentError, KeyRingError) as error:
            text = f"record {seq} changes a token key and nobody vouched for it: {error}"
            self.finding = Finding(code="key.transition", grade=Grade.TAMPERED, text=text, seq=seq)

    def _follow(self, kind: EventKind, seq: int, body: Mapping[str, Json]) -> None:
        if kind is EventKind.TENANT_CREATED:
            self._activate(_key(body, "token_kid", "token_key", "token_alg"), seq)
        elif kind is EventKind.KEY_GENERATED:
            verify_transition(self._scope, "generated", body, old=self._old(), new=_key(body, "kid", "key", "alg"))
        elif kind is EventKind.KEY_ROTATED:
            old, new = self._old(), _key(body, "active", "active_key", "active_alg")
            if body.get("previous") != thumbprint(old):
                raise _Gap("it replaces a key that was not ACTIVE")
            verify_transition(self._scope, "rotated", body, old=old, new=new)
            self._activate(new, seq)
            self._refuse(body.get("retired"), seq)
        elif kind is EventKind.KEY_COMPROMISED:
            self._two_persons(body)
            self._refuse([body.get("kid")], seq)
            if "active" in body:
                if body.get("kid") != thumbprint(self._old()):
                    raise _Gap("it replaces a key that was not ACTIVE")
                self._activate(_key(body, "active", "active_key", "active_alg"), seq)
        else:
            self._refuse(body.get("retired"), seq)

    def _old(self) -> PublicKey:
        if self._active is None:
            raise KeyRingError("no key stands before it")
        return self._active

    def _activate(self, key: PublicKey, seq: int) -> None:
        if self._active is not None:
            before = thumbprint(self._active)
            self._spans[before] = replace(self._spans[before], stop=seq)
        kid = thumbprint(key)
        if kid in self._spans:
            raise KeyRingError("a key that was replaced is ACTIVE once more")
        self._active = key
        self._spans[kid] = KeySpan(kid=kid, algorithm=key.algorithm, start=seq)

    def _refuse(self, kids: Json, seq: int) -> None:
        for kid in kids if isinstance(kids, list) else []:
            span = self._spans.get(kid) if isinstance(kid, str) else None
            if span is not None and span.refused is None:
                self._spans[span.kid] = replace(span, refused=seq)

    def _two_persons(self, body: Mapping[str, Json]) -> None:
        kid = body.get("kid")
        if not isinstance(kid, str) or not kid.isascii():
            raise KeyRingError("it names no key")
        message = frame(_PERSON_LABEL, compromise_digest(self._scope, kid))
        persons = body.get("persons")
        keys: set[bytes] = set()
        names: set[str] = set()
        for person in persons if isinstance(persons, list) else []:
            if not isinstance(person, list) or len(person) != 4:
                raise KeyRingError("a person's signature is not readable")
            name, key, signature = person_name(person[:2]), unb64url(str(person[2])), unb64url(str(person[3]))
            self._signers.check(name, str(person[2]))
            verify_ed25519(key, signature, message)
            keys.add(key)
            names.add(name)
        if min(len(keys), len(names)) < QUORUM:
            raise KeyRingError("fewer than two persons signed")


def _key(body: Mapping[str, Json], kid: str, der: str, algorithm: str) -> PublicKey:
    key = load_public(str(body.get(algorithm)), unb64url(str(body.get(der))))
    if body.get(kid) != thumbprint(key):
        raise KeyRingError("a key is not the one that its kid names")
    return key


def check_key_chain(
    seen: Mapping[int, Seen], *, environment: Environment, decided: int, headers: Sequence[bytes]
) -> tuple[tuple[KeySpan, ...], list[Finding]]:
    """Follow the token keys through the records of a bundle, and hold every redeemed token against them.

    `decided`: the decision's place. `headers`: every header from there to the end of the tree, already judged, or none. The token's key
    must have been the signing one at some time after the decision and before the token was redeemed, and not refused by then.
    """
    created = seen.get(1)
    if created is None or created.body is None or created.entry.kind is not EventKind.TENANT_CREATED:
        return (), []  # said already: the log's first records are not here
    chain = KeyChain(Scope(tenant="", uuid=created.entry.tenant_uuid, environment=environment), whole=False)
    for seq in sorted(seen):
        body = seen[seq].body
        if body is not None:
            chain.take(seen[seq].entry.kind, seq, body)
    found = [] if chain.finding is None else [chain.finding]
    for number, raw in enumerate(headers, start=decided):
        if _CHANGED in raw and parse_entry(raw).kind in CHANGES and number not in seen:
            text = f"record {number} changes a token key and is not here"
            found.append(Finding(code="key.hidden", grade=Grade.INCOMPLETE, text=text, seq=number))
    spans = {span.kid: span for span in chain.spans}
    for seq in sorted(seen):
        body = seen[seq].body
        if seen[seq].entry.kind is not EventKind.TOKEN_CONSUMED or body is None:
            continue
        kid = body.get("kid")
        span = spans.get(kid) if isinstance(kid, str) else None
        if span is None:
            text = "no record here shows how the key of the consumed token came to sign"
            found.append(Finding(code="key.unknown", grade=Grade.INCOMPLETE, text=text, seq=seq))
        elif span.start > seq or (span.stop is not None and span.stop < decided) or (span.refused is not None and span.refused < seq):
            text = f"the consumed token's key {span.kid} did not sign then, or was refused already"
            found.append(Finding(code="key.invalid", grade=Grade.TAMPERED, text=text, seq=seq))
    return chain.spans, found
