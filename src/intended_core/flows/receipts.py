"""receipt: sign what the log says of one denial or escalation. Asked for, never made by itself (docs/adr/0017).

The outcome that `authorize` returned knows its record's leaf hash, from the unit that wrote it; the record is read again and must be that
leaf, so that a row edited since cannot put words into the signature.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from intended_core.audit.fields import MISSING, read_body
from intended_core.audit.record import EventKind, parse_entry
from intended_core.audit.tree import leaf_hash
from intended_core.canonical import unb64url
from intended_core.errors import AuditError, StoreCorruptError
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, LoadState, ReadRecords, Sign
from intended_core.flows.outcomes import Pending
from intended_core.ids import EntityRef
from intended_core.outcome import Deny
from intended_core.tokens.receipt import MAX_RULES, Receipt, SignedReceipt, receipt_input, release_receipt

__all__ = ["receipt"]

_KINDS: Final = {EventKind.DECISION_DENY: "deny", EventKind.DECISION_ESCALATE: "escalate"}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def receipt(context: Context, outcome: Deny | Pending) -> Flow[SignedReceipt]:
    """The signed receipt of an outcome that `authorize` returned.

    Raises AuditError when the outcome is in no record (the log could not be written), StoreCorruptError when its record is not the one
    that was written, KeyRingError when it could not be signed.
    """
    if not isinstance(outcome, Deny | Pending):
        raise AuditError("a receipt is of a denial or of an escalation", code="audit.receipt")
    if outcome.seq is None or outcome.leaf is None:
        raise AuditError("this outcome is in no record: there is nothing to give a receipt of", code="audit.receipt")
    state: ScopeState = yield LoadState(context.scope, True)
    rows = yield ReadRecords(context.scope, outcome.seq, outcome.seq + 1)
    if len(rows) != 1 or rows[0].leaf != outcome.leaf or leaf_hash(rows[0].entry) != outcome.leaf:
        raise StoreCorruptError("the record of this outcome is not the one that was written")
    if not rows[0].body:
        raise AuditError("what this record says was erased", code="audit.erased")
    entry = parse_entry(rows[0].entry)
    body: dict[str, Any] = read_body(rows[0])
    if MISSING in body:
        raise AuditError("a part of what this record says was erased", code="audit.erased")
    if entry.kind not in _KINDS or _KINDS[entry.kind] != body["outcome"]:
        raise StoreCorruptError("the record of this outcome is of another kind")
    principal, action, resource = _asked(body)
    key = state.ring.active("token")
    unsigned = receipt_input(
        Receipt(
            iss=state.issuer, tid=context.scope.uuid, env=context.scope.environment, iat=entry.time_us // 1_000_000,
            out="deny" if entry.kind is EventKind.DECISION_DENY else "escalate", cls=str(body.get("class", "")),
            apr=str(body.get("approval", "")), sub=principal, action=action, resource=resource,
            rul=tuple(body.get("rules", ()))[:MAX_RULES], ith=unb64url(body["ith"]) if "ith" in body else None,
            pol=entry.policy_digest, log=(entry.generation, entry.seq, outcome.leaf),
        ),
        kid=key.kid, algorithm=key.algorithm,
    )  # fmt: skip
    signature: bytes = yield Sign(context.scope, key, unsigned)
    return release_receipt(unsigned, signature, key.public_key())


def _asked(body: dict[str, Any]) -> tuple[str, str, str]:
    """Who asked for what, in written form: from the recorded intent, or from what a denial before validation shows of it."""
    shown = orjson.loads(body["intent"]) if "intent" in body else body
    principal, resource = (str(EntityRef(*shown[name])) for name in ("principal", "resource"))
    return principal, _CONTROL.sub("\ufffd", str(shown["action"])), resource
