"""rotate: the prepared token key becomes ACTIVE, the old one PREVIOUS with its private key destroyed; exactly one rotator wins.

Many processes may rotate at once: each reads which key is ACTIVE and replaces exactly that one. Whoever finds it replaced adopts the key
that the winner activated, and changes nothing. Nobody's intent waits: a key is made before the unit, and ahead of it by `prepare`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url
from intended_core.errors import UnitRefusedError
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, Random, Sign
from intended_core.flows.roster import GUARD_ROSTER, guard_write
from intended_core.flows.steps import GUARDS_MOVED, close_unit, open_head
from intended_core.flows.tenant import make_key, signing_row
from intended_core.keys.ring import KeyRecord, KeyRing, KeyState, activate, demote, retire, withdraw
from intended_core.keys.transitions import Step, transition_message
from intended_core.unit import Changes, Unit, UnitView, Write

__all__ = ["MAX_LOOKS", "Prepared", "Rotated", "due", "prepare", "rotate", "vouch", "write_guards"]

MAX_LOOKS = 8  # at a key ring that others change meanwhile; then it is said, and the operator tries again


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """The key that signs now, the key that stopped, and the keys that were retired on the way.

    `state`: "rotated" by this call, or "adopted": another rotator replaced `previous` first, and this one changed nothing. `seq`: the
    record's place in the log; None where adopted. `prepared`: the key that is next, where one was made ahead.
    """

    active: str
    previous: str
    retired: tuple[str, ...]
    seq: int | None
    state: Literal["rotated", "adopted"] = "rotated"
    prepared: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The key that becomes ACTIVE next. `state`: "prepared" by this call, or "adopted": it was there already (`seq` is None then)."""

    kid: str
    algorithm: str
    seq: int | None
    state: Literal["prepared", "adopted"] = "prepared"


def rotate(context: Context, *, algorithm: str | None = None) -> Flow[Rotated]:
    """Replace the ACTIVE token key by one of `algorithm` (None: of the same): the prepared one, else a fresh one.

    PREVIOUS verifies for the longest token life, the leeway on both sides and the age that others may keep a key set; then it retires, at
    the latest at a later rotation. Raises KeyRingError, StoreError, or UnitRefusedError `conflict` when the ring kept changing.
    """
    replaced = ""
    for _ in range(MAX_LOOKS):
        state: ScopeState = yield LoadState(context.scope, True)
        current = state.ring.active("token")
        if replaced and current.kid != replaced:
            return Rotated(active=current.kid, previous=replaced, retired=(), seq=None, state="adopted")
        replaced = current.kid
        try:
            return (yield from _rotate_once(context, state, current, algorithm or current.algorithm))
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED:
                raise
    raise UnitRefusedError("conflict", "the key ring kept changing; try again")


def _rotate_once(context: Context, state: ScopeState, current: KeyRecord, algorithm: str) -> Flow[Rotated]:
    waiting = state.ring.prepared("token")
    if waiting is not None and waiting.algorithm == algorithm:
        now_us: int = yield Now()
        fresh = activate(waiting, now_us=now_us)
    else:
        fresh = yield from make_key(context, algorithm=algorithm, purpose="token", state=KeyState.ACTIVE)
        now_us = yield Now()
    settings = context.settings
    overlap_us = (settings.token_life_seconds + 2 * settings.leeway_seconds + settings.jwks_age_seconds) * 1_000_000
    demoted = demote(current, now_us=now_us, retire_us=now_us + overlap_us)
    retiring = due(state.ring, now_us=now_us)
    signed = yield from vouch(context, "rotated", old=current, new=fresh, at_us=now_us)
    salt: bytes = yield Random(16)
    # The key that stops comes first: at no moment does a store hold two ACTIVE ones.
    writes = [Write(signing_row(context, demoted), current.version)]
    writes += [Write(signing_row(context, record), record.version - 1) for record in retiring]
    writes += _withdrawn(context, state.ring, but=fresh.kid, now_us=now_us)
    writes.append(Write(signing_row(context, fresh), fresh.version - 1))
    retired = tuple(record.kid for record in retiring)
    body: dict[str, Json] = {
        "active": fresh.kid, "active_key": b64url(fresh.public_der), "active_alg": fresh.algorithm, "previous": current.kid,
        "retired": list(retired), **signed,
    }  # fmt: skip
    seq = yield from write_guards(context, state, writes, Draft(kind=EventKind.KEY_ROTATED, body=body, salt=salt), now_us)
    return Rotated(active=fresh.kid, previous=current.kid, retired=retired, seq=seq)


