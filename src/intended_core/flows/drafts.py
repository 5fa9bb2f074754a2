"""drafts: what is to be put in force waits here: drafted, checked, simulated, approved by a second person, active.

A step is a unit on the draft's row, which hangs on the guards' roster as long as the draft is open: an older row put back, or one that
was edited, is refused. Nothing here is believed twice: activation checks, tests and counts signatures again, under the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from intended_core.access.persons import authenticate
from intended_core.access.roles import Permission, check_permitted
from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url
from intended_core.errors import AccessDeniedError, IntentError, KeyRingError, PolicyError, UnitRefusedError
from intended_core.flows.activate import checked_and_tested, hold_to_locks, set_row, sources_write
from intended_core.flows.cache import ScopeState, decode_sources
from intended_core.flows.data import DataChange, changed_content, named_changes
from intended_core.flows.datarows import (
    DATA_POINTER,
    DataContent,
    StoredData,
    content_digest,
    content_key,
    content_writes,
    named_content,
    read_data,
    typed_content,
)
from intended_core.flows.draftrows import OPEN_STATES, DraftRow, Origin, Signed, Subject, draft_key, signing_digest
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, Random, ReadRows, ScanRows
from intended_core.flows.outcomes import denied
from intended_core.flows.pointer import POLICY_POINTER, change_json
from intended_core.flows.roster import GUARD_ROSTER, guard_row, guard_write
from intended_core.flows.steps import close_unit, open_head
from intended_core.ids import EntityRef
from intended_core.lang.locks import NO_CHANGE, LockChange
from intended_core.lang.semantic import text_digest
from intended_core.lang.source import Source
from intended_core.unit import Changes, Row, RowKey, Unit, UnitView, Write

__all__ = [
    "DraftView", "approve_draft", "check_draft", "draft_content", "draft_data", "draft_policy", "draft_sources", "list_drafts",
    "move_draft", "read_draft", "show_draft", "sign_draft", "standing_draft", "withdraw_draft",
]  # fmt: skip

T = TypeVar("T")
MAX_OPEN: Final = 64  # drafts at a time: each is a name in the guards' roster
MAX_NOTE: Final = 500
DRAFTS: Final[Mapping[Subject, Permission]] = {"policy": "policy.draft", "data": "data.write"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftView:
    """A draft as it stands. `to_sign`, `to_approve`: what the drafter and what a second person signs (32 bytes each).

    `locks`: what it says of the locks of packs. `superseded`: it was active, and something else is now.
    """

    draft_id: str
    subject: Subject
    state: str
    content: bytes
    base: int
    drafter: EntityRef | None
    note: str
    tested: Origin | None
    signed: bool
    approved_by: tuple[EntityRef, ...]
    created_us: int
    seq: int
    findings: Mapping[str, Json]
    to_sign: bytes
    to_approve: bytes
    locks: LockChange = NO_CHANGE


def _view(context: Context, row: Row) -> DraftView:
    draft = DraftRow.from_row(row)
    return DraftView(
        draft_id=row.key, subject=draft.subject, state=row.state, content=draft.content, base=draft.base, drafter=draft.drafter,
        note=draft.note, tested=draft.tested, signed=draft.drafted is not None,
        approved_by=tuple(each.person for each in draft.approved), created_us=draft.created_us, seq=draft.seq,
        findings=draft.findings, to_sign=signing_digest(context.scope, "draft", row.key, draft),
        to_approve=signing_digest(context.scope, "approve", row.key, draft), locks=draft.locks,
    )  # fmt: skip


def read_draft(context: Context, draft_id: str) -> Flow[Row]:
    """The draft's row with its tag checked; the unit that acts on it asks again. Raises UnitRefusedError."""
    found: Sequence[Row] = yield ReadRows(context.scope, (draft_key(draft_id),))
    if not found:
        raise UnitRefusedError("draft_unknown", "no draft has this id")
    return context.mac.check(context.scope, found[0]).row


