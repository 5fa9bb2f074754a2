"""What authorize returns: the engine's outcomes, with what only the flow can add (a token, an approval id, a place in the log)."""

from __future__ import annotations

from dataclasses import dataclass, field

from intended_core.intent import ValidIntent
from intended_core.outcome import Allow, Deny, DenyClass, Escalate, Reason
from intended_core.tokens.issuer import SignedToken

__all__ = ["Granted", "Pending", "denied"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted(Allow):
    """An Allow that is committed and signed. `token` is redeemed once, by the adapter it names, before `expires_s` (Unix seconds).

    `seq`: the decision's place in the log.
    """

    token: SignedToken
    seq: int
    expires_s: int
    intent: ValidIntent = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending(Escalate):
    """An Escalate that waits. Approvers sign `digest` (32 bytes); afterwards authorize is called again with `approval_id`.

    `leaf`: the leaf hash (32 bytes) of its record at `seq`, for a receipt.
    """

    approval_id: str
    digest: bytes
    seq: int
    intent: ValidIntent = field(repr=False)
    leaf: bytes | None = field(default=None, repr=False, compare=False)


def denied(kind: DenyClass, text: str, *, place: str = "") -> Deny:
    """A denial that no rule made."""
    return Deny(kind=kind, reasons=(Reason(text=text, place=place),))
