"""erase: two persons have bodies, or fields of them, taken out of the log, for somebody's right or at the end of a time of keeping.

Every header stays. The record that permits it and the emptying are one unit. What decisions rested on goes with them: a snapshot of
entities that one of the decisions names is emptied too, and whoever re-runs a decision that shared it is told so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from intended_core.access.statement import Signatures, Statement, stated
from intended_core.audit.erasures import ERASABLE, MAX_PLACES, Parts, erasure_subject, parts_json, stretches, subject_of
from intended_core.audit.fields import SNAPSHOT, depending, erase_fields, held_paths, read_body
from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind, parse_entry
from intended_core.canonical import Json, b64url
from intended_core.errors import AuditError, UnitRefusedError
from intended_core.flows.again import again
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, Random, ReadRecords
from intended_core.flows.evidence import authentic_head
from intended_core.flows.hold import check_unheld
from intended_core.flows.holdrows import Hold
from intended_core.flows.steps import authentic, close_unit, open_head
from intended_core.persons import AuthenticatedPerson
from intended_core.unit import Changes, RecordRow, RowKey, Unit, UnitView, Write

__all__ = ["Erased", "Plan", "Why", "erase", "plan", "statement_of"]

Why = Literal["redact", "prune"]
QUORUM: Final = 2  # authority.md § 4: erasing is privileged
MAX_TEXT_CHARS: Final = 500
MAX_AT_ONCE: Final = 100_000  # records of one erasure: it stands in one unit
CHUNK: Final = 2_000  # records that are looked at together
SNAPSHOT_GONE: Final = "ERASED"
_KINDS: Final = {"redact": EventKind.LOG_REDACT, "prune": EventKind.LOG_PRUNE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an erasure will do.

    `places`: stretches of records whose bodies go. `parts`: records of which fields go, ascending, each with their paths. `snapshots`:
    digests of the entity snapshots that go. `held`: how many records a legal hold keeps, which a prune leaves out.
    """

    why: Why
    places: tuple[tuple[int, int], ...]
    snapshots: tuple[str, ...]
    reason: str
    basis: str
    generation: int
    parts: Parts = ()
    held: int = 0

    @property
    def count(self) -> int:
        """How many records whole."""
        return sum(stop - start for start, stop in self.places)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """An erasure that is done. `seq`: its record. `records`, `snapshots`: how many were emptied; `fields`: how many besides."""

    seq: int
    records: int
    snapshots: int
    fields: int = 0


def plan(
    context: Context, why: Why, seqs: Iterable[int], *, reason: str, basis: str, fields: Iterable[tuple[int, str]] = ()
) -> Flow[Plan]:
    """Which of these records can be erased, and what goes with them. Records that others rest on are left out.

    `fields`: (record, path) of single fields, where the rest of the record stays; what is computed from a field goes with it.

    `reason`, `basis`: why, and under which rule, in a sentence each; neither may name whom it is about. What a legal hold keeps is left out
    of a prune; a redact that asks for it is refused (`audit.held`). Raises AuditError.
    """
    state: ScopeState = yield LoadState(context.scope, True)
    held = 0
    head = yield from authentic_head(context)
    kept: list[int] = []
    snapshots: dict[str, None] = {}
    for seq in sorted(set(seqs)):
        found: Sequence[RecordRow] = yield ReadRecords(context.scope, seq, seq + 1)
        if not 0 <= seq < head.size or not found:
            raise AuditError(f"the log has no record {seq}; it ends at {head.size - 1}", code="audit.index")
        entry = parse_entry(found[0].entry)
        if entry.kind not in ERASABLE or not found[0].body:
            continue
        try:
            check_unheld(state.halts.holds, found[0])
        except AuditError:
            if why == "redact":
                raise
            held += 1
            continue
        body = read_body(found[0])
        if isinstance(body.get("entities_digest"), str):
            snapshots[str(body["entities_digest"])] = None
        kept.append(seq)
        if len(kept) > MAX_AT_ONCE:
            raise AuditError(f"one erasure takes at most {MAX_AT_ONCE} records: make it several", code="audit.erasure")
    parts = yield from _parts(context, head.size, fields, whole=set(kept), snapshots=snapshots, holds=state.halts.holds)
    places = stretches(kept)
    if not 0 < len(places) + len(parts) <= MAX_PLACES:
        if held and not places:
            raise AuditError(f"all {held} records are under a legal hold", code="audit.held")
        many = f"one erasure names at most {MAX_PLACES} stretches and records: make it several"
        raise AuditError(many if places or parts else "there is nothing to erase here", code="audit.erasure")
    return Plan(
        why=why, places=places, snapshots=tuple(snapshots), reason=_sentence(reason, "reason"), basis=_sentence(basis, "basis"),
        generation=head.generation, parts=parts, held=held,
    )  # fmt: skip


