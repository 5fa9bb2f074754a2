"""signing: a token under the key that is ACTIVE at that moment."""

from __future__ import annotations

from intended_core.errors import KeyGoneError
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, Sign
from intended_core.flows.steps import load_state
from intended_core.quick import maker
from intended_core.tokens.issuer import SignedToken, assemble, frame_claims

__all__ = ["sign_token"]

_sign = maker(Sign)


def sign_token(context: Context, state: ScopeState, placed: bytes) -> Flow[SignedToken]:
    """The token of these canonical claims, checked under its key's public half.

    A key that is gone when it is asked to sign (another process rotated, an HSM took it away) is looked up again, once: the claims name no
    key, so the one ACTIVE now signs them as well. Raises KeyRingError, and what the adapters raise.
    """
    key = state.ring.active("token")
    unsigned = frame_claims(placed, kid=key.kid, algorithm=key.algorithm)
    try:
        signature: bytes = yield _sign(context.scope, key, unsigned.data)
    except KeyGoneError:
        now: ScopeState = yield load_state(context.scope, True)
        standing = now.ring.active("token")
        if standing.kid == key.kid:
            raise
        key, unsigned = standing, frame_claims(placed, kid=standing.kid, algorithm=standing.algorithm)
        signature = yield _sign(context.scope, key, unsigned.data)
    return assemble(unsigned, signature, key.public_key())
