"""Whoever lost the answer of a redemption asks by the attempt id that they chose beforehand.

The answer says whether this attempt spent the nonce. It never gives the right to act a second time, and to anybody else's attempt the
answer is a refusal: a thief's success can never be read as mine (authority.md § 2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from intended_core.errors import IntendedError, StoreError, TokenError
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, LoadState, Now, ReadRows
from intended_core.flows.refusals import count_unseen
from intended_core.flows.rows import NonceRow
from intended_core.tokens.codec import parse
from intended_core.tokens.verifier import inspect
from intended_core.unit import RowKey

__all__ = ["Attempt", "attempt_id", "attempted"]

_ATTEMPT: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")  # 16 bytes in base64url


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of one attempt: `consumed` (this attempt spent the token), or `issued` (nobody has; it may be tried again).

    No call of this library lets anything act on it.
    """

    attempt_id: str
    state: Literal["consumed", "issued"]


def attempt_id(text: str) -> str:
    """Return `text` when it is an attempt id (22 base64url characters of 16 random bytes); raise TokenError otherwise."""
    if not isinstance(text, str) or _ATTEMPT.fullmatch(text) is None:
        raise TokenError("token.attempt")
    return text


def attempted(context: Context, token: str | bytes, attempt: str, *, audience: str) -> Flow[Attempt]:
    """What became of `attempt` to redeem `token` at the adapter `audience`.

    Raises TokenError when another attempt spent it, when it was revoked, for a token that is not this scope's and audience's, and when the
    store cannot tell.
    """
    wanted = attempt_id(attempt)
    try:
        state: ScopeState = yield LoadState(context.scope, True)
        now_us: int = yield Now()
        claims = inspect(parse(token), find_key=state.ring.find, now_s=now_us // 1_000_000).claims
        if (claims.tid, claims.env, claims.aud) != (context.scope.uuid, context.scope.environment, audience):
            raise TokenError("token.audience")
        rows = yield ReadRows(context.scope, (RowKey("nonce", claims.jti),))
        if not rows:
            raise TokenError("token.nonce_unknown")
        row = context.mac.check_once(context.scope, rows[0]).row
        nonce = NonceRow.from_row(row)
    except TokenError as error:
        yield from count_unseen(context, error.code)
        raise
    except StoreError as error:
        raise TokenError(f"token.unavailable:{type(error).__name__}") from None
    except IntendedError as error:
        raise TokenError(f"token.unavailable:{type(error).__name__}") from None
    if row.state == "ISSUED":
        return Attempt(attempt_id=wanted, state="issued")
    if row.state != "CONSUMED" or nonce.attempt != wanted:
        raise TokenError("token.replayed" if row.state == "CONSUMED" else f"token.nonce_{row.state.lower()}")
    return Attempt(attempt_id=wanted, state="consumed")
