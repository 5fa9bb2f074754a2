"""write: entities change through the log, like everything else that decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, b64url, digest
from intended_core.entities import Entity
from intended_core.errors import IntentError
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Commit, Context, Flow, LoadState, Now, Random
from intended_core.flows.roster import entity_writes, roster_reads
from intended_core.flows.rows import encode_entity, entity_key
from intended_core.flows.steps import authentic, close_unit, open_head
from intended_core.ids import EntityRef
from intended_core.lang.snapshot import type_entity
from intended_core.unit import Changes, RowKey, Unit, UnitView, Write

__all__ = ["put_entities", "remove_entities"]

MAX_BATCH: Final = 1_000  # one unit holds the writer; larger loads are several units


def put_entities(context: Context, entities: Sequence[Entity]) -> Flow[int]:
    """Insert or replace entities (all or nothing); returns the record's sequence number.

    Each is typed against the active schema first; raises IntentError with the entity and attribute.
    """
    if not 1 <= len(entities) <= MAX_BATCH:
        raise IntentError(f"give 1 to {MAX_BATCH} entities at once", place="entities")
    refs = [entity.ref for entity in entities]
    if len(set(refs)) != len(refs):
        raise IntentError("an entity stands twice", place="entities")
    state: ScopeState = yield LoadState(context.scope, True)  # typed against the set in force, not the one that is remembered
    if state.policy is not None:
        for entity in entities:
            type_entity(state.policy.schema, entity)
    bodies = {entity_key(entity.ref): encode_entity(entity) for entity in entities}
    return (yield from _write(context, bodies, "ACTIVE"))


def remove_entities(context: Context, refs: Sequence[EntityRef]) -> Flow[int]:
    """Remove entities: from now on an intent that needs one is denied. Raises IntentError for an unknown one."""
    if not 1 <= len(refs) <= MAX_BATCH:
        raise IntentError(f"give 1 to {MAX_BATCH} entities at once", place="entities")
    bodies = {entity_key(ref): encode_entity(Entity(ref=ref)) for ref in refs}
    return (yield from _write(context, bodies, "REMOVED"))


def _write(context: Context, bodies: dict[str, bytes], state: str) -> Flow[int]:
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    keys = tuple(RowKey("entity", name) for name in sorted(bodies))

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        writes: list[Write] = []
        for key in keys:
            row = authentic(context, view, key)
            if row is None and state == "REMOVED":
                raise IntentError(f"{key.key} is not there", place="entities")
            version = 0 if row is None else row.version
            sealed = context.mac.seal_row(context.scope, "entity", key.key, version + 1, state, bodies[key.key])
            writes.append(Write(sealed, version))
        body: dict[str, Json] = {
            "state": state,
            "entities": [[key.key, b64url(digest("intended.entity/v1", bodies[key.key]))] for key in keys],
        }
        draft = Draft(kind=EventKind.ENTITY_WRITTEN, body=body, salt=salt)
        writes += entity_writes(context, view, head, writes)
        return close_unit(
            context, view, head, (draft,), now_us=now_us, writes=tuple(writes), bump_entities=True, answer=head.size
        )

    committed = yield Commit(Unit(context.scope, decide_unit, reads=(*keys, *roster_reads(bodies))))
    seq: int = committed.answer
    return seq
