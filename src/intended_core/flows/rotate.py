"""rotate: a new token key becomes ACTIVE, the old one PREVIOUS with its private key destroyed; exactly one rotator wins."""

from __future__ import annotations

from dataclasses import dataclass

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.canonical import b64url
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, Random
from intended_core.flows.roster import GUARD_ROSTER, guard_write
from intended_core.flows.steps import close_unit, open_head
from intended_core.flows.tenant import make_key, signing_row
from intended_core.keys.ring import KeyState, demote, retire
from intended_core.unit import Changes, Unit, UnitView, Write

__all__ = ["Rotated", "rotate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """The key that signs now, the key that stopped, and the keys that were retired on the way."""

    active: str
    previous: str
    retired: tuple[str, ...]
    seq: int


def rotate(context: Context, *, algorithm: str | None = None) -> Flow[Rotated]:
    """Replace the ACTIVE token key by one of `algorithm` (None: of the same).

    Raises UnitRefusedError `guards_moved` when another process rotated first.

    PREVIOUS verifies for the longest token life plus leeway, then retires at a later rotation.
    """
    state: ScopeState = yield LoadState(context.scope, True)
    current = state.ring.active("token")
    fresh = yield from make_key(
        context, algorithm=algorithm or current.algorithm, purpose="token", state=KeyState.ACTIVE
    )
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    settings = context.settings
    overlap_us = (settings.token_life_seconds + 2 * settings.leeway_seconds) * 1_000_000
    demoted = demote(current, now_us=now_us, retire_us=now_us + overlap_us)
    retiring = [
        retire(record, now_us=now_us)
        for record in state.ring.records
        if record.purpose == "token"
        and record.state is KeyState.PREVIOUS
        and record.retire_us is not None
        and record.retire_us <= now_us
    ]

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, guards=state.guards)
        writes = [Write(signing_row(context, demoted), current.version)]
        writes += [Write(signing_row(context, record), record.version - 1) for record in retiring]
        writes.append(Write(signing_row(context, fresh), 0))
        writes.append(guard_write(context, view, head, writes))
        draft = Draft(
            kind=EventKind.KEY_ROTATED,
            body={
                "active": fresh.kid, "active_key": b64url(fresh.public_der), "active_alg": fresh.algorithm,
                "previous": current.kid,
                "retired": [record.kid for record in retiring],
            },
            salt=salt,
        )  # fmt: skip
        return close_unit(
            context, view, head, (draft,), now_us=now_us, writes=tuple(writes), bump_guards=True, answer=head.size
        )

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(GUARD_ROSTER,)))
    return Rotated(
        active=fresh.kid, previous=current.kid, retired=tuple(record.kid for record in retiring), seq=committed.answer
    )
