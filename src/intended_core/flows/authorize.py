"""authorize: decide one intent; only an Allow that is recorded and signed leaves as a token.

Law (authority.md § 0): allow, then record, then sign, then release. Whatever goes wrong on the way is a Deny. A signature that fails
revokes the nonce that was issued for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind, Thread
from intended_core.canonical import Json, b64url
from intended_core.engine.evaluator import decide
from intended_core.engine.metering import meter_uses
from intended_core.errors import IntendedError, IntentError, KeyRingError, StoreError, TokenError, UnitRefusedError
from intended_core.flows.approvals import ApprovedUse, load_approval, use_approval
from intended_core.flows.cache import LoadedEntities, ScopeState
from intended_core.flows.datarows import decision_input
from intended_core.flows.decided import (
    Request,
    decision_body,
    deny,
    escalate,
    open_decided,
    reads_of,
    request_of,
    snapshot_write,
)
from intended_core.flows.denials import record_denial
from intended_core.flows.effects import Commit, Context, Draw, Flow, LoadEntities
from intended_core.flows.metering import METERS_MOVED, meter_rows, read_levels, reserve
from intended_core.flows.obligations import written
from intended_core.flows.outcomes import Granted, Pending, denied
from intended_core.flows.parent import Parent, actors_of
from intended_core.flows.rollback import alarm
from intended_core.flows.rows import NonceRow
from intended_core.flows.signing import sign_token
from intended_core.flows.standing import check_standing, halted_intent
from intended_core.flows.steps import (
    CLOCK_BACK,
    ENTITIES_MOVED,
    GUARDS_MOVED,
    ROLLED_BACK,
    TENANT_CLOSED,
    append_at,
    authentic,
    close_unit,
    commit,
    load_state,
    look_again_if_stale,
    next_head,
    open_head,
    surroundings_of,
    thread_commitment,
)
from intended_core.ids import EntityRef
from intended_core.intent import Grant, Intent
from intended_core.lang.intents import validate_whole
from intended_core.outcome import Allow, Deny, Escalate
from intended_core.quick import maker
from intended_core.tokens.claims import TokenClaims, digest_of_canonical
from intended_core.tokens.elsewhere import DETACHED_LIFE_SECONDS
from intended_core.tokens.holder import HolderKey
from intended_core.tokens.unplaced import draft_claims
from intended_core.unit import Changes, Row, RowKey, Unit, UnitView, Write

__all__ = ["authorize"]

AuthorizeOutcome = Granted | Pending | Deny
NONCE_AND_SALTS: Final = Draw(48)  # 128 bits each for nonce, record and revocation: RFC 8725 § 3.5, audit.md § 1.1
AGAIN: Final = frozenset({GUARDS_MOVED, ENTITIES_MOVED, METERS_MOVED, CLOCK_BACK})
_UNBOUND: Final = "this action discloses: its token is bound to the key of its holder, and no key was named"
_ANOTHER: Final = "the intent does not go on from the principal and chain of the token that it is to be spent for"

_changes: Final = maker(Changes)
_load_entities: Final = maker(LoadEntities)
_unit: Final = maker(Unit)
_write: Final = maker(Write)
_claims: Final = maker(TokenClaims)
_draft: Final = maker(Draft)
_granted: Final = maker(Granted)
_thread: Final = maker(Thread)


def authorize(
    context: Context, intent: Intent, *, audience: str, approval_id: str | None = None, holder: HolderKey | None = None,
    parent: Parent | None = None,
) -> Flow[AuthorizeOutcome]:  # fmt: skip
    """Decide `intent` for the adapter `audience`.

    Returns Granted (an Allow with its token), Pending (an Escalate with its approval id) or Deny. `approval_id` names an approved
    request of exactly this intent; the whole set is evaluated again. `holder`: the key that the token is bound to; without one, an
    action that is marked `@discloses` is denied. `parent`: the token that is spent for this one
    (`flows.attenuate`); only with one, TokenError is raised.
    """
    try:
        for attempt in range(context.settings.state_retries + 1):
            try:
                return (yield from _attempt(context, intent, audience, approval_id, holder, parent, fresh=attempt > 0))
            except UnitRefusedError as refused:
                # A unit that waited longer than the leeway may stand behind a newer record: the next attempt takes the time anew.
                if refused.code not in AGAIN or (refused.code == CLOCK_BACK and attempt == context.settings.state_retries):
                    return (yield from _refused_by_unit(context, intent, refused))
        return (
            yield from record_denial(
                context, intent, denied("conflict", "policy, entities or meters kept changing; try again")
            )
        )
    except TokenError as error:
        if parent is not None:
            raise
        return denied("unavailable", str(error))
    except StoreError as error:
        return denied("unavailable", f"the store did not commit the decision: {error}")
    except IntendedError as error:
        return denied("unavailable", str(error))
    except Exception as error:  # noqa: BLE001 - fail closed: a fault of ours is a denial, named by its class only
        return denied("unavailable", f"internal fault ({type(error).__name__})")


def _refused_by_unit(context: Context, intent: Intent, refused: UnitRefusedError) -> Flow[Deny]:
    if refused.code == CLOCK_BACK:
        return denied("clock", refused.detail)
    if refused.code == "scope_missing":
        return denied("unavailable", "this tenant and environment has no log")
    if refused.code == TENANT_CLOSED:
        return denied("halted", refused.detail)
    if refused.code == ROLLED_BACK:
        yield from alarm(context)
        return (yield from record_denial(context, intent, denied("halted", refused.detail)))
    return (yield from record_denial(context, intent, denied("conflict", refused.detail or refused.code)))


def _attempt(
    context: Context, given: Intent, audience: str, approval_id: str | None, holder: HolderKey | None,
    parent: Parent | None, *, fresh: bool,
) -> Flow[AuthorizeOutcome]:  # fmt: skip
    state: ScopeState = yield load_state(context.scope, fresh)
    if state.policy is None:
        return (yield from _early(context, given, state, denied("default", "no policy set is active")))
    policy = state.policy
    now_us, random = yield NONCE_AND_SALTS
    stopped = None if state.halts.none else halted_intent(state.halts, audience=audience, principals=_named(given))
    if stopped is not None:
        return (yield from _early(context, given, state, stopped))
    if parent is not None:
        yield from check_standing(context, state, parent.claims)
    try:
        intent = validate_whole(policy.schema, context.scope, given)
    except IntentError as error:
        return (yield from _early(context, given, state, denied("intent_invalid", error.problem, place=error.place)))
    if holder is None and policy.schema.actions[intent.action].discloses:
        return (yield from _early(context, given, state, denied("holder_missing", _UNBOUND)))
    if parent is not None and not parent.continues(intent, policy.digest):
        return (yield from _early(context, given, state, denied("chain_missing", _ANOTHER)))
    approvers: frozenset[EntityRef] = frozenset()
    row: Row | None = None
    if approval_id is not None:
        row, approvers = yield from load_approval(context, approval_id)
    refs = intent.references | policy.compiled.constants | state.data.references | approvers
    try:
        entities: LoadedEntities = yield _load_entities(context.scope, refs, fresh)
    except IntentError as error:
        return (yield from _early(context, given, state, denied("error", error.problem, place=error.place)))
    now_ms = now_us // 1000
    beside = surroundings_of(context.scope, state.data)
    levels: Mapping[str, int] | None = None
    if policy.compiled.meters:
        uses = meter_uses(policy.compiled, intent, entities.snapshot, now_ms=now_ms, surroundings=beside)
        if not isinstance(uses, Deny) and uses:
            levels = yield from read_levels(context, uses, without=None if parent is None else parent.held)
    outcome = decide(policy.compiled, intent, entities.snapshot, now_ms=now_ms, surroundings=beside, readings=levels)
    approval: ApprovedUse | None = None
    if row is not None and isinstance(outcome, Escalate):
        try:
            approval = use_approval(
                context, state, policy, intent, entities, row, waiting=outcome, now_us=now_us, audience=audience
            )
        except UnitRefusedError as refused:
            return (yield from _early(context, given, state, denied("conflict", refused.detail), entities))
        outcome = decide(
            policy.compiled, intent, entities.snapshot, now_ms=now_ms, approved=approval.keys, surroundings=beside,
            readings=levels,
        )  # fmt: skip
    request = request_of(
        context=context, state=state, policy=policy, intent=intent, entities=entities, audience=audience, now_us=now_us,
        nonce=b64url(random[:16]), salt=random[16:32], spare=random[32:], approval=approval, levels=levels,
        holder=holder, parent=parent,
    )  # fmt: skip
    if isinstance(outcome, Allow):
        return (yield from _grant(request, outcome))
    if isinstance(outcome, Escalate):
        return (yield from escalate(request, outcome))
    return (yield from deny(request, outcome))


def _early(
    context: Context, given: Intent, state: ScopeState, outcome: Deny, entities: LoadedEntities | None = None
) -> Flow[Deny]:
    """A denial before any rule ran, once the store has confirmed what it rests on."""
    yield from look_again_if_stale(
        context, guards=state.guards, entities=None if entities is None else entities.version
    )
    return (yield from record_denial(context, given, outcome))


def _grant(request: Request, outcome: Allow) -> Flow[AuthorizeOutcome]:
    context, state, intent, uses = request.context, request.state, request.intent, outcome.reservations
    issued_s = request.now_us // 1_000_000
    expires_s = issued_s + context.settings.token_life_seconds
    register = context.settings.register_of(request.audience) if context.settings.detached_registers else "ledger"
    if register != "ledger":
        expires_s = min(expires_s, issued_s + DETACHED_LIFE_SECONDS)
    parent = request.parent
    if parent is not None:
        expires_s = min(expires_s, parent.claims.exp)
    claims = _claims(
        iss=state.issuer, aud=request.audience, sub=intent.principal, tid=context.scope.uuid,
        env=context.scope.environment, iat=issued_s, nbf=issued_s, exp=expires_s,
        jti=request.nonce, reg=register, action=intent.action, resource=intent.resource,
        arh=intent.arh, ith=decision_input(intent.ith, state.data), pol=request.policy.digest, rul=outcome.rules,
        obl=written(outcome.obligations) if outcome.obligations else (),
        apr=() if request.approval is None else (request.approval.approval_id,), log=None,
        act=actors_of(intent) if intent.chain else (), cnf=request.holder,
    )  # fmt: skip
    try:
        drafted = draft_claims(claims)
    except KeyRingError as error:
        return (yield from record_denial(context, intent, denied("unavailable", f"no token can say this: {error}")))
    more: dict[str, Json] = {} if parent is None else {"parent": parent.thread}
    draft = _draft(
        kind=EventKind.DECISION_ALLOW,
        body=decision_body(request, outcome, claims_digest=b64url(drafted.digest), **more),
        thread=_thread(commitment=thread_commitment("token", request.nonce), n=0, previous=None),
        policy_digest=request.policy.digest,
    )

    state_of_nonce = "ISSUED" if register == "ledger" else "DETACHED"

    def decide_unit(view: UnitView) -> Changes:
        head = open_decided(request, view)
        counted: tuple[Write, ...] = ()
        drafts: tuple[Draft, ...] = (draft,)
        if parent is not None:
            head, counted, spent = parent.replaced(
                context, view, head, outcome, nonce=request.nonce, expires_s=expires_s, now_ms=request.now_us // 1000
            )
            drafts = (draft, spent)
        elif uses:
            head, counted = reserve(
                context, view, head, outcome, nonce=request.nonce, expires_s=expires_s, now_ms=request.now_us // 1000,
                detached=register != "ledger",
            )  # fmt: skip
        used: tuple[Write, ...] = ()
        if request.approval is not None:
            head, used = request.approval.spend(context, view, head)
        log, records = append_at(context, head, drafts, now_us=request.now_us)
        seq = records[0].seq
        placed = drafted.placed((head.generation, seq, records[0].leaf))
        nonce = NonceRow.body(
            claims=digest_of_canonical(placed), audience=request.audience, expires_s=expires_s, generation=head.generation, seq=seq
        )
        issued = _write(context.mac.seal_row(context.scope, "nonce", request.nonce, 1, state_of_nonce, nonce), 0)
        writes = (issued, *counted, *snapshot_write(request, view), *used)
        return _changes(next_head(context, view.head, log), writes, records, (seq, placed))

    reads = reads_of(request) if not uses else (*reads_of(request), *meter_rows([use.key for use in uses]))
    if parent is None:
        committed = yield commit(_unit(context.scope, decide_unit, reads))
    else:
        reads = tuple(dict.fromkeys((*reads, *parent.reads)))
        committed = yield commit(_unit(context.scope, decide_unit, reads, (parent.thread,)))
    seq, placed = committed.answer
    try:
        token = yield from sign_token(context, state, placed)
    except Exception as error:  # noqa: BLE001 - fail closed: a fault of ours is a denial, named by its class only
        yield from _revoke(request, seq)
        return denied("unavailable", f"the token could not be signed ({type(error).__name__})")
    return _granted(
        rules=outcome.rules, reasons=outcome.reasons, approvals=outcome.approvals, obligations=outcome.obligations, token=token,
        seq=seq, expires_s=expires_s, intent=intent,
    )  # fmt: skip


def _named(given: Intent) -> list[EntityRef]:
    """The principal, and everybody who stands in its chain."""
    grants = [grant for grant in given.chain if type(grant) is Grant]  # anything else makes the intent invalid
    return [given.principal, *(ref for grant in grants for ref in (grant.issuer, grant.subject))]


def _revoke(request: Request, issued: int) -> Flow[None]:
    """Take the nonce back. Its salt was drawn with the nonce, so that the first effect is the shielded one."""
    context = request.context
    key = RowKey("nonce", request.nonce)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=request.now_us, even_rolled_back=True, any_clock=True)
        row = authentic(context, view, key)
        if row is None or row.state not in ("ISSUED", "DETACHED"):
            raise UnitRefusedError("nonce_state", "the nonce is no longer issued")
        thread = Thread(commitment=thread_commitment("token", request.nonce), n=1, previous=issued)
        draft = Draft(kind=EventKind.TOKEN_SIGN_FAILED, body={"cause": "signature"}, salt=request.spare, thread=thread)
        revoked = context.mac.seal_row(context.scope, "nonce", request.nonce, row.version + 1, "REVOKED", row.body)
        return close_unit(context, view, head, (draft,), now_us=request.now_us, writes=(Write(revoked, row.version),))

    yield Commit(Unit(context.scope, decide_unit, reads=(key,)), shielded=True)
