"""Rosters: which version of each row that decides stands, so that no row can be taken away, put back or replaced by an older one unseen.

A row's tag says that it is ours, not that it is the newest. The head names a version of guards and one of entities; a roster row stands
at exactly that version and names the versions of the rows (docs/adr/0013 does the same for meters). The guards' roster is one row:
the pointers to policy set and data, keys, persons, secrets, halts. The entities' roster names the versions of shards, and each shard
those of its entities.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from intended_core.audit.log import LogHead
from intended_core.canonical import b64url, pack, parse_canonical
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.effects import Context
from intended_core.flows.steps import authentic
from intended_core.unit import Row, RowKey, UnitView, Write

__all__ = [
    "ENTITY_ROSTER",
    "GUARD_ROSTER",
    "check_guards",
    "check_shard",
    "entity_writes",
    "first_guards",
    "guard_name",
    "guard_row",
    "guard_write",
    "roster_reads",
    "shard_key",
    "standing",
]

GUARD_ROSTER: Final = RowKey("policy", "roster")
ENTITY_ROSTER: Final = RowKey("entity", "roster")
SHARDS: Final = 64  # 100,000 entities are 1,600 names in a shard, about 60 KB to rewrite
MAX_ROSTER_BYTES: Final = 16 * 1024 * 1024
_POINTERS: Final = frozenset({"active", "data"})
_GUARDS: Final = frozenset({"signing_key", "person", "halt", "secret", "draft"})
_CLOSED: Final = frozenset({("draft", "ACTIVE"), ("draft", "WITHDRAWN")})  # nothing rests on these rows any more


def guard_name(row: Row) -> str | None:
    """The name under which the guards' roster holds this row; None when the row is not one of the guards."""
    if row.kind in _GUARDS or (row.kind == "policy" and row.key in _POINTERS):
        return f"{row.kind}:{_name(row.key)}"
    return None


def _name(key: str) -> str:
    # A digest has one spelling of one length, whatever an entity's id holds.
    return b64url(sha256(key.encode("utf-8")).digest())


def shard_key(key: str) -> RowKey:
    """The shard that names an entity row."""
    return RowKey("entity", f"roster:{sha256(key.encode('utf-8')).digest()[0] % SHARDS:02d}")


def roster_reads(keys: Iterable[str]) -> tuple[RowKey, ...]:
    """What a unit reads to change these entity rows."""
    return (ENTITY_ROSTER, *sorted({shard_key(key) for key in keys}, key=lambda item: item.key))


def standing(row: Row | None, version: int) -> dict[str, int]:
    """The versions that a roster row names; the row must stand at `version` (0: there is none). Raises StoreCorruptError."""
    if (0 if row is None else row.version) != version:
        raise StoreCorruptError("a roster is not the one that the head names: it was taken away or put back")
    if row is None:
        return {}
    try:
        body: Any = parse_canonical(row.body, max_bytes=MAX_ROSTER_BYTES)
    except IntentError:
        raise StoreCorruptError("a roster is damaged") from None
    if not isinstance(body, dict) or any(type(item) is not int or item < 1 for item in body.values()):
        raise StoreCorruptError("a roster is damaged")
    return body


def check_guards(roster: Mapping[str, int], rows: Sequence[Row], *, kinds: Sequence[str]) -> None:
    """That `rows` are exactly the guards of these kinds, each at its version; raises StoreCorruptError."""
    wanted = {name: version for name, version in roster.items() if name.partition(":")[0] in kinds}
    found = {guard_name(row): row.version for row in rows}
    if len(found) != len(rows) or found != wanted:
        raise StoreCorruptError("a policy, key, person or halt row is not the one that stands: it was taken away or put back")


def check_shard(shard: Mapping[str, int], key: str, row: Row | None) -> None:
    """That an entity row (or its absence) is what its shard names; raises StoreCorruptError."""
    if shard.get(_name(key), 0) != (0 if row is None else row.version):
        raise StoreCorruptError("an entity row is not the one that stands: it was taken away or put back")


def first_guards(context: Context, writes: Sequence[Write]) -> Write:
    """The guards' roster of a new scope, at version 1."""
    return _roster(context, GUARD_ROSTER, 0, _moved({}, writes))


def guard_write(context: Context, view: UnitView, head: LogHead, writes: Sequence[Write]) -> Write:
    """The guards' roster after `writes`, each of which must replace the row that stands. Raises StoreCorruptError.

    The unit reads GUARD_ROSTER and bumps the guards.
    """
    current = standing(authentic(context, view, GUARD_ROSTER), head.guards)
    for write in writes:
        name = guard_name(write.row)
        if name is not None and current.get(name, 0) != write.replaces:
            raise StoreCorruptError("a policy, key, person or halt row is not the one that stands: it was taken away or put back")
    return _roster(context, GUARD_ROSTER, head.guards, _moved(current, writes))


def guard_row(context: Context, view: UnitView, head: LogHead, key: RowKey) -> Row | None:
    """The guard `key` as it stands under the lock, or None; the unit reads it and GUARD_ROSTER.

    Raises StoreCorruptError when its tag fails or it is not the one that the roster names: it was taken away or put back.
    """
    row = authentic(context, view, key)
    named = standing(authentic(context, view, GUARD_ROSTER), head.guards).get(f"{key.kind}:{_name(key.key)}", 0)
    if named != (0 if row is None else row.version):
        raise StoreCorruptError(f"a {key.kind} row is not the one that stands: it was taken away or put back")
    return row


def _moved(current: Mapping[str, int], writes: Sequence[Write]) -> dict[str, int]:
    changed = {name: write.row.version for write in writes if (name := guard_name(write.row)) is not None}
    closed = {guard_name(write.row) for write in writes if (write.row.kind, write.row.state) in _CLOSED}
    return {name: version for name, version in {**current, **changed}.items() if name not in closed}


def entity_writes(context: Context, view: UnitView, head: LogHead, writes: Sequence[Write]) -> tuple[Write, ...]:
    """Shards and roster after these entity writes; the unit reads `roster_reads` and bumps the entities.

    Each write must replace the row that its shard names. Raises StoreCorruptError.
    """
    versions = standing(authentic(context, view, ENTITY_ROSTER), head.entities)
    shards: dict[RowKey, dict[str, int]] = {}
    made: list[Write] = []
    for write in writes:
        name = shard_key(write.row.key)
        if name not in shards:
            shards[name] = standing(authentic(context, view, name, once=True), versions.get(name.key, 0))
        if shards[name].get(_name(write.row.key), 0) != write.replaces:
            raise StoreCorruptError("an entity row is not the one that stands: it was taken away or put back")
        shards[name][_name(write.row.key)] = write.row.version
    for name, shard in sorted(shards.items(), key=lambda item: item[0].key):
        made.append(_roster(context, name, versions.get(name.key, 0), shard))
        versions[name.key] = made[-1].row.version
    return (*made, _roster(context, ENTITY_ROSTER, head.entities, versions))


def _roster(context: Context, key: RowKey, version: int, names: Mapping[str, int]) -> Write:
    body = pack(dict(sorted(names.items())))
    row = context.mac.seal_row(context.scope, key.kind, key.key, version + 1, "STANDS", body)
    return Write(row, version)
