"""close: a tenant environment ends. Its last record says who ended it and why; nothing is granted, redeemed or written in it any more.

The head says that it is closed, under its tag, so that every unit of every process refuses from the commit on (`steps.open_head`). In the
anchor log the tenant's slot becomes a tombstone: a row that hangs on the anchor's head and names the final head. From then on every epoch
shows exactly that head at the slot; a log that is gone, shorter, longer or another one stops the sealing of epochs (`seats.picture`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url, digest
from intended_core.errors import UnitRefusedError
from intended_core.flows.again import again
from intended_core.flows.anchor import SLOTS, Slots, Tombstone, slot_key, slot_of, tombstone_of
from intended_core.flows.effects import Commit, Context, Flow, Now, Random
from intended_core.flows.evidence import authentic_head
from intended_core.flows.governance import governed_under_lock, read_persons
from intended_core.flows.halt import Signatures, person_keys, signed_under_lock, signers_json
from intended_core.flows.haltrows import reason_text
from intended_core.flows.roster import GUARD_ROSTER
from intended_core.flows.steps import authentic, close_unit, open_head
from intended_core.ids import Scope
from intended_core.persons import AuthenticatedPerson
from intended_core.unit import Changes, Committed, Row, Unit, UnitView, Write

__all__ = ["ClosedTenant", "bury", "close_tenant", "closing_digest", "tombstone_for"]

QUORUM = 2  # docs/adr/0025: one hand until there is an admin, then two persons


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTenant:
    """A tenant environment that is closed: its last record, and how many it holds."""

    seq: int
    size: int


def closing_digest(scope: Scope, *, generation: int, reason: str) -> bytes:
    """What two persons sign (32 bytes) to close this tenant environment for good."""
    return digest(
        "intended.closing/v1", scope.uuid.encode("ascii"), scope.environment.encode("ascii"), generation.to_bytes(8, "big"),
        reason_text(reason).encode("utf-8"),
    )  # fmt: skip


def close_tenant(context: Context, *, reason: str, signatures: Signatures) -> Flow[ClosedTenant]:
    """Close it. Where it has an admin, two distinct registered persons sign `closing_digest`; until then whoever holds the store is enough.

    Raises KeyRingError, AccessDeniedError, IntentError, StoreError, and UnitRefusedError `tenant_closed` where it is closed already.
    """
    why = reason_text(reason)

    def once(_: bool) -> Flow[ClosedTenant]:
        return (yield from _close(context, why, signatures, (yield from read_persons(context))))

    return (yield from again(context, once, what="policy, keys or persons"))


def _close(context: Context, why: str, signatures: Signatures, persons: Sequence[Row]) -> Flow[ClosedTenant]:
    now_us: int = yield Now()
    salt: bytes = yield Random(16)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        asked = closing_digest(context.scope, generation=head.generation, reason=why)
        signers: tuple[AuthenticatedPerson, ...] = ()
        if governed_under_lock(context, view, head, persons) or signatures:
            signers = signed_under_lock(
                context, view, head, signatures, digest=asked, quorum=QUORUM, permission="tenant.close"
            )
        body: dict[str, Json] = {
            "reason": why, "digest": b64url(asked), "persons": signers_json(view, signers),
            "stood": {"generation": head.generation, "size": head.size, "root": b64url(head.frontier.root())},
        }  # fmt: skip
        draft = Draft(kind=EventKind.TENANT_CLOSED, body=body, salt=salt)
        made = ClosedTenant(seq=head.size, size=head.size + 1)
        return close_unit(context, view, replace(head, closed=True), (draft,), now_us=now_us, bump_guards=False, answer=made)

    reads = (GUARD_ROSTER, *person_keys(signatures))
    committed: Committed = yield Commit(Unit(context.scope, decide_unit, reads=reads), shielded=True)
    done: ClosedTenant = committed.answer  # type: ignore[assignment]
    return done


def tombstone_for(context: Context) -> Flow[Tombstone | None]:
    """What a closed log's slot shows from now on; None for a log that goes on. `context` is the tenant's."""
    head: LogHead = yield from authentic_head(context)
    return Tombstone(generation=head.generation, size=head.size, root=head.frontier.root()) if head.closed else None


def bury(context: Context, tenant: Scope, stone: Tombstone) -> Flow[None]:
    """Make the slot of `tenant` a tombstone, once. `context` is the anchor's. Raises UnitRefusedError `slot_closed` for another stone."""
    now_us: int = yield Now()
    name = slot_key(tenant)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        taken = authentic(context, view, SLOTS)
        slots = Slots.from_row(taken, version=head.entities)
        known = authentic(context, view, name)
        if known is None:
            raise UnitRefusedError("slot_unknown", "this tenant has no slot in the epochs")
        before = tombstone_of(known)
        if before is not None:
            if before != stone:
                raise UnitRefusedError("slot_closed", "this tenant was closed with another head")
            return close_unit(context, view, head, (), now_us=now_us)
        slot = slot_of(known)
        made = context.mac.seal_row(context.scope, name.kind, name.key, known.version + 1, "CLOSED", stone.to_body(slot))
        after = replace(slots, closed=slots.closed | 1 << slot).to_body()
        moved = context.mac.seal_row(context.scope, SLOTS.kind, SLOTS.key, head.entities + 1, "STANDS", after)
        writes = (Write(made, known.version), Write(moved, head.entities))
        return close_unit(context, view, head, (), now_us=now_us, writes=writes, bump_entities=True)

    yield Commit(Unit(context.scope, decide_unit, reads=(SLOTS, name)))
