"""hold: two persons keep what records say from every erasure, and two persons let it go again.

A hold is drawn up first, so that what both sign is fixed: the places that it names. It stands in a row on the guards' roster and moves the
guards, so that an erasure which was decided without it does not commit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from intended_core.access.statement import Signatures, Statement, stated
from intended_core.audit.erasures import stretches
from intended_core.audit.holds import MAX_HOLD_PLACES, Kept, Later, lift_subject, place_subject
from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind, parse_entry
from intended_core.canonical import Json, b64url
from intended_core.errors import AuditError, UnitRefusedError
from intended_core.flows.again import again
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, Random, ReadRecords
from intended_core.flows.evidence import authentic_head
from intended_core.flows.holdrows import PLACED, Hold, hold_key
from intended_core.flows.roster import GUARD_ROSTER, guard_row, guard_write
from intended_core.flows.steps import close_unit, open_head
from intended_core.unit import Changes, RecordRow, Unit, UnitView, Write

__all__ = ["HoldPlan", "check_unheld", "life_of_record", "lift", "lift_statement", "list_holds", "place", "place_statement", "plan_hold"]

QUORUM: Final = 2  # as an erasure: it is privileged to keep what somebody may want forgotten
MAX_STANDING: Final = 64  # each is a name in the guards' roster
MAX_TEXT_CHARS: Final = 500
CHUNK: Final = 2_000  # records that are looked at together


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlan:
    """What a hold will keep. `records`: how many of those that are there already."""

    kept: Kept
    reason: str
    basis: str
    generation: int

    @property
    def records(self) -> int:
        """How many records that are there already are named."""
        return sum(stop - start for start, stop in self.kept.places)


def plan_hold(
    context: Context, *, first: int = 0, stop: int | None = None, kinds: Collection[EventKind] = (), threads: Collection[str] = (),
    reason: str, basis: str, size: int | None = None,
) -> Flow[HoldPlan]:  # fmt: skip
    """What a hold over records [first, stop) keeps, of these kinds and lives only where any are named; nothing is changed.

    `stop` None: the hold goes on, over every such record to come. `size`: of the log when the same hold was drawn up before, so that both
    persons sign one thing. Raises AuditError where it would keep nothing.
    """
    head = yield from authentic_head(context)
    size = head.size if size is None else size
    if not 0 <= first <= size <= head.size or (stop is not None and not first < stop <= size):
        raise AuditError(f"the log has records 0 to {head.size - 1}", code="audit.index")
    end = size if stop is None else stop
    later = Later(kinds=tuple(sorted({kind.value for kind in kinds})), threads=tuple(sorted(set(threads)))) if stop is None else None
    places: tuple[tuple[int, int], ...] = ((first, end),) if first < end else ()
    if kinds or threads:
        found: list[int] = []
        for begin in range(first, end, CHUNK):
            rows: Sequence[RecordRow] = yield ReadRecords(context.scope, begin, min(begin + CHUNK, end))
            for row in rows:
                if (not kinds or parse_entry(row.entry).kind in kinds) and (not threads or row.thread in threads):
                    found.append(row.seq)
        places = stretches(found)
    if len(places) > MAX_HOLD_PLACES:
        raise AuditError(f"one hold names at most {MAX_HOLD_PLACES} stretches: leave out the kinds, or make it several", code="audit.hold")
    if not places and later is None:
        raise AuditError("there is nothing to hold here", code="audit.hold")
    kept = Kept(places=places, size=size, later=later)
    return HoldPlan(kept=kept, reason=_sentence(reason, "reason"), basis=_sentence(basis, "basis"), generation=head.generation)


def life_of_record(context: Context, seq: int) -> Flow[str]:
    """Which life of a token or request record `seq` is in (base64url); raises AuditError when it is in none."""
    found: Sequence[RecordRow] = yield ReadRecords(context.scope, seq, seq + 1) if seq >= 0 else ReadRecords(context.scope, 0, 0)
    if not found or not found[0].thread:
        raise AuditError(f"record {seq} is not in the life of a token or request", code="audit.index")
    return found[0].thread


def place_statement(context: Context, planned: HoldPlan, *, expires_us: int) -> Statement:
    """What both persons sign to place it."""
    subject = place_subject(planned.kept, reason=planned.reason, basis=planned.basis)
    return _statement(context, subject, planned.generation, expires_us)


def lift_statement(context: Context, hold: int, *, reason: str, basis: str, generation: int, expires_us: int) -> Statement:
    """What both persons sign to lift the hold of record `hold`."""
    subject = lift_subject(hold, reason=_sentence(reason, "reason"), basis=_sentence(basis, "basis"))
    return _statement(context, subject, generation, expires_us)


def _statement(context: Context, subject: bytes, generation: int, expires_us: int) -> Statement:
    return Statement(scope=context.scope, purpose="audit.hold", generation=generation, subject=subject, expires_us=expires_us)


def place(context: Context, planned: HoldPlan, *, signatures: Signatures, expires_us: int) -> Flow[Hold]:
    """Place it. Two distinct persons with the right to hold signed `place_statement`.

    Raises KeyRingError, AccessDeniedError, UnitRefusedError, StoreError; then nothing is changed.
    """
    return (yield from _again(context, tuple(signatures), planned, None, place_statement(context, planned, expires_us=expires_us)))


def lift(
    context: Context, hold: int, *, reason: str, basis: str, generation: int, signatures: Signatures, expires_us: int
) -> Flow[Hold]:
    """Let go what the hold of record `hold` keeps. Two distinct persons signed `lift_statement`. Raises as `place`."""
    statement = lift_statement(context, hold, reason=reason, basis=basis, generation=generation, expires_us=expires_us)
    return (yield from _again(context, tuple(signatures), None, (hold, reason, basis), statement))


def _again(
    context: Context, signatures: Signatures, planned: HoldPlan | None, lifted: tuple[int, str, str] | None, statement: Statement
) -> Flow[Hold]:
    return (yield from again(context, lambda _: _change(context, signatures, planned, lifted, statement), what="persons or holds"))


def _change(
    context: Context, signatures: Signatures, planned: HoldPlan | None, lifted: tuple[int, str, str] | None, statement: Statement
) -> Flow[Hold]:
    state: ScopeState = yield LoadState(context.scope, True)
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    persons = stated(statement, state.persons, signatures, quorum=QUORUM, now_us=now_us)
    by = tuple(person.ref for person in persons)
    standing = {hold.seq: hold for hold in state.halts.holds}
    said: dict[str, Json]
    if planned is not None:
        if len(standing) >= MAX_STANDING:
            raise UnitRefusedError("holds_full", f"{MAX_STANDING} holds stand; lift some first")
        said = {**planned.kept.to_json(), "reason": planned.reason, "basis": planned.basis}
        kind = EventKind.HOLD_PLACED
    else:
        seq, reason, basis = lifted or (0, "", "")
        if seq not in standing:
            raise UnitRefusedError("hold_unknown", f"no hold of record {seq} stands")
        said = {"hold": seq, "reason": reason, "basis": basis}
        kind = EventKind.HOLD_LIFTED
    body: dict[str, Json] = {
        **said, "expires": statement.expires_us,
        "persons": [
            [each.ref.type, each.ref.id, b64url(state.persons[each.ref].public_key), b64url(each.signature)] for each in persons
        ],
    }  # fmt: skip

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards)
        if head.generation != statement.generation or (planned is not None and planned.kept.size > head.size):
            raise UnitRefusedError("hold_outdated", "the log is not the one that this was drawn up for: draw it up again")
        if planned is not None:
            made = Hold(
                seq=head.size, kept=planned.kept, reason=planned.reason, basis=planned.basis, by=by,
                at_us=max(now_us, head.time_us), stands=True,
            )  # fmt: skip
            version = 0
        else:
            made = replace(standing[seq], stands=False)
            row = guard_row(context, view, head, hold_key(seq))
            version = 0 if row is None else row.version
        key = hold_key(made.seq)
        state_name = PLACED if made.stands else "LIFTED"
        write = Write(context.mac.seal_row(context.scope, key.kind, key.key, version + 1, state_name, made.to_body()), version)
        return close_unit(
            context, view, head, (Draft(kind=kind, body=body, salt=salt),), now_us=now_us,
            writes=(write, guard_write(context, view, head, (write,))), bump_guards=True, answer=made,
        )  # fmt: skip

    reads = (GUARD_ROSTER,) if planned is not None else (GUARD_ROSTER, hold_key(lifted[0] if lifted else 0))
    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads))
    done: Hold = committed.answer
    return done


def list_holds(context: Context) -> Flow[tuple[Hold, ...]]:
    """The holds that stand, oldest first."""
    state: ScopeState = yield LoadState(context.scope, True)
    return state.halts.holds


def check_unheld(holds: Iterable[Hold], row: RecordRow) -> None:
    """Raise AuditError `audit.held` when one of these holds keeps what this record says."""
    kind = parse_entry(row.entry).kind.value
    for hold in holds:
        if hold.covers(row.seq, kind, row.thread):
            raise AuditError(f"record {row.seq} is under the hold of record {hold.seq} ({hold.basis})", code="audit.held")


def _sentence(text: str, what: str) -> str:
    if type(text) is not str or not 0 < len(text) <= MAX_TEXT_CHARS or not text.isprintable():
        raise AuditError(f"the {what} is a sentence of at most {MAX_TEXT_CHARS} printable characters", code="audit.hold")
    return text