def show_draft(context: Context, draft_id: str) -> Flow[DraftView]:
    """One draft; raises UnitRefusedError when there is none."""
    return _view(context, (yield from read_draft(context, draft_id)))


def list_drafts(context: Context) -> Flow[tuple[DraftView, ...]]:
    """Every draft, oldest first."""
    rows: Sequence[Row] = yield ScanRows(context.scope, "draft")
    views = [_view(context, context.mac.check(context.scope, row).row) for row in rows]
    return tuple(sorted(views, key=lambda view: (view.created_us, view.draft_id)))


def draft_policy(
    context: Context, sources: Sequence[Source], *, drafter: EntityRef | None = None, note: str = "",
    tested: Origin | None = None, locks: LockChange = NO_CHANGE,
) -> Flow[DraftView]:  # fmt: skip
    """Keep a set as a draft. `tested`: where the same sources were active. Raises IntentError, PolicyError, UnitRefusedError."""
    named = text_digest(sources)
    if tested is not None and tested.digest != named:
        raise PolicyError("these are not the sources that were tested")
    yield from hold_to_locks(context, sources, locks)

    def keep(view: UnitView) -> tuple[Write, ...]:
        return sources_write(context, view, named, [(source.name, source.text) for source in sources])

    return (
        yield from _begin(context, "policy", named, POLICY_POINTER, set_row(named), keep, drafter, note, tested, locks)
    )


def draft_data(
    context: Context, change: DataChange, *, drafter: EntityRef | None = None, note: str = ""
) -> Flow[DraftView]:
    """Keep a change of params and tables as a draft, typed by the active set. Raises IntentError with the name, UnitRefusedError."""
    state: ScopeState = yield LoadState(context.scope, True)
    if state.policy is None:
        raise IntentError("no policy set is active: params and tables are typed by the active set", place="data")
    now_us: int = yield Now()
    before = yield from read_data(context)
    content = changed_content(state.policy.schema, before.content, change, now_ms=now_us // 1000)
    after = typed_content(state.policy.schema, StoredData(version=before.version + 1, content=content))
    changes: list[Json] = [
        [each.kind, each.name, each.what, each.direction] for each in named_changes(state.policy, state.data, after)
    ]
    body = content.to_body()
    named = content_digest(body)

    def keep(view: UnitView) -> tuple[Write, ...]:
        return content_writes(context, view, body)

    return (
        yield from _begin(
            context, "data", named, DATA_POINTER, content_key(named), keep, drafter, note, None, NO_CHANGE, changes=changes
        )
    )


def _begin(
    context: Context, subject: Subject, named: bytes, pointer: RowKey, stored: RowKey,
    keep: Callable[[UnitView], tuple[Write, ...]], drafter: EntityRef | None, note: str, tested: Origin | None,
    locks: LockChange, **findings: Json,
) -> Flow[DraftView]:  # fmt: skip
    if len(note) > MAX_NOTE or not note.isprintable():
        raise IntentError(f"a note has at most {MAX_NOTE} printable characters", place="note")
    open_now: Sequence[Row] = yield ScanRows(context.scope, "draft")
    if sum(row.state in OPEN_STATES for row in open_now) >= MAX_OPEN:
        raise UnitRefusedError("drafts_full", f"{MAX_OPEN} drafts are open; withdraw some first")
    now_us: int = yield Now()
    random: bytes = yield Random(32)
    draft_id, salt = b64url(random[:16]), random[16:]
    key = draft_key(draft_id)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        current = guard_row(context, view, head, pointer)
        made = DraftRow(
            subject=subject, content=named, base=0 if current is None else current.version, drafter=drafter, note=note,
            tested=tested, created_us=now_us, seq=head.size, findings=findings, locks=locks,
        )  # fmt: skip
        row = context.mac.seal_row(context.scope, key.kind, key.key, 1, "DRAFT", made.to_body())
        writes = [*keep(view), Write(row, 0)]
        writes.append(guard_write(context, view, head, writes))
        body: dict[str, Json] = {
            "draft": draft_id, "subject": subject, "content": b64url(named), "state": "DRAFT", "base": made.base, "note": note,
            "drafter": None if drafter is None else [drafter.type, drafter.id],
            "tested": None if tested is None else [tested.environment, b64url(tested.digest), tested.seq],
            **change_json(locks),
        }  # fmt: skip
        draft = Draft(kind=EventKind.POLICY_DRAFTED, body=body, salt=salt)
        return close_unit(context, view, head, (draft,), now_us=now_us, writes=tuple(writes), bump_guards=True, answer=row)

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(key, pointer, stored, GUARD_ROSTER)))
    return _view(context, committed.answer)


