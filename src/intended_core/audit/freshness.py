"""How new what is shown must be: a demand of the verifier, judged by what somebody outside has seen.

An old bundle that is true is not found by any look into it. It is found by asking: no earlier than this epoch, or seen no longer ago than
this. The issuer's own clock answers neither, so without a slot proof that holds under the verifier's policy file the demand is not met.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from intended_core.audit.anchored import AttestedHead
from intended_core.audit.grades import Finding, Grade
from intended_core.errors import AuditError

__all__ = ["AHEAD_S", "Freshness", "check_freshness"]

AHEAD_S: Final = 300  # how far a witness's clock may be ahead of the verifier's before its time says nothing
_MOST: Final = 2**53 - 1  # canonical JSON's integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What the verifier asks for; None asks for nothing. `now_s`: seconds since 1970 UTC by the verifier's clock."""

    min_epoch: int | None = None
    max_age_s: int | None = None
    now_s: int | None = None

    def __post_init__(self) -> None:
        for value in (self.min_epoch, self.max_age_s, self.now_s):
            if value is not None and not 0 <= value <= _MOST:
                raise AuditError("an epoch, an age and a time are whole numbers from 0 on", code="audit.freshness")
        if self.max_age_s is not None and self.now_s is None:
            raise AuditError("an age is counted back from a time", code="audit.freshness")


def check_freshness(demand: Freshness, head: AttestedHead | None) -> tuple[Finding, ...]:
    """What of the demand is not met by `head`, what somebody outside has seen (None: nothing)."""
    found: list[Finding] = []
    epoch = None if head is None else head.epoch
    if demand.min_epoch is not None and (epoch is None or epoch < demand.min_epoch):
        shown = "none that anybody outside has seen" if epoch is None else f"{epoch}"
        text = f"you ask for epoch {demand.min_epoch} or a later one, and the bundle shows {shown}"
        found.append(Finding(code="anchor.epoch", grade=Grade.INCOMPLETE, text=text))
    if demand.max_age_s is not None and demand.now_s is not None:
        seen = None if head is None else head.seen_s
        if seen is None or not demand.now_s - demand.max_age_s <= seen <= demand.now_s + AHEAD_S:
            told = "none has seen it" if seen is None else f"it was seen at {seen} (seconds since 1970)"
            text = f"you ask for what a witness saw within {demand.max_age_s} seconds before {demand.now_s}, and {told}"
            found.append(Finding(code="anchor.age", grade=Grade.INCOMPLETE, text=text))
    return tuple(found)
