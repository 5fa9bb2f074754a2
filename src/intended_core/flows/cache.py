"""What a process remembers of a scope: the authenticated policy, keys and persons at one guard version, entities at one version.

Nothing here decides alone: every unit compares these versions with the head under the lock, so a stale cache costs a retry, never an
answer.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from intended_core.audit.log import LogHead
from intended_core.canonical import b64url, parse_canonical
from intended_core.engine.canary import check_action
from intended_core.entities import Entity, EntitySnapshot
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.datarows import (
    DATA_POINTER,
    NO_CONTENT,
    StoredData,
    content_key,
    decode_pointer,
    named_content,
    pointer_since,
    typed_content,
)
from intended_core.flows.haltrows import Halts, gather
from intended_core.flows.pointer import PolicyPointer
from intended_core.flows.policycache import cache_key, cached_set
from intended_core.flows.roster import ENTITY_ROSTER, GUARD_ROSTER, check_guards, check_shard, shard_key, standing
from intended_core.flows.rows import decode_entity, decode_person, entity_key, references_of
from intended_core.ids import EntityRef, Scope
from intended_core.keys.ring import KeyRecord, KeyRing
from intended_core.keys.rowmac import RowMac
from intended_core.lang.checker import check
from intended_core.lang.compiler import CompiledPolicySet, compile_kept, compile_set
from intended_core.lang.data import NO_DATA, DataSnapshot
from intended_core.lang.frozen_codec import FrozenError
from intended_core.lang.keptset import KeptSet
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet
from intended_core.lang.types import Schema
from intended_core.persons import Person
from intended_core.ports import EntityProvider, Storage
from intended_core.unit import Row, RowKey

__all__ = [
    "ActivePolicy",
    "EntityCache",
    "LoadedEntities",
    "ScopeState",
    "StateCache",
    "compile_policy",
    "decode_sources",
]

MAX_POLICY_BYTES: Final = 16 * 1024 * 1024  # 10,000 rules are about 3 MB
MAX_CLOSURE: Final = 10_000  # entities that one decision may reach
MAX_CACHED_SNAPSHOTS: Final = 4_096
MAX_LOOKS: Final = 5  # at rows that others change meanwhile; then it is said, and the caller tries again
_POINTER: Final = RowKey("policy", "active")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePolicy:
    """The policy set that the tenant's pointer names. `whole`: what answers `checked`; a set opened from its kept form is read then."""

    compiled: CompiledPolicySet
    digest: bytes
    whole: Callable[[], CheckedPolicySet]

    @property
    def schema(self) -> Schema:
        """The schema alone, at no cost: what every decision needs."""
        return self.compiled.schema

    @property
    def checked(self) -> CheckedPolicySet:
        """The whole checked set. StoreCorruptError where its kept form cannot be read."""
        try:
            return self.whole()
        except FrozenError:
            raise StoreCorruptError("the kept form of the active policy set cannot be read") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeState:
    """Policy, keys, persons, halts and the values of params and tables (`data`) as they stood at guard version `guards`.

    `data_since`: the record from which on these values are in force; 0 where the active set reads none.
    """

    guards: int
    policy: ActivePolicy | None
    ring: KeyRing
    persons: Mapping[EntityRef, Person]
    origin: str
    issuer: str
    generation: int
    halts: Halts
    data: DataSnapshot = NO_DATA
    data_since: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedEntities:
    """A typed snapshot and the entity version it was read at (None when a foreign provider gave it)."""

    version: int | None
    snapshot: TypedSnapshot


