"""attenuate: a token is spent for another one that can do no more: the same adapter, no later, the same holder, decided anew.

Law (authority.md § 2): the child takes the whole way of `authorize` (policy, meters, approvals of its own), and its nonce is issued in
the unit that spends the parent's. So there is never more than one of the two, what the parent held in reserve goes over to the child,
and where the child is not allowed the parent stays as it was.
"""


from __future__ import annotations

from collections.abc import Sequence

from intended_core.errors import IntendedError, StoreError, TokenError
from intended_core.flows.authorize import AuthorizeOutcome, authorize
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, LoadState, Now, Random, ReadRows
from intended_core.flows.metering import held_key
from intended_core.flows.parent import Parent
from intended_core.flows.redeem import record_refusal
from intended_core.flows.standing import check_data
from intended_core.flows.steps import look_again_if_stale
from intended_core.intent import Intent
from intended_core.meters.shards import Held
from intended_core.tokens.claims import digest_of_canonical
from intended_core.tokens.codec import parse
from intended_core.tokens.holder import HolderProof
from intended_core.tokens.proof import check_holder
from intended_core.tokens.verifier import Expected, VerifiedToken, inspect, verify
from intended_core.unit import Row, RowKey

__all__ = ["attenuate"]


def attenuate(
    context: Context, token: str | bytes, intent: Intent, *, proof: HolderProof | None = None,
    approval_id: str | None = None,
) -> Flow[AuthorizeOutcome]:  # fmt: skip
    """Spend `token` for one that allows `intent`, by the same principal or by one that acts for it.

    `proof`: of the holder's key, where the token is bound to one; the child is bound to the same. `approval_id`: an approved request of
    the child's own; the parent's approvals do not count. Returns Granted (the parent is spent), Pending or Deny (it is not). Raises
    TokenError when the parent is not honoured.
    """
    try:
        parent = yield from _verified(context, token, proof)
    except StoreError as error:
        raise TokenError(f"token.unavailable:{type(error).__name__}") from None
    except TokenError:
        raise
    except IntendedError as error:
        raise TokenError(f"token.unavailable:{type(error).__name__}") from None
    try:
        return (
            yield from authorize(
                context, intent, audience=parent.claims.aud, approval_id=approval_id, holder=parent.claims.cnf,
                parent=parent,
            )
        )  # fmt: skip
    except TokenError as error:  # spent, revoked or changed since it was looked at
        salt: bytes = yield Random(16)
        now_us: int = yield Now()
        yield from record_refusal(context, error.code, parent.claims, salt, now_us)
        raise


def _verified(context: Context, token: str | bytes, proof: HolderProof | None) -> Flow[Parent]:
    state: ScopeState = yield LoadState(context.scope, True)
    now_us: int = yield Now()
    random: bytes = yield Random(32)
    now_s, settings = now_us // 1_000_000, context.settings
    verified: VerifiedToken | None = None
    try:
        parsed = parse(token)
        # Whoever attenuates is no adapter: which one the token is for is read from it, under its signature.
        audience = inspect(parsed, find_key=state.ring.find, now_s=now_s).claims.aud
        verified = verify(
            parsed, expected=Expected(scope=context.scope, issuer=state.issuer, audience=audience),
            find_key=state.ring.find, now_s=now_s, max_life_s=settings.token_life_seconds,
            leeway_s=settings.leeway_seconds,
        )  # fmt: skip
        claims = verified.claims
        if now_s >= claims.exp:
            raise TokenError("token.expired")  # nothing could be issued that expires no later
        if state.policy is None or claims.pol != state.policy.digest:
            yield from look_again_if_stale(context, guards=state.guards)
            raise TokenError("token.policy")
        check_data(state, claims)
        check_holder(verified, proof, text=token, now_s=now_s, leeway_s=settings.leeway_seconds)
        if claims.log is None:
            raise TokenError("token.nonce_mismatch")
        held = yield from _look(context, claims.jti)
    except TokenError as error:
        yield from record_refusal(
            context, error.code, None if verified is None else verified.claims, random[16:], now_us
        )
        raise
    return Parent(
        claims=claims, kid=verified.kid, digest=digest_of_canonical(verified.canonical), issued=claims.log, held=held,
        salt=random[:16],
    )  # fmt: skip


def _look(context: Context, jti: str) -> Flow[Held | None]:
    """What the token holds in reserve; raises TokenError when it is spent already. Asked again under the lock."""
    rows: Sequence[Row] = yield ReadRows(context.scope, (RowKey("nonce", jti), held_key(jti)))
    found = {row.kind: context.mac.check_once(context.scope, row).row for row in rows}
    nonce, held = found.get("nonce"), found.get("meter")
    if nonce is None:
        raise TokenError("token.nonce_unknown")
    if nonce.state != "ISSUED":
        raise TokenError("token.replayed" if nonce.state == "CONSUMED" else f"token.nonce_{nonce.state.lower()}")
    return None if held is None else Held.from_body(held.body)
