"""halt and resume: one person stops a tenant, an environment, an adapter or a principal; two let it go on.

A halt is one unit that reads its own row, the person's row and the roster, and nothing that a broken policy set or a wrong clock could
stand in the way of. It bumps the guard version, so once it has committed no unit that had not seen it commits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from intended_core.access.persons import authenticate_all
from intended_core.access.roles import Permission, check_permitted
from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url
from intended_core.errors import KeyRingError, UnitRefusedError
from intended_core.flows.again import standing_rows
from intended_core.flows.effects import Commit, Context, Flow, Now, Random, ReadRows
from intended_core.flows.haltrows import HaltRow, HaltTarget, halt_digest, halt_key, reason_text
from intended_core.flows.roster import GUARD_ROSTER, guard_row, guard_write
from intended_core.flows.rows import decode_person, entity_key
from intended_core.flows.steps import close_unit, open_head
from intended_core.ids import EntityRef
from intended_core.persons import AuthenticatedPerson, Person
from intended_core.unit import Changes, Row, RowKey, Unit, UnitView, Write

__all__ = [
    "Halt",
    "Signatures",
    "digest_to_sign",
    "engage",
    "list_halts",
    "person_keys",
    "resume",
    "signed_under_lock",
    "signers_json",
    "stop",
]

Signatures = Sequence[tuple[EntityRef, bytes]]
RESUME_QUORUM: Final = 2  # authority.md § 7
_STANDS: Final = "halt_stands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A halt as it stands. `engaged`: whether it stops anything now. `seq`: the record that made it so; `at_us`: when; `by`: who signed."""

    target: HaltTarget
    engaged: bool
    reason: str
    by: tuple[EntityRef, ...]
    seq: int
    at_us: int
    version: int


def digest_to_sign(context: Context, verb: Literal["engage", "resume"], target: HaltTarget, reason: str) -> Flow[bytes]:
    """What persons sign (32 bytes) to engage or resume this halt, as it stands now: it counts for the next change of it and no other."""
    key = halt_key(target)
    found: Sequence[Row] = yield ReadRows(context.scope, (key,))
    version = context.mac.check(context.scope, found[0]).row.version if found else 0
    return halt_digest(context.scope, verb, target, reason_text(reason), version + 1)


def engage(context: Context, target: HaltTarget, *, reason: str, signatures: Signatures) -> Flow[Halt]:
    """Stop `target`. One registered person signs `digest_to_sign`. A halt that stands already is answered as it stands.

    Raises KeyRingError for a signature that does not count, IntentError for a reason that is none, StoreError.
    """
    try:
        return (yield from _change(context, "engage", target, reason, signatures, quorum=1))
    except UnitRefusedError as refused:
        if refused.code != _STANDS:
            raise
    for halt in (yield from list_halts(context)):
        if halt.target == target:
            return halt
    raise UnitRefusedError("conflict", "the halt changed meanwhile; look at it again")


def resume(context: Context, target: HaltTarget, *, reason: str, signatures: Signatures) -> Flow[Halt]:
    """Let `target` go on. Two distinct registered persons sign `digest_to_sign`; whom the halt stops is none of them.

    Raises KeyRingError, IntentError, StoreError, and UnitRefusedError when it is not halted or the store was rolled back.
    """
    for ref, _ in signatures:
        if ref == target.ref:
            raise KeyRingError(f"{ref} is halted, and cannot be one of those who resume it")
    return (yield from _change(context, "resume", target, reason, signatures, quorum=RESUME_QUORUM))


def _change(
    context: Context, verb: Literal["engage", "resume"], target: HaltTarget, reason: str, signatures: Signatures, *, quorum: int
) -> Flow[Halt]:
    why = reason_text(reason)
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    key, stops = halt_key(target), verb == "engage"
    allowed: Permission = "halt.engage" if stops else "halt.resume"

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=stops, any_clock=stops)
        row = guard_row(context, view, head, key)
        version = 0 if row is None else row.version
        halted = row is not None and row.state == "ENGAGED"
        if halted and stops:
            raise UnitRefusedError(_STANDS, "it is halted already")
        if not halted and not stops:
            raise UnitRefusedError("halt_state", f"{target} is not halted")
        asked = halt_digest(context.scope, verb, target, why, version + 1)
        signers = signed_under_lock(context, view, head, signatures, digest=asked, quorum=quorum, permission=allowed)
        at_us = max(now_us, head.time_us)
        made = HaltRow(target=target, reason=why, by=tuple(person.ref for person in signers), seq=head.size, at_us=at_us)
        state = "ENGAGED" if stops else "RESUMED"
        write = Write(context.mac.seal_row(context.scope, "halt", key.key, version + 1, state, made.to_body()), version)
        body: dict[str, Json] = {
            "target": target.to_json(), "reason": why, "version": version + 1, "digest": b64url(asked),
            "persons": signers_json(view, signers),
        }  # fmt: skip
        draft = Draft(kind=EventKind.HALT_ENGAGED if stops else EventKind.HALT_RESUMED, body=body, salt=salt)
        return close_unit(
            context, view, head, (draft,), now_us=now_us, writes=(write, guard_write(context, view, head, (write,))),
            bump_guards=True, answer=_as_halt(made, state, version + 1),
        )  # fmt: skip

    reads = (key, GUARD_ROSTER, *person_keys(signatures))
    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads, first=stops), shielded=stops)
    done: Halt = committed.answer
    return done