class StateCache:
    """Loads and keeps `ScopeState`s. Thread-safe; bounded by the number of scopes that a process opens."""

    __slots__ = ("_lock", "_making", "_monotonic", "_policies", "_spent", "_states", "_storage", "_values")

    def __init__(self, storage: Storage, *, monotonic: Callable[[], float] = lambda: 0.0) -> None:
        self._storage = storage
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._spent = threading.local()
        self._states: dict[str, ScopeState] = {}
        self._policies: OrderedDict[tuple[str, bytes], ActivePolicy] = OrderedDict()
        self._values: dict[str, tuple[tuple[bytes, bytes | None], DataSnapshot]] = {}

    def get(self, scope: Scope, mac: RowMac, *, fresh: bool) -> ScopeState:
        """The state in force; read from the store when `fresh` or not yet known. Raises StoreError, KeyRingError."""
        if not fresh:
            known = self._states.get(scope.key)
            if known is not None:
                return known
        self._spent.seconds = 0.0
        state = self._load(scope, mac)
        with self._lock:
            self._states[scope.key] = state
        return state

    def _load(self, scope: Scope, mac: RowMac) -> ScopeState:
        head = _head(self._storage, scope, mac)
        for _ in range(MAX_LOOKS):
            try:
                return self._at(scope, mac, head)
            except StoreCorruptError:
                again = _head(self._storage, scope, mac)
                if again.guards == head.guards:
                    raise
                head = again  # somebody changed a guard while it was read
        raise StoreCorruptError("policy, keys, persons or halts kept changing while they were read")

    def _at(self, scope: Scope, mac: RowMac, head: LogHead) -> ScopeState:
        keys = self._rows(scope, mac, "signing_key")
        persons = self._rows(scope, mac, "person")
        halts = self._rows(scope, mac, "halt")
        found = self._storage.read(scope, [_POINTER, DATA_POINTER, GUARD_ROSTER])
        rows = {row.key: mac.check(scope, row).row for row in found}
        pointer, values = rows.get(_POINTER.key), rows.get(DATA_POINTER.key)
        guards = [*keys, *persons, *halts, *(row for row in (pointer, values) if row is not None)]
        check_guards(standing(rows.get(GUARD_ROSTER.key), head.guards), guards, kinds=("signing_key", "person", "policy", "halt"))
        known = [decode_person(row) for row in persons if row.state == "ACTIVE"]
        policy = None if pointer is None else self._policy(scope, mac, pointer)
        data = NO_DATA if policy is None else self._data(scope, mac, policy, values)
        return ScopeState(
            guards=head.guards,
            policy=policy,
            ring=KeyRing([KeyRecord.from_body(row.body, version=row.version) for row in keys]),
            persons={person.ref: person for person in known},
            origin=head.origin,
            issuer=head.issuer,
            generation=head.generation,
            halts=gather(halts),
            data=data,
            data_since=0 if data is NO_DATA or values is None else pointer_since(values),
        )

    def _data(self, scope: Scope, mac: RowMac, policy: ActivePolicy, pointer: Row | None) -> DataSnapshot:
        schema = policy.schema
        if not schema.params and not schema.tables:
            return NO_DATA
        at = (policy.digest, None if pointer is None else pointer.mac)
        known = self._values.get(scope.key)
        if known is not None and known[0] == at:
            return known[1]
        stored = StoredData(version=0, content=NO_CONTENT)
        if pointer is not None:
            named = decode_pointer(pointer)
            rows = [mac.check(scope, row).row for row in self._storage.read(scope, [content_key(named)])]
            stored = StoredData(version=pointer.version, content=named_content(rows[0] if rows else None, named))
        try:
            made = typed_content(schema, stored)
        except IntentError as error:
            raise StoreCorruptError(f"params and tables do not fit the active set: {error}") from None
        with self._lock:
            self._values[scope.key] = (at, made)
        return made

    def _rows(self, scope: Scope, mac: RowMac, kind: str) -> Sequence[Row]:
        return [mac.check(scope, row).row for row in self._storage.scan(scope, kind)]

    def _policy(self, scope: Scope, mac: RowMac, pointer: Row) -> ActivePolicy:
        named = PolicyPointer.from_row(pointer)
        wanted = named.digest
        with self._lock:
            known = self._policies.get((scope.key, wanted))
        if known is not None:
            return known
        stored, kept = RowKey("policy", f"set:{b64url(wanted)}"), cache_key(wanted)
        rows = {row.key: row for row in self._storage.read(scope, [stored, kept])}
        if stored.key not in rows:
            raise StoreCorruptError("the active policy set's sources are gone")
        sources, copy = mac.check(scope, rows[stored.key]).row.body, rows.get(kept.key)
        begun = self._monotonic()
        try:
            with self._making:  # who comes meanwhile for the same set waits for it instead of making it once more
                return self._made(scope, mac, sources, copy, wanted, named.semantic, named.kept)
        finally:
            self._spent.seconds = self._spent_here() + self._monotonic() - begun

    def _made(
        self, scope: Scope, mac: RowMac, stored: bytes, copy: Row | None, wanted: bytes, semantic: bytes, pinned: bytes | None
    ) -> ActivePolicy:
        with self._lock:
            known = self._policies.get((scope.key, wanted))
        if known is not None:
            return known
        sources = decode_sources(stored)
        kept = cached_set(scope, mac, copy, sources, digest=wanted, semantic=semantic, kept=pinned)
        made = compile_policy(scope, sources) if kept is None else _opened(scope, kept)
        if made.digest != wanted:
            raise StoreCorruptError("the active policy set is not the one that was activated")
        with self._lock:
            self._policies[(scope.key, wanted)] = made
            while len(self._policies) > 64:
                self._policies.popitem(last=False)
        return made

    def _spent_here(self) -> float:
        seconds: float = getattr(self._spent, "seconds", 0.0)
        return seconds

    def take_spent(self) -> float:
        """Seconds that this thread has spent on making policy sets (not on the store) since it last asked."""
        seconds = self._spent_here()
        self._spent.seconds = 0.0
        return seconds


def decode_sources(body: bytes) -> list[Source]:
    """The sources of a stored policy set."""
    data: Any = parse_canonical(body, max_bytes=MAX_POLICY_BYTES)
    if not isinstance(data, dict) or not isinstance(data.get("sources"), list):
        raise StoreCorruptError("a policy row is damaged")
    pairs = data["sources"]
    return [Source.from_bytes(str(name), str(text).encode("utf-8")) for name, text in pairs]