def move_draft(
    context: Context,
    row: Row,
    after: DraftRow,
    state: str,
    kind: EventKind,
    said: Mapping[str, Json],
    *,
    guards: int | None = None,
) -> Flow[DraftView]:
    """One step of the draft that was read as `row`; raises UnitRefusedError `draft_state` when somebody else moved it meanwhile."""
    now_us: int = yield Now()
    salt: bytes = yield Random(16)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=guards)
        standing_draft(context, view, row)
        guard_row(context, view, head, draft_key(row.key))
        written = context.mac.seal_row(context.scope, row.kind, row.key, row.version + 1, state, after.to_body())
        write = Write(written, row.version)
        body: dict[str, Json] = {"draft": row.key, "subject": after.subject, "content": b64url(after.content), "state": state, **said}
        draft = Draft(kind=kind, body=body, salt=salt)
        writes = (write, guard_write(context, view, head, (write,)))
        return close_unit(context, view, head, (draft,), now_us=now_us, writes=writes, bump_guards=True, answer=written)

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(draft_key(row.key), GUARD_ROSTER)))
    return _view(context, committed.answer)


def standing_draft(context: Context, view: UnitView, row: Row) -> None:
    """That the draft under the lock is the very row that was read; raises UnitRefusedError, StoreCorruptError."""
    current = view.rows.get(draft_key(row.key))
    if current is None or context.mac.check(context.scope, current).row != row:
        raise UnitRefusedError("draft_state", "somebody else acted on this draft; look at it again")


def _opened(row: Row) -> DraftRow:
    if row.state not in OPEN_STATES:
        raise UnitRefusedError("draft_state", f"the draft is {row.state.lower()}")
    return DraftRow.from_row(row)


def sign_draft(context: Context, draft_id: str, *, signature: bytes) -> Flow[DraftView]:
    """The drafter's own signature over `DraftView.to_sign`. Raises KeyRingError, AccessDeniedError, UnitRefusedError."""
    state: ScopeState = yield LoadState(context.scope, True)
    row = yield from read_draft(context, draft_id)
    draft = _opened(row)
    if draft.drafter is None:
        raise KeyRingError("this draft names nobody who drafted it")
    asked = signing_digest(context.scope, "draft", draft_id, draft)
    _signed_by(state, draft.drafter, asked, signature, DRAFTS[draft.subject])
    after = replace(draft, drafted=Signed(draft.drafter, signature))
    said: dict[str, Json] = {"signed_by": _said_person(state, draft.drafter, signature), "digest": b64url(asked)}
    return (yield from move_draft(context, row, after, row.state, EventKind.POLICY_DRAFTED, said, guards=state.guards))


def check_draft(context: Context, draft_id: str) -> Flow[DraftView]:
    """DRAFT → CHECKED: the set checks and its own tests pass; values fit the active set. Raises PolicyError, IntentError."""
    row = yield from read_draft(context, draft_id)
    draft = _opened(row)
    if draft.subject == "policy":
        sources = yield from draft_sources(context, draft)
        yield from hold_to_locks(context, sources, draft.locks)
        policy, report = checked_and_tested(context, sources)
        checked: dict[str, Json] = {
            "rules": len(policy.checked.rules), "tests": len(report.cases), "warnings": len(policy.checked.warnings),
            "semantic_digest": b64url(policy.checked.semantic_digest),
        }  # fmt: skip
    else:
        state: ScopeState = yield LoadState(context.scope, True)
        if state.policy is None:
            raise IntentError("no policy set is active: params and tables are typed by the active set", place="data")
        content = yield from draft_content(context, draft)
        typed = typed_content(state.policy.schema, StoredData(version=draft.base + 1, content=content))
        checked = {"data_digest": b64url(typed.digest)}
    after = draft.with_findings(checked=checked)
    name = "CHECKED" if row.state == "DRAFT" else row.state
    return (yield from move_draft(context, row, after, name, EventKind.POLICY_DRAFTED, {"checked": checked}))