def _as_halt(row: HaltRow, state: str, version: int) -> Halt:
    return Halt(
        target=row.target, engaged=state == "ENGAGED", reason=row.reason, by=row.by, seq=row.seq, at_us=row.at_us, version=version
    )


def stop(
    context: Context,
    key: RowKey,
    signatures: Signatures,
    *,
    kind: EventKind,
    ask: Callable[[LogHead, int, int], bytes],
    make: Callable[[LogHead, Row | None, int], tuple[bytes, dict[str, Json]]],
) -> Flow[int]:
    """Write the guard `key`, by which tokens or credentials count no more, signed by one who may revoke; answers the record's place.

    `ask`: what that person signs, of the head, the version to be and the time (microseconds). `make`: the row's body and what the record
    says beside who signed, of the head, the row as it stands and the time. Raises what they raise, KeyRingError, AccessDeniedError,
    StoreError.
    """
    now_us: int = yield Now()
    salt: bytes = yield Random(16)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True, any_clock=True)
        row = guard_row(context, view, head, key)
        version = 0 if row is None else row.version
        asked = ask(head, version + 1, now_us)
        signers = signed_under_lock(context, view, head, signatures, digest=asked, quorum=1, permission="token.revoke")
        made, told = make(head, row, now_us)
        write = Write(context.mac.seal_row(context.scope, key.kind, key.key, version + 1, "ENGAGED", made), version)
        body = {**told, "version": version + 1, "digest": b64url(asked), "persons": signers_json(view, signers)}
        return close_unit(
            context, view, head, (Draft(kind=kind, body=body, salt=salt),), now_us=now_us,
            writes=(write, guard_write(context, view, head, (write,))), bump_guards=True, answer=head.size,
        )  # fmt: skip

    reads = (key, GUARD_ROSTER, *person_keys(signatures))
    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads, first=True), shielded=True)
    seq: int = committed.answer
    return seq


def list_halts(context: Context) -> Flow[tuple[Halt, ...]]:
    """Every halt that was ever engaged, as it stands; it needs no policy set. Raises StoreCorruptError when one was taken away."""
    rows = yield from standing_rows(context, "halt", what="halts")
    halts = [row for row in rows if row.key.startswith("target:")]
    return tuple(_as_halt(HaltRow.from_row(row), row.state, row.version) for row in halts)


def person_keys(signatures: Signatures) -> tuple[RowKey, ...]:
    """The rows that a unit reads to know whose signatures these are."""
    return tuple({RowKey("person", entity_key(ref)): None for ref, _ in signatures})


def signed_under_lock(
    context: Context, view: UnitView, head: LogHead, signatures: Signatures, *, digest: bytes, quorum: int, permission: Permission
) -> tuple[AuthenticatedPerson, ...]:
    """Who signed `digest`, under the keys and with the roles that stand now; the unit reads `person_keys` and GUARD_ROSTER.

    Raises KeyRingError, and AccessDeniedError for a person whose roles do not hold `permission`.
    """
    known: dict[EntityRef, Person] = {}
    for key in person_keys(signatures):
        row = guard_row(context, view, head, key)
        if row is not None and row.state == "ACTIVE":
            person = decode_person(row)
            known[person.ref] = person
    found = authenticate_all(known, signatures, digest=digest, quorum=quorum)
    for signer in found:
        check_permitted(known[signer.ref], permission)
    return found


def signers_json(view: UnitView, signers: Sequence[AuthenticatedPerson]) -> list[Json]:
    """`[type, id, public key, signature]` of each, for a record that anybody can check."""
    made: list[Json] = []
    for person in signers:
        row = view.rows[RowKey("person", entity_key(person.ref))]
        made.append([person.ref.type, person.ref.id, b64url(decode_person(row).public_key), b64url(person.signature)])
    return made
