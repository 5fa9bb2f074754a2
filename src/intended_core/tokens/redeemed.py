"""The end of the path: a consumed token with the call it allows. Made only by the redeem flow, after its unit has
committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from intended_core.intent import ValidCall
from intended_core.tokens.claims import TokenClaims

__all__ = ["RedeemedToken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemedToken:
    """The right to run `call` once, now. `attempt_id`: names this redemption. `seq`: its record in the log."""

    call: ValidCall
    claims: TokenClaims
    attempt_id: str
    seq: int

    def __reduce__(self) -> NoReturn:
        raise TypeError("a RedeemedToken is not pickled: it is spent where it was redeemed")
