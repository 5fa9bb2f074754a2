"""What stands in the way of an intent or a token, asked on the path of every request: two looks at what the process remembers.

The answer rests on the guard version that the unit compares under the lock: after the unit of a halt or a revocation has committed, no
unit that reasoned about the time before it commits (authority.md § 0).
"""

from __future__ import annotations

from collections.abc import Iterable

from intended_core.errors import TokenError
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow
from intended_core.flows.haltrows import Halts
from intended_core.flows.outcomes import denied
from intended_core.flows.steps import look_again_if_stale
from intended_core.ids import EntityRef
from intended_core.outcome import Deny
from intended_core.tokens.claims import TokenClaims

__all__ = ["check_claims", "check_data", "check_standing", "halted_intent"]


def halted_intent(halts: Halts, *, audience: str, principals: Iterable[EntityRef] = ()) -> Deny | None:
    """Deny(halted) when everything, the adapter, or any of `principals` (the principal and its chain) is stopped; None when nothing is."""
    if halts.none:
        return None
    why = halts.everything or halts.adapters.get(audience, "")
    for principal in principals:
        why = why or halts.principals.get(principal, "")
    return denied("halted", why) if why else None


def check_claims(halts: Halts, claims: TokenClaims) -> None:
    """Raise TokenError `token.halted` or `token.revoked` for a token that is stopped, by whom it names or by when it was issued."""
    if halts.none:
        return
    named = (claims.sub, *claims.act)
    if halted_intent(halts, audience=claims.aud, principals=named) is not None:
        raise TokenError("token.halted")
    seq = -1 if claims.log is None else claims.log[1]
    if any(seq < halts.cutoffs.get(principal, 0) for principal in named):
        raise TokenError("token.revoked")


def check_data(state: ScopeState, claims: TokenClaims) -> None:
    """Raise TokenError `token.data` for a token that was decided before the params and tables now in force (docs/adr/0027)."""
    if claims.log is not None and claims.log[1] < state.data_since:
        raise TokenError("token.data")


def check_standing(context: Context, state: ScopeState, claims: TokenClaims) -> Flow[None]:
    """`check_claims`, where the refusal is not recorded by the caller's own look at the head.

    Raises UnitRefusedError `guards_moved` when the store has moved on since the state was remembered.
    """
    try:
        check_claims(state.halts, claims)
    except TokenError:
        yield from look_again_if_stale(context, guards=state.guards)
        raise
