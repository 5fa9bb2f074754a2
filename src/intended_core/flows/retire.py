"""retire and compromise: the two ways in which a key stops verifying. Time ends the one, two persons the other, at once.

Both narrow: nothing that was refused before is accepted afterwards. A key that is COMPROMISED while it signs is replaced in the same unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.access.persons import authenticate_all
from intended_core.access.roles import check_permitted
from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url
from intended_core.errors import KeyRingError, UnitRefusedError
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, LoadState, Now, Random
from intended_core.flows.rotate import MAX_LOOKS, due, write_guards
from intended_core.flows.steps import GUARDS_MOVED
from intended_core.flows.tenant import make_key, signing_row
from intended_core.ids import EntityRef
from intended_core.keys.ring import KeyRecord, KeyState, activate, compromise
from intended_core.keys.transitions import compromise_digest
from intended_core.unit import Write

__all__ = ["COMPROMISE_QUORUM", "Compromised", "Retired", "mark_compromised", "retire_due"]

COMPROMISE_QUORUM: Final = 2  # authority.md § 3: two persons


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """The keys that verify nothing any more; none where none was due (`seq` is None then)."""

    retired: tuple[str, ...]
    seq: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compromised:
    """The key that is refused from now on, and the one that signs now."""

    kid: str
    active: str
    seq: int


def retire_due(context: Context) -> Flow[Retired]:
    """Retire every PREVIOUS token key whose time is over. Raises StoreError, or UnitRefusedError when the ring kept changing."""
    for _ in range(MAX_LOOKS):
        state: ScopeState = yield LoadState(context.scope, True)
        now_us: int = yield Now()
        salt: bytes = yield Random(16)
        retiring = due(state.ring, now_us=now_us)
        if not retiring:
            return Retired(retired=(), seq=None)
        kids = tuple(record.kid for record in retiring)
        writes = [Write(signing_row(context, record), record.version - 1) for record in retiring]
        draft = Draft(kind=EventKind.KEY_RETIRED, body={"retired": list(kids)}, salt=salt)
        try:
            return Retired(retired=kids, seq=(yield from write_guards(context, state, writes, draft, now_us, narrows=True)))
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED:
                raise
    raise UnitRefusedError("conflict", "the key ring kept changing; try again")


def mark_compromised(
    context: Context, kid: str, *, signatures: Sequence[tuple[EntityRef, bytes]], algorithm: str | None = None
) -> Flow[Compromised]:
    """Refuse everything that the token key `kid` ever signed, from this unit on, whatever state it was in; there is no way back.

    `signatures`: of two distinct persons over `compromise_digest`. If the key was ACTIVE, the prepared key (or a fresh one, of `algorithm`
    where given) becomes ACTIVE in the same unit. Raises KeyRingError (unknown key, not two persons), AccessDeniedError (a person without
    the right), UnitRefusedError `key_state`.
    """
    for _ in range(MAX_LOOKS):
        state: ScopeState = yield LoadState(context.scope, True)
        try:
            return (yield from _compromise_once(context, state, kid, signatures, algorithm))
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED:
                raise
    raise UnitRefusedError("conflict", "the key ring kept changing; try again")


def _compromise_once(
    context: Context, state: ScopeState, kid: str, signatures: Sequence[tuple[EntityRef, bytes]], algorithm: str | None
) -> Flow[Compromised]:
    record = state.ring.find(kid)
    if record is None or record.purpose != "token":
        raise KeyRingError("there is no token key of this id; `keys list` shows them")
    digest = compromise_digest(context.scope, kid)
    persons = authenticate_all(state.persons, signatures, digest=digest, quorum=COMPROMISE_QUORUM)
    for person in persons:
        check_permitted(state.persons[person.ref], "signing_key.compromise")
    if record.state is KeyState.COMPROMISED:
        raise UnitRefusedError("key_state", "this key is COMPROMISED already")
    replacement: KeyRecord | None = None
    if record.state is KeyState.ACTIVE:
        waiting = state.ring.prepared("token")
        if waiting is None or waiting.algorithm != (algorithm or waiting.algorithm):
            replacement = yield from make_key(
                context, algorithm=algorithm or record.algorithm, purpose="token", state=KeyState.ACTIVE
            )
        else:
            now_us: int = yield Now()
            replacement = activate(waiting, now_us=max(now_us, waiting.changed_us))
    now_us = yield Now()
    salt: bytes = yield Random(16)
    writes = [Write(signing_row(context, compromise(record, now_us=max(now_us, record.changed_us))), record.version)]
    body: dict[str, Json] = {
        "kid": kid, "before": record.state.value, "digest": b64url(digest),
        "persons": [
            [person.ref.type, person.ref.id, b64url(state.persons[person.ref].public_key), b64url(person.signature)]
            for person in persons
        ],
    }  # fmt: skip
    if replacement is not None:
        writes.append(Write(signing_row(context, replacement), replacement.version - 1))
        body |= {
            "active": replacement.kid, "active_key": b64url(replacement.public_der), "active_alg": replacement.algorithm
        }  # fmt: skip
    draft = Draft(kind=EventKind.KEY_COMPROMISED, body=body, salt=salt)
    seq = yield from write_guards(context, state, writes, draft, now_us, narrows=True)
    active = (replacement or state.ring.active("token")).kid
    return Compromised(kid=kid, active=active, seq=seq)
