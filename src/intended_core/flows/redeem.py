"""redeem: verify a token, bind it to the call that is about to run, consume its nonce once, and only then let anything act.

Refusals before the signature check write nothing but a counter. Refusals after it are records with a code of their own. Outside there
is one TokenError for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind, Thread, pack_body
from intended_core.canonical import Json, b64url
from intended_core.errors import IntendedError, IntentError, StoreError, TokenError, UnitRefusedError
from intended_core.flows.attempts import attempt_id
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Commit, Context, Draw, Flow
from intended_core.flows.refusals import REFUSAL_UNWRITTEN, UNRECORDED, count_refusal
from intended_core.flows.rollback import alarm, heed_token
from intended_core.flows.rows import NonceRow
from intended_core.flows.spending import still_issued
from intended_core.flows.standing import check_claims, check_data
from intended_core.flows.steps import (
    CLOCK_BACK,
    GUARDS_MOVED,
    ROLLED_BACK,
    close_unit,
    commit,
    load_state,
    look_again_if_stale,
    open_head,
    thread_commitment,
)
from intended_core.ids import Scope
from intended_core.intent import Call, ValidCall
from intended_core.lang.intents import validate_call
from intended_core.quick import maker
from intended_core.tokens.claims import TokenClaims
from intended_core.tokens.codec import parse
from intended_core.tokens.holder import HolderProof
from intended_core.tokens.proof import check_holder
from intended_core.tokens.redeemed import RedeemedToken
from intended_core.tokens.verifier import BoundToken, Expected, VerifiedToken, bind, inspect, verify
from intended_core.unit import Changes, RowKey, Unit, UnitView, Write

__all__ = ["record_refusal", "redeem"]

# What a newer policy set, key ring or list of halts could change; every other refusal stands whatever else has happened.
MAY_BE_STALE = frozenset({"token.key_unknown", "token.key_state", "token.binding", "token.policy", "token.halted", "token.revoked"})


ATTEMPT_AND_SALT: Final = Draw(32)  # 128 bits for each: authority.md § 2, audit.md § 1.1
_redeemed: Final = maker(RedeemedToken)
_unit: Final = maker(Unit)
_write: Final = maker(Write)
_key: Final = maker(RowKey)
_draft: Final = maker(Draft)
_thread: Final = maker(Thread)


@lru_cache(maxsize=1024)
def _expected(scope: Scope, issuer: str, audience: str) -> Expected:
    return Expected(scope=scope, issuer=issuer, audience=audience)


def redeem(
    context: Context, token: str | bytes, call: Call, *, audience: str, attempt: str | None = None,
    proof: HolderProof | None = None, admit: Callable[[ScopeState], None] | None = None,
) -> Flow[RedeemedToken]:  # fmt: skip
    """Consume `token` for exactly `call` at the adapter `audience`.

    `attempt`: the attempt id that the caller chose beforehand; without one the flow makes one. `proof`: of the holder's key, where the
    token is bound to one. `admit`: raises TokenError where whoever asks may not redeem in this state, which is the one that the unit's
    guards are compared with.

    Returns RedeemedToken, whose `call` is what may run, once. Raises TokenError for everything else.
    """
    try:
        if context.settings.detached_registers and context.settings.register_of(audience) != "ledger":
            raise TokenError("token.register")  # another register counts this adapter's tokens, and only one may
        chosen = None if attempt is None else attempt_id(attempt)
        for again in range(context.settings.state_retries + 1):
            try:
                return (yield from _attempt(context, token, call, audience, chosen, proof, admit, fresh=again > 0))
            except UnitRefusedError as refused:
                # A unit that waited longer than the leeway may stand behind a newer record: the next attempt takes the time anew.
                late = refused.code == CLOCK_BACK and again < context.settings.state_retries
                if refused.code == ROLLED_BACK:
                    yield from alarm(context)
                if refused.code != GUARDS_MOVED and not late:
                    raise TokenError(_code_of(refused)) from None
        raise TokenError("token.conflict")
    except StoreError as error:
        raise TokenError(f"token.unavailable:{type(error).__name__}") from None
    except TokenError:
        raise
    except IntendedError as error:
        raise TokenError(f"token.unavailable:{type(error).__name__}") from None


def _code_of(refused: UnitRefusedError) -> str:
    return "token.clock" if refused.code == CLOCK_BACK else f"token.{refused.code}"


def _attempt(
    context: Context, token: str | bytes, given: Call, audience: str, chosen: str | None, proof: HolderProof | None,
    admit: Callable[[ScopeState], None] | None, *, fresh: bool,
) -> Flow[RedeemedToken]:  # fmt: skip
    state: ScopeState = yield load_state(context.scope, fresh)
    now_us, random = yield ATTEMPT_AND_SALT
    attempt, salt = b64url(random[:16]) if chosen is None else chosen, random[16:]
    if admit is not None:
        admit(state)
    if state.policy is None:
        yield from look_again_if_stale(context, guards=state.guards)
        raise TokenError("token.no_policy")
    verified: VerifiedToken | None = None
    call: ValidCall | None = None
    try:
        verified = verify(
            parse(token), expected=_expected(context.scope, state.issuer, audience),
            find_key=state.ring.find, now_s=now_us // 1_000_000, max_life_s=context.settings.token_life_seconds,
            leeway_s=context.settings.leeway_seconds,
        )  # fmt: skip
        if not state.halts.none:
            check_claims(state.halts, verified.claims)
        try:
            call = validate_call(state.policy.schema, context.scope, given)
        except IntentError:
            raise TokenError("token.binding") from None
        bound = bind(verified, call.arh)
        if bound.claims.pol != state.policy.digest:
            raise TokenError("token.policy")
        check_data(state, bound.claims)
        if proof is not None or bound.claims.cnf is not None:
            check_holder(
                bound, proof, text=token, now_s=now_us // 1_000_000, leeway_s=context.settings.leeway_seconds
            )
    except TokenError as error:
        if error.code in MAY_BE_STALE:
            yield from look_again_if_stale(context, guards=state.guards)
        claims = _signed_claims(state, token, now_us) if verified is None else verified.claims
        yield from record_refusal(context, error.code, None if verified is None else claims, salt, now_us)
        if claims is not None:
            yield from heed_token(context, claims)
        raise
    try:
        committed = yield commit(_consumption(context, state, bound, attempt, salt, now_us), True)
    except TokenError as error:
        yield from record_refusal(context, error.code, bound.claims, salt, now_us)
        yield from heed_token(context, bound.claims)
        raise
    return _redeemed(call=call, claims=bound.claims, attempt_id=attempt, seq=committed.answer)


def _signed_claims(state: ScopeState, token: str | bytes, now_us: int) -> TokenClaims | None:
    """What a token says that was refused for its times or its place, once its signature holds: it may know a newer log."""
    try:
        return inspect(parse(token), find_key=state.ring.find, now_s=now_us // 1_000_000).claims
    except TokenError:
        return None


def _consumption(
    context: Context, state: ScopeState, bound: BoundToken, attempt: str, salt: bytes, now_us: int
) -> Unit:
    """The unit that spends the nonce, once, and answers where its record stands."""
    claims = bound.claims
    issued = claims.log
    if issued is None:
        raise TokenError("token.nonce_mismatch")
    generation, seq, _ = issued
    key = _key("nonce", claims.jti)
    commitment = thread_commitment("token", claims.jti)
    thread = b64url(commitment)
    # The row must say exactly this: one comparison of bytes instead of reading it member by member.
    wanted = NonceRow.body(
        claims=bound.digest, audience=claims.aud, expires_s=claims.exp, generation=generation, seq=seq
    )
    spent = NonceRow.spent(wanted, attempt)
    body: dict[str, Json] = {
        "claims_digest": b64url(bound.digest),
        "attempt": attempt,
        "audience": claims.aud,
        "kid": bound.kid,
    }
    draft = _draft(
        kind=EventKind.TOKEN_CONSUMED,
        body=pack_body(body, salt=salt),
        thread=_thread(commitment=commitment, n=1, previous=seq),
        policy_digest=claims.pol,
    )

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards)
        row = still_issued(context, view, head, key, wanted=wanted, issued=issued, thread=thread)
        consumed = context.mac.seal_row(context.scope, "nonce", claims.jti, row.version + 1, "CONSUMED", spent)
        return close_unit(
            context, view, head, (draft,), now_us=now_us, writes=(_write(consumed, row.version),), answer=head.size
        )

    return _unit(context.scope, decide_unit, (key,), (thread,))


def record_refusal(context: Context, code: str, claims: TokenClaims | None, salt: bytes, now_us: int) -> Flow[None]:
    """Record why a token was not honoured; what was refused before its signature was checked is counted."""
    if code in UNRECORDED:
        yield from count_refusal(context, code, salt=salt, now_us=now_us)
        return
    kind = EventKind.REPLAY_REFUSED if code == "token.replayed" else EventKind.TOKEN_REFUSED
    body = {"code": code}
    if claims is not None:
        # The nonce itself stays out of the log: its commitment is enough to find the life it belongs to.
        body["token"] = b64url(thread_commitment("token", claims.jti))
        body["audience"] = claims.aud

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True)
        draft = Draft(kind=kind, body=body, salt=salt)
        return close_unit(context, view, head, (draft,), now_us=now_us)

    try:
        yield Commit(Unit(context.scope, decide_unit))
    except (StoreError, UnitRefusedError):
        context.refusals.keep(REFUSAL_UNWRITTEN, now_us)  # the refusal stands either way; that there was one is recorded later