def draft_sources(context: Context, draft: DraftRow) -> Flow[list[Source]]:
    """The sources that a draft names; raises UnitRefusedError when they are gone or others."""
    rows: Sequence[Row] = yield ReadRows(context.scope, (set_row(draft.content),))
    sources = decode_sources(context.mac.check(context.scope, rows[0]).row.body) if rows else []
    if not sources or text_digest(sources) != draft.content:
        raise UnitRefusedError("draft_content", "the sources of the draft are not there any more")
    return sources


def draft_content(context: Context, draft: DraftRow) -> Flow[DataContent]:
    """The values that a draft names; raises StoreCorruptError when they are gone or others."""
    rows: Sequence[Row] = yield ReadRows(context.scope, (content_key(draft.content),))
    return named_content(context.mac.check(context.scope, rows[0]).row if rows else None, draft.content)


def approve_draft(context: Context, draft_id: str, *, person: EntityRef, signature: bytes) -> Flow[DraftView]:
    """→ APPROVED: a second person signs `DraftView.to_approve`; the drafter never counts, under whatever name.

    The draft was checked before, and a policy set simulated. Raises KeyRingError, AccessDeniedError, UnitRefusedError.
    """
    state: ScopeState = yield LoadState(context.scope, True)
    row = yield from read_draft(context, draft_id)
    draft = _opened(row)
    if row.state == "DRAFT" or (draft.subject == "policy" and row.state == "CHECKED"):
        raise UnitRefusedError("draft_state", "check it, and simulate a policy set, before somebody approves it")
    if draft.drafted is None or draft.drafter is None:
        raise UnitRefusedError("draft_unsigned", "its drafter has not signed it: who a second person is cannot be told")
    asked = signing_digest(context.scope, "approve", draft_id, draft)
    _signed_by(state, person, asked, signature, "policy.activate")
    drafter = state.persons.get(draft.drafter)
    if person == draft.drafter or drafter is None or drafter.public_key == state.persons[person].public_key:
        raise _may_not("who drafted it never approves it: a second person with a key of their own does")
    others = tuple(each for each in draft.approved if each.person != person)
    after = replace(draft, approved=(*others, Signed(person, signature)))
    said: dict[str, Json] = {"approved_by": _said_person(state, person, signature), "digest": b64url(asked)}
    return (yield from move_draft(context, row, after, "APPROVED", EventKind.POLICY_APPROVED, said, guards=state.guards))


def withdraw_draft(context: Context, draft_id: str) -> Flow[DraftView]:
    """Any open state → WITHDRAWN: it is never put in force. It takes nothing but the wish. Raises UnitRefusedError."""
    row = yield from read_draft(context, draft_id)
    return (yield from move_draft(context, row, _opened(row), "WITHDRAWN", EventKind.POLICY_DRAFTED, {}))


def _signed_by(state: ScopeState, person: EntityRef, asked: bytes, signature: bytes, permission: Permission) -> None:
    known = state.persons.get(person)
    if known is None:
        raise KeyRingError(f"{person} is not a registered person of this tenant")
    authenticate(known, digest=asked, signature=signature)
    check_permitted(known, permission)


def _said_person(state: ScopeState, person: EntityRef, signature: bytes) -> Json:
    return [person.type, person.id, b64url(state.persons[person].public_key), b64url(signature)]


def _may_not(text: str) -> AccessDeniedError:
    return AccessDeniedError(text, outcome=denied("forbid", text))
