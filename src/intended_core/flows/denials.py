"""Denials that no rule made: recorded like any other, and denied all the same where that fails."""

from __future__ import annotations

from dataclasses import replace

from intended_core.audit.fields import pack_fields
from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, canonical_json
from intended_core.errors import AuditError, StoreError, UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, Now, Random
from intended_core.flows.steps import close_unit, open_head, placed
from intended_core.intent import Intent, ValidIntent
from intended_core.outcome import Deny, Reason
from intended_core.unit import Changes, Unit, UnitView

__all__ = ["record_denial"]


def record_denial(context: Context, intent: Intent | ValidIntent, outcome: Deny) -> Flow[Deny]:
    """Record a denial that no rule made. If that fails the answer is still Deny, with the extra reason."""
    salt: bytes = yield Random(16)
    now_us: int = yield Now()
    body: dict[str, Json] = {
        "outcome": "deny",
        "class": outcome.kind,
        "reasons": [[reason.rule, reason.text[:500], reason.place[:200]] for reason in outcome.reasons],
        "action": _shown(intent.action),
    }
    named: dict[str, Json] = {
        "principal": [intent.principal.type, intent.principal.id],
        "resource": [intent.resource.type, intent.resource.id],
    }

    try:
        packed = pack_fields(body, named, secret=salt, encode=canonical_json)
    except AuditError as error:
        return _unrecorded(outcome, str(error))

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True)
        draft = Draft(kind=EventKind.DECISION_DENY, body=packed)
        return placed(close_unit(context, view, head, (draft,), now_us=now_us))

    try:
        committed = yield Commit(Unit(context.scope, decide_unit))
    except UnitRefusedError as refused:
        return _unrecorded(outcome, refused.code)
    except StoreError as error:
        return _unrecorded(outcome, str(error))
    seq, leaf = committed.answer
    return replace(outcome, seq=seq, leaf=leaf)


def _unrecorded(outcome: Deny, cause: str) -> Deny:
    return replace(outcome, reasons=(*outcome.reasons, Reason(text=f"the denial could not be recorded: {cause}")))


def _shown(action: object) -> str:
    text = action if isinstance(action, str) else type(action).__name__
    return text[:200].encode("utf-8", "replace").decode("utf-8")
