"""Row 14 of the tampering table: whoever may do everything in the store clears, deletes or revives a tenant that was closed.

They hold the store, its keys and this program. What they do not hold is what the tenant's customer was sent: the proof of the head with which
the log ended.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Final

from intended_core import verify_tenant_log
from intended_core.audit.anchored import encode_proof, verify_slot_proof
from intended_core.audit.attested import known_heads
from intended_core.audit.log import Draft, LogHead, append
from intended_core.audit.record import EventKind
from intended_core.audit.tree import Frontier
from intended_core.audit.verdicts import TrustPolicy
from intended_core.audit.verify import LogIdentity, verify_log
from intended_core.errors import StoreCorruptError
from intended_core.flows.anchor import SLOTS, slot_key
from intended_core.testing.model_store import ScopeData
from tests.reference.audit_world import TenantLog, honest_log
from tests.reference.sealed_world import SealedWorld
from tests.reference.second_verifier import agree
from tests.reference.stretches import agree_range, stretch
from tests.reference.tile_world import fill

SIZE: Final = 40
STOPPED: Final = "epochs are sealed no more"


class _Closed(SealedWorld):
    """A tenant that was closed after some epochs; its customer has the slot proof of its final head."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = self.store.snapshot()
        fill(self.tenant(), SIZE - 1)
        self.authority.anchor.seal()
        self.alive = self.store.snapshot()[self.tenant().scope.key]
        self.authority.close_tenant("acme", reason="the contract ended")
        self.authority.anchor.seal()
        self.authority.anchor.cosign(self.witness, self.witness.key)
        self.proof = self.authority.anchor.prove_slot(self.tenant().scope)
        self.trusted = self.policy()
        self.origin, self.scope = self.tenant().head().origin, self.tenant().scope
        self.authority.anchor.release()
        self.save()

    def put(self, data: ScopeData | None) -> None:
        """Put this in the tenant's place, or take everything of it away; a new process comes up."""
        snapshot = self.store.snapshot()
        if data is None:
            del snapshot[self.scope.key]
        else:
            snapshot[self.scope.key] = data
        self.store.restore(snapshot)
        self.reopen()

    def cut(self, size: int) -> ScopeData:
        """The tenant's log as if it had only ever had so many records, head and tag of its own key."""
        data, context = self.alive, self.tenant().context
        assert data.head is not None
        frontier = Frontier.empty()
        for row in data.records[:size]:
            frontier = frontier.append(row.leaf)
        last = data.records[size - 1].leaf
        head = replace(LogHead.from_state(data.head.state), frontier=frontier, last_leaf=last)
        made = context.heads.write(context.mac, context.scope, data.head.version, head)
        return replace(data, head=made, records=data.records[:size])

    def seals(self) -> str:
        try:
            self.authority.anchor.seal()
        except StoreCorruptError:
            return STOPPED
        return ""


@cache
def _world() -> _Closed:
    return _Closed()


def _here() -> _Closed:
    here = _world()
    here.restore()
    return here


def _deleted(chance: random.Random) -> str:
    """All of it gone, or the head, or the records; the program is asked for the next epoch."""
    here = _here()
    data = here.store.snapshot()[here.scope.key]
    how = chance.randrange(3)
    here.put([None, replace(data, head=None), replace(data, rows={})][how])
    return here.seals()


def _revived(chance: random.Random) -> str:
    """Put back to before it was closed, or further, so that it goes on as if nothing had been."""
    here = _here()
    here.put(here.cut(chance.randrange(3, len(here.alive.records) + 1)))
    if chance.randrange(2):
        fill(here.tenant(), chance.randrange(SIZE, SIZE + 9))
    return here.seals()


def _buried_anew(chance: random.Random) -> str:
    """And the tombstone taken away as well, its row alone or with the row that names it."""
    here = _here()
    here.put(here.cut(chance.randrange(3, len(here.alive.records) + 1)))
    snapshot = here.store.snapshot()
    anchor = here.context.scope.key
    before = here.opened[anchor].rows
    for name in (slot_key(here.scope), SLOTS)[: chance.randrange(1, 3)]:
        snapshot[anchor].rows[name] = before[name]
    here.store.restore(snapshot)
    here.reopen()
    return here.seals()


