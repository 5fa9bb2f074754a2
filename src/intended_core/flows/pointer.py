"""The pointer: one row that says which policy set is in force, which were before, and which packs are held to which bytes.

The row carries a tag and hangs on the guards' roster, so a lock in it is as hard to take away as the set itself (docs/adr/0032).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from intended_core.canonical import Json, b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.effects import Context, Flow, ReadRows
from intended_core.lang.locks import LockChange
from intended_core.unit import Row, RowKey

__all__ = ["POLICY_POINTER", "PolicyPointer", "change_json", "changed_json", "locks_json", "read_change", "read_locks", "read_pointer"]

POLICY_POINTER: Final = RowKey("policy", "active")
MAX_POINTER_BYTES: Final = 32 * 1024  # sixteen digests and MAX_LOCKS locks


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPointer:
    """Digests have 32 bytes. `before`: of sets that were active, the newest first. `kept`: of the checked form in the cache.

    `seq`: the record of the activation. `packs`: the locks, by the pack's name.
    """

    digest: bytes
    semantic: bytes
    seq: int
    before: tuple[bytes, ...] = ()
    kept: bytes | None = None
    packs: Mapping[str, bytes] = field(default_factory=dict)

    def to_body(self) -> bytes:
        """Canonical bytes for the row; what is not there is left out."""
        told: dict[str, Json] = {
            "digest": b64url(self.digest), "semantic": b64url(self.semantic), "seq": self.seq,
            "before": [b64url(each) for each in self.before],
        }  # fmt: skip
        if self.kept is not None:
            told["kept"] = b64url(self.kept)
        if self.packs:
            told["packs"] = locks_json(self.packs)
        return canonical_json(told)

    @classmethod
    def from_row(cls, row: Row) -> PolicyPointer:
        """The pointer of an authenticated row; raises StoreCorruptError."""
        try:
            data: Any = parse_canonical(row.body, max_bytes=MAX_POINTER_BYTES)
            return cls(
                digest=unb64url(data["digest"]), semantic=unb64url(data["semantic"]), seq=int(data["seq"]),
                before=tuple(unb64url(each) for each in data.get("before", ())),
                kept=unb64url(data["kept"]) if "kept" in data else None,
                packs=read_locks(data.get("packs", {})),
            )  # fmt: skip
        except (AttributeError, IntentError, KeyError, TypeError, ValueError):
            raise StoreCorruptError("the active-policy row is damaged") from None


def locks_json(locks: Mapping[str, bytes]) -> dict[str, Json]:
    """Locks as rows and records say them."""
    return {name: b64url(digest) for name, digest in sorted(locks.items())}


def read_locks(data: Mapping[str, str]) -> dict[str, bytes]:
    """What `locks_json` made."""
    return {name: unb64url(digest) for name, digest in data.items()}


def change_json(change: LockChange) -> dict[str, Json]:
    """What somebody said of locks, for rows, records and what persons sign; empty where they said nothing."""
    said: dict[str, Json] = {} if change.packs is None else {"packs": locks_json(change.packs)}
    return {**said, "unlock": list(change.unlock)} if change.unlock else said


def read_change(data: Mapping[str, Any]) -> LockChange:
    """What `change_json` put into `data`."""
    packs = data.get("packs")
    return LockChange(packs=None if packs is None else read_locks(packs), unlock=tuple(data.get("unlock", ())))


def changed_json(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[Json]:
    """Each lock that an activation sets, moves or forgets: [name, digest before or null, digest after or null]."""
    moved = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return [[name, *(b64url(each[name]) if name in each else None for each in (before, after))] for name in moved]


def read_pointer(context: Context) -> Flow[PolicyPointer | None]:
    """The pointer as it stands now, None before the first activation; the unit that rests on it asks again. Raises StoreCorruptError."""
    found: Sequence[Row] = yield ReadRows(context.scope, (POLICY_POINTER,))
    return PolicyPointer.from_row(context.mac.check(context.scope, found[0]).row) if found else None
