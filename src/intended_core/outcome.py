"""The engine's answer: Allow, Escalate or Deny. Testing one for truth raises, so that `if outcome:` cannot be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

from intended_core.ids import EntityRef

__all__ = [
    "DENY_CLASSES",
    "Allow",
    "ApprovalRequirement",
    "Decision",
    "Deny",
    "DenyClass",
    "Escalate",
    "MeterComparison",
    "MeterUse",
    "Obligation",
    "Outcome",
    "Reason",
]

DenyClass = Literal[
    "intent_invalid", "error", "forbid", "default", "chain_missing", "holder_missing", "halted", "clock", "conflict",
    "unavailable",
]
DENY_CLASSES: Final[tuple[DenyClass, ...]] = (
    "intent_invalid", "error", "forbid", "default", "chain_missing", "holder_missing", "halted", "clock", "conflict",
    "unavailable",
)  # fmt: skip


class _NoTruth:
    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("an outcome has no truth value: match on Allow, Escalate and Deny")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: `rule` is the determining rule's @id (empty when no rule spoke), `text` its `because` or one plain sentence.

    `place` is `file:line:column` of the clause or the intent's member path, when there is one.
    """

    rule: str = ""
    text: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequirement:
    """One approval block that must hold: who, how many, who not, for how long.

    `key` names the block (`rule-id#index`). `group`: approvers are below this entity. `expires_ms`: life after the request.
    """

    key: str
    rule: str
    group: EntityRef
    quorum: int
    exclude: frozenset[EntityRef]
    expires_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What must be done `before` the act (or it does not happen) or `after` it. `values`: parameter name -> value in wire form."""

    name: str
    phase: Literal["before", "after"]
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterUse:
    """What an intent adds to a meter if it is allowed.

    `key`: 32 bytes that name the counter: meter, key values and window. `window`: its kind; `start_ms`, `end_ms`: its bounds in UTC
    milliseconds, the end exclusive; a sliding window counts what is later than `start_ms`, and has no end, as a session and a lifetime.
    `amount`: whole units, or a Decimal scaled by 10**9; never negative.
    """

    meter: str
    key: bytes
    window: str
    start_ms: int
    end_ms: int | None
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterComparison:
    """`meter > ceiling` as `rule` asked it: `over` holds at the level that was read. `ceiling` in the meter's unit."""

    rule: str
    meter: str
    ceiling: int
    over: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow(_NoTruth):
    """Permitted. `rules` are the @ids of the permits that granted it, sorted, at least one. Only `engine.combine` makes one.

    `obligations`: those of all matching permits and gates. `reservations`: what the commit must add to meters. `comparisons`: every
    question that a rule asked a meter, so that the commit can ask again at the level then stored.
    """

    rules: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()
    approvals: tuple[str, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    reservations: tuple[MeterUse, ...] = ()
    comparisons: tuple[MeterComparison, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate(_NoTruth):
    """Waits for people. One of `alternatives` (each a tuple of requirements that all hold) must be met. It reserves nothing.

    `obligations`: those of all matching permits and gates, as an Allow would carry them.
    """

    alternatives: tuple[tuple[ApprovalRequirement, ...], ...]
    rules: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()
    obligations: tuple[Obligation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deny(_NoTruth):
    """Refused. `reasons` has at least one entry; `rules` are the @ids that decided (empty for default deny).

    `obligations`: what the forbids that decided want done `after`. `seq`: the denial's place in the log once a flow has recorded it, None
    when nothing was (or could be) recorded. `leaf`: the leaf hash (32 bytes) of that record, for a receipt.
    """

    kind: DenyClass
    reasons: tuple[Reason, ...]
    rules: tuple[str, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    seq: int | None = None
    leaf: bytes | None = field(default=None, repr=False, compare=False)


Decision = Allow | Escalate | Deny
Outcome = Decision