def _parts(
    context: Context, size: int, fields: Iterable[tuple[int, str]], *, whole: set[int], snapshots: dict[str, None], holds: Sequence[Hold]
) -> Flow[Parts]:
    """The fields that go, with what would tell them; their snapshots are added to `snapshots`."""
    asked: dict[int, set[str]] = {}
    for seq, path in fields:
        if seq not in whole:
            asked.setdefault(seq, set()).add(path)
    made: list[tuple[int, tuple[str, ...]]] = []
    for seq in sorted(asked):
        found: Sequence[RecordRow] = yield ReadRecords(context.scope, seq, seq + 1)
        if not 0 <= seq < size or not found:
            raise AuditError(f"the log has no record {seq}; it ends at {size - 1}", code="audit.index")
        check_unheld(holds, found[0])
        body, held = read_body(found[0]) if found[0].body else {}, held_paths(found[0].fields)
        unknown = sorted(asked[seq].difference(held))
        if unknown:
            raise AuditError(f"record {seq} has no field {unknown[0]}; it has {', '.join(held) or 'none'}", code="audit.erasure")
        paths = depending(found[0].fields, asked[seq])
        if SNAPSHOT in paths:
            snapshots[str(body[SNAPSHOT])] = None
        made.append((seq, paths))
    return tuple(made)


def statement_of(context: Context, planned: Plan, *, expires_us: int) -> Statement:
    """What both persons sign."""
    subject = erasure_subject(
        _KINDS[planned.why], planned.places, reason=planned.reason, basis=planned.basis, parts=planned.parts
    )
    return Statement(
        scope=context.scope, purpose="audit.erase", generation=planned.generation, subject=subject, expires_us=expires_us
    )


def erase(context: Context, planned: Plan, *, signatures: Signatures, expires_us: int) -> Flow[Erased]:
    """Do what `planned` says. Two distinct persons with the right to erase signed `statement_of`.

    Raises KeyRingError, AccessDeniedError, UnitRefusedError, StoreError; then nothing is changed.
    """
    given = tuple(signatures)
    return (yield from again(context, lambda _: _erase(context, planned, given, expires_us), what="persons"))


def _erase(context: Context, planned: Plan, signatures: Signatures, expires_us: int) -> Flow[Erased]:
    state: ScopeState = yield LoadState(context.scope, True)  # the holds that stand, not those that are remembered
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    statement = statement_of(context, planned, expires_us=expires_us)
    persons = stated(statement, state.persons, signatures, quorum=QUORUM, now_us=now_us)
    kind = _KINDS[planned.why]
    # What no verifier would accept is not written.
    said: dict[str, Json] = {
        "places": [list(place) for place in planned.places], "reason": planned.reason, "basis": planned.basis,
        **({"parts": parts_json(planned.parts)} if planned.parts else {}),
    }  # fmt: skip
    subject_of(kind, said)
    snapshots, left = yield from _gone_with(context, planned, state.halts.holds)
    yield from _rested_on(context, snapshots, state.halts.holds)
    body: dict[str, Json] = {
        **said, "records": planned.count, "snapshots": len(snapshots), "expires": expires_us,
        "persons": [_signer(state, person) for person in persons],
    }  # fmt: skip
    keys = tuple(RowKey("snapshot", name) for name in snapshots)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards)
        if head.generation != planned.generation or max([stop for _, stop in planned.places], default=0) > head.size:
            raise UnitRefusedError("erasure_outdated", "the log is not the one that this was planned for: plan it again")
        writes: list[Write] = []
        for key in keys:
            row = authentic(context, view, key)
            if row is not None and row.state != SNAPSHOT_GONE:
                gone = context.mac.seal_row(context.scope, key.kind, key.key, row.version + 1, SNAPSHOT_GONE, b"")
                writes.append(Write(gone, row.version))
        fields = sum(len(paths) for _, paths in planned.parts)
        answer = Erased(seq=head.size, records=planned.count, snapshots=len(writes), fields=fields)
        draft = Draft(kind=kind, body=body, salt=salt)
        changes = close_unit(context, view, head, (draft,), now_us=now_us, writes=tuple(writes), answer=answer)
        thinned = tuple((row.seq, row.fields, erase_fields(row.fields, paths, by=head.size)) for row, paths in left)
        return replace(changes, erased=planned.places, thinned=thinned)

    committed = yield Commit(Unit(context.scope, decide_unit, reads=keys), shielded=True)
    done: Erased = committed.answer
    return done