def _kept(chance: random.Random) -> str:
    """What is left is shown to whoever kept the slot proof: the log shorter, or a log of the same length without its end."""
    here = _here()
    head = verify_slot_proof(here.proof, here.trusted)
    data = here.cut(chance.randrange(2, len(here.alive.records) + 1))
    rows = list(data.records)
    if chance.randrange(2):
        assert data.head is not None
        now = LogHead.from_state(data.head.state)
        drafts = [Draft(kind=EventKind.ACTION_DONE, body={"n": at}, salt=bytes(16)) for at in range(head.opening.size - len(rows))]
        rows += append(now, here.scope, drafts, now_us=now.time_us, writer="w")[1]
    known = known_heads([head], origin=here.origin, genesis=rows[0])
    identity = LogIdentity(origin=here.origin, tenant_uuid=here.scope.uuid, generation=1)
    found = verify_log(rows, identity=identity, heads=known)
    return found.findings[0].code if found.findings else ""


def _after_the_end(chance: random.Random) -> str:
    """Records written after the one that closed the log, by who holds its keys."""
    here = _here()
    data, context = here.store.snapshot()[here.scope.key], here.tenant().context
    assert data.head is not None
    head = LogHead.from_state(data.head.state)
    drafts = [Draft(kind=EventKind.ACTION_DONE, body={"n": at}, salt=bytes(16)) for at in range(chance.randrange(1, 30))]
    more, rows = append(head, here.scope, drafts, now_us=head.time_us, writer="w")
    made = context.heads.write(context.mac, context.scope, data.head.version + 1, replace(more, closed=chance.randrange(2) == 0))
    here.put(replace(data, head=made, records=(*data.records, *rows)))
    found = verify_tenant_log(here.tenant())
    return found.findings[0].code if found.findings else ""


def closed_log(chance: random.Random, *, more: int) -> tuple[TenantLog, int]:
    """A log that ended, and the record with which it did; `more` records were written after it."""
    log = honest_log(4, size=chance.randrange(6, 30), seed=chance.randrange(1000))
    closed = log.add(EventKind.TENANT_CLOSED, {"reason": "the contract ended", "persons": []})
    for at in range(more):
        log.add(EventKind.ACTION_DONE, {"n": at})
    return log, closed


def _shown_after_the_end(chance: random.Random) -> str:
    """The file fits itself and is signed; the record of the end is in it, wherever the stretch stops."""
    log, closed = closed_log(chance, more=chance.randrange(1, 5))
    trust = TrustPolicy(log_keys=(log.key,))
    if chance.random() < 0.3:
        decided = [row.seq for row in log.rows if b'"k":"decision.allow"' in row.entry]
        life = [row.seq for row in log.rows if row.thread == log.rows[decided[-1]].thread]
        findings = agree(log.bundle(decided[-1], life), trust).findings
    else:
        stop = chance.randrange(closed + 1, len(log.rows) + 1)
        data = stretch(log, chance.randrange(closed + 1), stop, bodies=chance.random() < 0.5)
        findings = agree_range(data, trust).findings
    return ", ".join(f.code for f in findings if f.seq == closed + 1)


ON_CLOSINGS: Final[tuple[tuple[int, str, str, Callable[[random.Random], str]], ...]] = (
    (14, "a closed tenant deleted: all of it, its head or its keys; the next epoch is asked for", "I", _deleted),
    (14, "a closed tenant put back to before its end and revived, keys and all", "I", _revived),
    (14, "the same, and its tombstone taken away", "I", _buried_anew),
    (14, "a closed tenant's log cut or written anew before its end, a slot proof was kept", "W", _kept),
    (14, "records written after the end of a closed log, with its keys", "I", _after_the_end),
    (14, "evidence of a stretch, or of a decision, of such a log", "I", _shown_after_the_end),
)


def honest_closing() -> bool:
    """Whether a tenant that was closed honestly is taken for an attack."""
    here = _here()
    found = verify_tenant_log(here.tenant(), proofs=[encode_proof(here.proof)], policy=_policy(here))
    return bool(found.findings) or here.seals() != "" or here.seals() != ""


def _policy(here: SealedWorld) -> bytes:
    return f"log {here.authority.anchor.key()}\nwitness w {here.witness.key}\nquorum w\n".encode()