# An activation compiles a set, loading it afterwards compiles it again, and tenants share sets: what is checked is a value of its texts.
@lru_cache(maxsize=8)
def _checked(sources: tuple[Source, ...]) -> CheckedPolicySet:
    return check(sources)


def compile_policy(scope: Scope, sources: Sequence[Source]) -> ActivePolicy:
    """Check and lay out; raises PolicyError. The same texts under the same names are checked once in a process.

    An action that answers a stranger with anything but a denial ends the set when it is compiled, which is when it is first asked for:
    `ready()` of the compiled set raises AssemblyError, and a decision is Deny(error).
    """
    return _compiled(scope, _checked(tuple(sources)))


def _compiled(scope: Scope, checked: CheckedPolicySet) -> ActivePolicy:
    compiled = compile_set(checked, scope=scope, prove=check_action)
    return ActivePolicy(compiled=compiled, digest=checked.text_digest, whole=lambda: checked)


def _opened(scope: Scope, kept: KeptSet) -> ActivePolicy:
    return ActivePolicy(compiled=compile_kept(kept, scope=scope, prove=check_action), digest=kept.digest, whole=kept.checked)


class EntityCache:
    """The default EntityProvider over the store's entity rows, with typed snapshots kept per entity version."""

    __slots__ = ("_lock", "_snapshots", "_storage", "_versions")

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._versions: dict[str, int] = {}
        self._snapshots: OrderedDict[tuple[str, int, bytes, frozenset[EntityRef]], LoadedEntities] = OrderedDict()

    def get(
        self, scope: Scope, mac: RowMac, policy: ActivePolicy, refs: frozenset[EntityRef], *, fresh: bool,
        provider: EntityProvider | None = None,
    ) -> LoadedEntities:  # fmt: skip
        """A snapshot of `refs` and all they reach, typed under the policy's schema. Raises StoreError, IntentError."""
        if provider is not None:
            taken = provider.snapshot(scope, refs)
            return LoadedEntities(version=None, snapshot=type_snapshot(policy.schema, taken))
        version = None if fresh else self._versions.get(scope.key)
        if version is not None:
            known = self._snapshots.get((scope.key, version, policy.digest, refs))
            if known is not None:
                return known
        version, closure = self._read(scope, mac, refs)
        snapshot = type_snapshot(policy.schema, EntitySnapshot(version=str(version), entities=closure))
        loaded = LoadedEntities(version=version, snapshot=snapshot)
        with self._lock:
            self._versions[scope.key] = version
            self._snapshots[(scope.key, version, policy.digest, refs)] = loaded
            while len(self._snapshots) > MAX_CACHED_SNAPSHOTS:
                self._snapshots.popitem(last=False)
        return loaded

    def _read(self, scope: Scope, mac: RowMac, refs: frozenset[EntityRef]) -> tuple[int, dict[EntityRef, Entity]]:
        version = _head(self._storage, scope, mac).entities
        for _ in range(MAX_LOOKS):
            try:
                return version, self._closure(scope, mac, refs, version)
            except StoreCorruptError:
                again = _head(self._storage, scope, mac).entities
                if again == version:
                    raise
                version = again  # somebody wrote entities while they were read
        raise StoreCorruptError("entities kept changing while they were read")

    def _closure(
        self, scope: Scope, mac: RowMac, refs: frozenset[EntityRef], version: int
    ) -> dict[EntityRef, Entity]:
        shards = standing(self._one(scope, mac, ENTITY_ROSTER), version)
        named: dict[RowKey, dict[str, int]] = {}
        found: dict[EntityRef, Entity] = {}
        wanted = set(refs)
        asked: set[EntityRef] = set()
        while wanted:
            batch = sorted(wanted)
            asked.update(batch)
            if len(asked) > MAX_CLOSURE:
                raise IntentError(f"the intent reaches more than {MAX_CLOSURE} entities", place="entities")
            wanted = set()
            keys = [entity_key(ref) for ref in batch]
            rows = {row.key: mac.check(scope, row).row for row in self._storage.read(scope, [RowKey("entity", key) for key in keys])}
            for key in keys:
                shard = shard_key(key)
                if shard not in named:
                    named[shard] = standing(self._one(scope, mac, shard), shards.get(shard.key, 0))
                row = rows.get(key)
                check_shard(named[shard], key, row)
                if row is None or row.state != "ACTIVE":
                    continue
                entity = decode_entity(row)
                found[entity.ref] = entity
                wanted |= references_of(entity) - asked
        return found

    def _one(self, scope: Scope, mac: RowMac, key: RowKey) -> Row | None:
        rows = self._storage.read(scope, [key])
        return mac.check(scope, rows[0]).row if rows else None


def _head(storage: Storage, scope: Scope, mac: RowMac) -> LogHead:
    stored = storage.head(scope)
    if stored is None:
        raise StoreCorruptError("the tenant's head row is gone")
    mac.check_head(scope, stored)
    return LogHead.from_state(stored.state)