def _gone_with(
    context: Context, planned: Plan, holds: Sequence[Hold]
) -> Flow[tuple[tuple[str, ...], list[tuple[RecordRow, tuple[str, ...]]]]]:
    """The snapshots that go and the records that lose fields, from the records themselves: a plan is the caller's word.

    Raises AuditError for a record that must stay, and for a field that is not there or leaves what would tell it.
    """
    if not 0 < planned.count + len(planned.parts) <= MAX_AT_ONCE or len(planned.places) + len(planned.parts) > MAX_PLACES:
        raise AuditError(f"one erasure takes 1 to {MAX_AT_ONCE} records", code="audit.erasure")
    snapshots: dict[str, None] = {}
    for start, stop in planned.places:
        found: Sequence[RecordRow] = yield ReadRecords(context.scope, start, stop)
        if [row.seq for row in found] != list(range(start, stop)):
            raise AuditError("the log does not hold these records: plan it again", code="audit.index")
        for row in found:
            kind = parse_entry(row.entry).kind
            check_unheld(holds, row)
            if kind not in ERASABLE:
                raise AuditError(f"record {row.seq} is a {kind.value}: other records rest on it", code="audit.erasure")
            if row.body:
                named = read_body(row).get(SNAPSHOT)
                snapshots |= {named: None} if isinstance(named, str) else {}
    left: list[tuple[RecordRow, tuple[str, ...]]] = []
    for seq, paths in planned.parts:
        one: Sequence[RecordRow] = yield ReadRecords(context.scope, seq, seq + 1)
        if len(one) != 1 or any(start <= seq < stop for start, stop in planned.places):
            raise AuditError("the log does not hold these records: plan it again", code="audit.index")
        if parse_entry(one[0].entry).kind not in ERASABLE or depending(one[0].fields, paths) != paths:
            raise AuditError(f"these fields of record {seq} do not go alone: plan it again", code="audit.erasure")
        check_unheld(holds, one[0])
        erase_fields(one[0].fields, paths, by=seq)
        if SNAPSHOT in paths:
            snapshots[str(read_body(one[0])[SNAPSHOT])] = None
        left.append((one[0], paths))
    return tuple(snapshots), left


def _rested_on(context: Context, snapshots: Sequence[str], holds: Sequence[Hold]) -> Flow[None]:
    """Raise AuditError `audit.held` when a decision that is held rests on one of these snapshots: it could not be taken again."""
    if not snapshots or not holds:
        return
    head = yield from authentic_head(context)
    for begin in range(0, head.size, CHUNK):
        rows: Sequence[RecordRow] = yield ReadRecords(context.scope, begin, min(begin + CHUNK, head.size))
        for row in rows:
            if b'"k":"decision.' in row.entry and row.body and read_body(row).get(SNAPSHOT) in snapshots:
                check_unheld(holds, row)


def _signer(state: ScopeState, person: AuthenticatedPerson) -> Json:
    key = state.persons[person.ref].public_key
    return [person.ref.type, person.ref.id, b64url(key), b64url(person.signature)]


def _sentence(text: str, what: str) -> str:
    if type(text) is not str or not 0 < len(text) <= MAX_TEXT_CHARS or not text.isprintable():
        raise AuditError(f"the {what} is a sentence of at most {MAX_TEXT_CHARS} printable characters", code="audit.erasure")
    return text
