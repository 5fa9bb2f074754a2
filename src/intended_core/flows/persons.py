"""persons: who may act is registered, changed and removed through the log, and by whom is checked here.

Until a scope has an admin, its host registers persons. From the first admin on, each change of a person takes the signature of an admin
who is somebody else: nobody changes their own roles, and the last admin cannot be removed. A person changes their own key with both keys.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from intended_core.access.persons import authenticate
from intended_core.access.roles import checked_roles
from intended_core.access.statement import Signatures, Statement, stated
from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url, digest
from intended_core.errors import AccessDeniedError, IntentError, KeyRingError, UnitRefusedError
from intended_core.flows.again import again
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, Random, ReadRows
from intended_core.flows.outcomes import denied
from intended_core.flows.roster import GUARD_ROSTER, guard_row, guard_write
from intended_core.flows.rows import decode_person, encode_person, entity_key
from intended_core.flows.steps import GUARDS_MOVED, close_unit, open_head
from intended_core.ids import EntityRef, Scope
from intended_core.keys.jwks import ed25519_public
from intended_core.persons import AuthenticatedPerson, Person
from intended_core.unit import Changes, Row, RowKey, Unit, UnitView, Write

__all__ = ["change_statement", "list_persons", "register_person", "remove_person", "rotate_person", "rotation_digest"]

Verb = Literal["register", "remove"]
ADMIN: Final = "admin"


def list_persons(context: Context) -> Flow[tuple[Person, ...]]:
    """Every registered person, by name, as the store has them now."""
    state: ScopeState = yield LoadState(context.scope, True)
    return tuple(state.persons[ref] for ref in sorted(state.persons))


def change_statement(context: Context, verb: Verb, person: Person, *, expires_us: int) -> Flow[Statement]:
    """What an admin signs for this change of a person as they stand now: it counts for the next change of them and no other."""
    state: ScopeState = yield LoadState(context.scope, True)
    found = yield ReadRows(context.scope, (_key(person.ref),))
    version = context.mac.check(context.scope, found[0]).row.version if found else 0
    return _statement(context.scope, state.generation, verb, person, version, expires_us)


def _statement(scope: Scope, generation: int, verb: Verb, person: Person, replaces: int, expires_us: int) -> Statement:
    subject = digest(
        "intended.person-change/v1", verb.encode("ascii"), person.ref.type.encode("ascii"), person.ref.id.encode("utf-8"),
        person.public_key, ",".join(sorted(person.roles)).encode("ascii"), str(replaces).encode("ascii"),
    )  # fmt: skip
    return Statement(
        scope=scope, purpose="person.manage", generation=generation, subject=subject, expires_us=expires_us
    )


def register_person(
    context: Context, person: Person, *, signatures: Signatures = (), expires_us: int = 0
) -> Flow[int]:
    """Register a person, or replace their key and roles; returns the record's sequence number.

    `signatures`: of an admin over `change_statement`, needed once there is one. Raises IntentError for a key or role that is none,
    KeyRingError for a signature that does not count, AccessDeniedError without the right. One key under two names counts as one person
    wherever persons are counted.
    """
    checked_roles(person.roles)
    _check_key(person.public_key)
    return (yield from _change(context, "register", person, tuple(signatures), expires_us))


def remove_person(
    context: Context, ref: EntityRef, *, signatures: Signatures = (), expires_us: int = 0
) -> Flow[int]:
    """Remove a person: nothing that they sign or have signed counts any more. Raises as `register_person`, and for an unknown person."""
    state: ScopeState = yield LoadState(context.scope, True)
    known = state.persons.get(ref)
    if known is None:
        raise _unknown(ref)
    return (yield from _change(context, "remove", known, tuple(signatures), expires_us))


def _unknown(ref: EntityRef) -> KeyRingError:
    return KeyRingError(f"{ref} is not a registered person of this tenant")


def _change(
    context: Context, verb: Verb, person: Person, signatures: tuple[tuple[EntityRef, bytes], ...], expires_us: int
) -> Flow[int]:
    def once(fresh: bool) -> Flow[int]:
        state: ScopeState = yield LoadState(context.scope, True)
        return (yield from _change_once(context, state, verb, person, signatures, expires_us))

    return (yield from again(context, once, what="policy, keys or persons"))


def _change_once(
    context: Context,
    state: ScopeState,
    verb: Verb,
    person: Person,
    signatures: tuple[tuple[EntityRef, bytes], ...],
    expires_us: int,
) -> Flow[int]:
    if verb == "remove" and person.ref not in state.persons:
        raise _unknown(person.ref)  # somebody else removed them meanwhile
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    governed = any(ADMIN in known.roles for known in state.persons.values())
    others = {ref: known for ref, known in state.persons.items() if ref != person.ref}
    key = _key(person.ref)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards, even_rolled_back=True)  # two persons are needed to recover
        row = guard_row(context, view, head, key)
        version = 0 if row is None else row.version
        signers: tuple[AuthenticatedPerson, ...] = ()
        if governed:
            asked = _statement(context.scope, head.generation, verb, person, version, expires_us)
            if not any(ADMIN in known.roles for known in others.values()):
                raise _may_not("the last admin is changed by nobody: register a second one first")
            signers = stated(asked, others, signatures, quorum=1, now_us=now_us)
        body: dict[str, Json] = {"person": [person.ref.type, person.ref.id], "replaces": version}
        if verb == "register":
            body |= {"key": b64url(person.public_key), "roles": [*sorted(person.roles)]}
        if signers:
            body |= {
                "expires": expires_us, "digest": b64url(signers[0].signed),
                "by": [[each.ref.type, each.ref.id, b64url(others[each.ref].public_key), b64url(each.signature)] for each in signers],
            }  # fmt: skip
        kind, stands = EventKind.PERSON_REGISTERED, "ACTIVE"
        if verb == "remove":
            kind, stands = EventKind.PERSON_REMOVED, "REMOVED"
        draft = Draft(kind=kind, body=body, salt=salt)
        return _written(context, view, head, row, person, stands, draft, now_us)

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(key, GUARD_ROSTER)))
    seq: int = committed.answer
    return seq


def rotation_digest(scope: Scope, person: Person, public_key: bytes) -> bytes:
    """What a person signs, with the key they have and with the new one, to go on with the new one (32 bytes)."""
    return digest(
        "intended.person-rotation/v1", scope.uuid.encode("ascii"), scope.environment.encode("ascii"),
        person.ref.type.encode("ascii"), person.ref.id.encode("utf-8"), person.public_key, public_key,
    )  # fmt: skip


def rotate_person(
    context: Context, ref: EntityRef, public_key: bytes, *, signature: bytes, proof: bytes
) -> Flow[int]:
    """A person's own change of key; returns the record's sequence number. What they signed with the old key counts no longer.

    `signature` of the old key and `proof` of the new one, both over `rotation_digest`. Raises KeyRingError, IntentError.
    """
    _check_key(public_key)

    def once(fresh: bool) -> Flow[int]:
        state: ScopeState = yield LoadState(context.scope, True)
        known = state.persons.get(ref)
        if known is None:
            raise KeyRingError(f"{ref} is not a registered person of this tenant")
        asked = rotation_digest(context.scope, known, public_key)
        changed = replace(known, public_key=public_key)
        authenticate(known, digest=asked, signature=signature)
        authenticate(changed, digest=asked, signature=proof)
        if public_key == known.public_key:
            raise KeyRingError("this is the key that the person has")
        return (yield from _rotate_once(context, state, known, changed, signature, proof))

    return (yield from again(context, once, what="policy, keys or persons"))


def _rotate_once(
    context: Context, state: ScopeState, known: Person, fresh: Person, signature: bytes, proof: bytes
) -> Flow[int]:
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    key = _key(known.ref)
    body: dict[str, Json] = {
        "person": [known.ref.type, known.ref.id], "key": b64url(fresh.public_key), "roles": [*sorted(fresh.roles)],
        "rotated": b64url(known.public_key), "signature": b64url(signature), "proof": b64url(proof),
    }  # fmt: skip

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards)
        row = guard_row(context, view, head, key)
        if row is None or row.state != "ACTIVE" or decode_person(row) != known:
            raise UnitRefusedError(GUARDS_MOVED, "the person changed meanwhile")
        draft = Draft(kind=EventKind.PERSON_REGISTERED, body=body | {"replaces": row.version}, salt=salt)
        return _written(context, view, head, row, fresh, "ACTIVE", draft, now_us)

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(key, GUARD_ROSTER)))
    seq: int = committed.answer
    return seq


def _written(
    context: Context, view: UnitView, head: LogHead, row: Row | None, person: Person, state: str, draft: Draft, now_us: int
) -> Changes:
    version = 0 if row is None else row.version
    key = _key(person.ref)
    sealed = context.mac.seal_row(context.scope, "person", key.key, version + 1, state, encode_person(person))
    written = Write(sealed, version)
    writes = (written, guard_write(context, view, head, (written,)))
    return close_unit(context, view, head, (draft,), now_us=now_us, writes=writes, bump_guards=True, answer=head.size)


def _key(ref: EntityRef) -> RowKey:
    return RowKey("person", entity_key(ref))


def _check_key(public_key: bytes) -> None:
    if len(public_key) != 32:
        raise IntentError("a person key is a raw Ed25519 public key of 32 bytes", place="person")
    ed25519_public(public_key)


def _may_not(text: str) -> AccessDeniedError:
    return AccessDeniedError(text, outcome=denied("forbid", text))