def prepare(context: Context, *, algorithm: str | None = None) -> Flow[Prepared]:
    """Make the next token key ahead: PRE_ACTIVE, published in the key set, not signing. One that is there already is adopted.

    `algorithm`: of the next key; None as the ACTIVE one. A prepared key of another algorithm is withdrawn. Raises as `rotate`.
    """
    for _ in range(MAX_LOOKS):
        state: ScopeState = yield LoadState(context.scope, True)
        wanted = algorithm or state.ring.active("token").algorithm
        waiting = state.ring.prepared("token")
        if waiting is not None and waiting.algorithm == wanted:
            return Prepared(kid=waiting.kid, algorithm=wanted, seq=None, state="adopted")
        try:
            return (yield from _prepare_once(context, state, wanted))
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED:
                raise
    raise UnitRefusedError("conflict", "the key ring kept changing; try again")


def _prepare_once(context: Context, state: ScopeState, algorithm: str) -> Flow[Prepared]:
    fresh: KeyRecord = yield from make_key(context, algorithm=algorithm, purpose="token", state=KeyState.PRE_ACTIVE)
    now_us: int = yield Now()
    signed = yield from vouch(context, "generated", old=state.ring.active("token"), new=fresh, at_us=now_us)
    salt: bytes = yield Random(16)
    writes = _withdrawn(context, state.ring, but=fresh.kid, now_us=now_us)
    writes.append(Write(signing_row(context, fresh), 0))
    body: dict[str, Json] = {"kid": fresh.kid, "key": b64url(fresh.public_der), "alg": fresh.algorithm, **signed}
    seq = yield from write_guards(context, state, writes, Draft(kind=EventKind.KEY_GENERATED, body=body, salt=salt), now_us)
    return Prepared(kid=fresh.kid, algorithm=algorithm, seq=seq)


def due(ring: KeyRing, *, now_us: int) -> list[KeyRecord]:
    """The PREVIOUS token keys whose time is over, RETIRED."""
    return [
        retire(record, now_us=now_us)
        for record in ring.records
        if record.purpose == "token"
        and record.state is KeyState.PREVIOUS
        and record.retire_us is not None
        and record.retire_us <= now_us
    ]


def vouch(context: Context, step: Step, *, old: KeyRecord, new: KeyRecord, at_us: int) -> Flow[dict[str, Json]]:
    """Both keys' signatures over this step, checked under their public keys: the members `at_us` and `signed` of its record."""
    message = transition_message(context.scope, step, old=old.kid, new=new.kid, at_us=at_us)
    signed: dict[str, Json] = {}
    for name, record in (("old", old), ("new", new)):
        # A prepared key shows here that its private half opens and signs; what it may sign besides, its record's state says.
        signer = activate(record, now_us=at_us) if record.state is KeyState.PRE_ACTIVE else record
        signature: bytes = yield Sign(context.scope, signer, message)
        record.public_key().verify(signature, message)
        signed[name] = b64url(signature)
    return {"at_us": at_us, "signed": signed}


def _withdrawn(context: Context, ring: KeyRing, *, but: str, now_us: int) -> list[Write]:
    """Every other prepared token key, RETIRED before it signed anything."""
    return [
        Write(signing_row(context, withdraw(record, now_us=now_us)), record.version)
        for record in ring.records
        if record.purpose == "token" and record.state is KeyState.PRE_ACTIVE and record.kid != but
    ]


def write_guards(
    context: Context, state: ScopeState, writes: list[Write], draft: Draft | None, now_us: int, *, narrows: bool = False
) -> Flow[int]:
    """One record and these guard rows, in the unit of exactly the state that was read; returns the record's place in the log.

    No record (`draft` None) for the anchor log, whose records are epochs, and for a log that was closed. `narrows`: what only takes
    away goes on in a store that was rolled back, and waits for no clock. Raises UnitRefusedError `guards_moved` when that state is not
    the one that stands any more.
    """

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(
            context, view, now_us=now_us, guards=state.guards, even_rolled_back=narrows, any_clock=narrows, even_closed=draft is None
        )
        every = (*writes, guard_write(context, view, head, writes))
        drafts = () if draft is None else (draft,)
        return close_unit(context, view, head, drafts, now_us=now_us, writes=every, bump_guards=True, answer=head.size)

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(GUARD_ROSTER,)))
    seq: int = committed.answer
    return seq
