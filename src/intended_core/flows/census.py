"""census: every entity of a scope, each held against the roster that names it."""

from __future__ import annotations

from collections.abc import Sequence

from intended_core.entities import Entity
from intended_core.errors import StoreCorruptError
from intended_core.flows.effects import Context, Flow, ReadHead, ScanRows
from intended_core.flows.roster import ENTITY_ROSTER, check_shard, shard_key, standing
from intended_core.flows.rows import decode_entity
from intended_core.unit import Head, Row

__all__ = ["list_entities"]

LOOKS = 3  # at rows that others change meanwhile


def list_entities(context: Context) -> Flow[tuple[Entity, ...]]:
    """Every entity that stands, by name. Raises StoreCorruptError when one was edited, taken away or put back."""
    for look in range(LOOKS):
        stored: Head | None = yield ReadHead(context.scope)
        rows: Sequence[Row] = yield ScanRows(context.scope, "entity")
        if stored is None:
            raise StoreCorruptError("the tenant's head row is gone")
        head = context.heads.read(context.mac, context.scope, stored)
        try:
            return _standing([context.mac.check(context.scope, row).row for row in rows], head.entities)
        except StoreCorruptError:
            if look + 1 == LOOKS:
                raise
    raise StoreCorruptError("entities kept changing while they were read")


def _standing(rows: Sequence[Row], version: int) -> tuple[Entity, ...]:
    known = {row.key: row for row in rows}
    shards = standing(known.pop(ENTITY_ROSTER.key, None), version)
    named = {key: standing(known.pop(key, None), at) for key, at in shards.items()}
    for key, row in known.items():
        check_shard(named.get(shard_key(key).key, {}), key, row)
    if len(known) != sum(len(shard) for shard in named.values()):
        raise StoreCorruptError("an entity row was taken away")
    found = [decode_entity(row) for row in known.values() if row.state == "ACTIVE"]
    return tuple(sorted(found, key=lambda entity: entity.ref))
