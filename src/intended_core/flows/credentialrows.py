"""Which adapter credentials are withdrawn, one row per adapter, among those that narrow.

Credentials are tags and kept nowhere, so what is kept is what counts no longer: single ones by their id until they would have ended
anyway, and every one that was made until some time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from intended_core.canonical import canonical_json, digest, parse_canonical
from intended_core.errors import IntentError, StoreCorruptError, UnitRefusedError
from intended_core.ids import Scope, adapter_id
from intended_core.unit import Row, RowKey

__all__ = ["PREFIX", "Withdrawn", "credential_key", "withdrawal_digest"]

PREFIX: Final = "credential:"
MAX_IDS: Final = 256  # in one row of some 10 KB; who has more to withdraw withdraws all
MAX_ROW_BYTES: Final = 16 * 1024


def credential_key(adapter: str) -> RowKey:
    """The row of an adapter's withdrawn credentials; it is a halt's kind, so whoever takes it away is seen, and a spoilt one stops all."""
    return RowKey("halt", f"{PREFIX}{adapter}")


def withdrawal_digest(scope: Scope, adapter: str, identifier: str, reason: str, version: int) -> bytes:
    """What a person signs (32 bytes) to withdraw the credential `identifier` of `adapter`, or with "" every one made so far.

    `version`: of the row that it makes, so that it counts once.
    """
    return digest(
        "intended.credential-withdrawal/v1", scope.uuid.encode("ascii"), scope.environment.encode("ascii"), adapter.encode("ascii"),
        identifier.encode("ascii"), reason.encode("utf-8"), version.to_bytes(8, "big"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """What counts no longer of one adapter's credentials: those made until `until_us` (microseconds), and `ids` (id -> end, in seconds)."""

    adapter: str
    until_us: int = 0
    ids: Mapping[str, int] = field(default_factory=dict)

    def holds(self, identifier: str, made_us: int) -> bool:
        """Whether this credential is withdrawn."""
        return made_us <= self.until_us or identifier in self.ids

    def all_until(self, now_us: int) -> Withdrawn:
        """With every credential that was made so far. Single ones stay: a clock that ran ahead may have made them later than now."""
        return Withdrawn(adapter=self.adapter, until_us=max(self.until_us, now_us), ids=self.ids)

    def one(self, identifier: str, *, end_s: int, now_s: int) -> Withdrawn:
        """With this one as well; those that have ended are forgotten. Raises UnitRefusedError `too_many`."""
        ids = {name: end for name, end in self.ids.items() if end > now_s} | {identifier: end_s}
        if len(ids) > MAX_IDS:
            raise UnitRefusedError("too_many", f"{MAX_IDS} credentials of this adapter are withdrawn one by one; withdraw all of them")
        return Withdrawn(adapter=self.adapter, until_us=self.until_us, ids=ids)

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        return canonical_json({"adapter": self.adapter, "ids": dict(self.ids), "until": self.until_us})

    @classmethod
    def from_row(cls, row: Row) -> Withdrawn:
        """What an authenticated row withdraws; raises StoreCorruptError."""
        try:
            data: Any = parse_canonical(row.body, max_bytes=MAX_ROW_BYTES)
            ids, until = data["ids"], data["until"]
            made = cls(adapter=adapter_id(data["adapter"]), until_us=until, ids=ids)
        except (IntentError, KeyError, TypeError):
            raise StoreCorruptError("a row of withdrawn credentials is damaged") from None
        sound = type(until) is int and isinstance(ids, dict) and all(type(end) is int for end in ids.values())
        if not sound or credential_key(made.adapter).key != row.key:
            raise StoreCorruptError("a row of withdrawn credentials is damaged")
        return made
