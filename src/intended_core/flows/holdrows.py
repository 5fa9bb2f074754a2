"""A legal hold as its row, one each, of kind `halt`.

It hangs on the guards' roster: whoever takes it away or puts an older one back is seen, and a spoilt one stops all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.holds import Kept, keeps_of
from intended_core.canonical import canonical_json, parse_canonical
from intended_core.errors import AuditError, IntentError, StoreCorruptError
from intended_core.ids import EntityRef
from intended_core.unit import Row, RowKey

__all__ = ["HOLD_PREFIX", "PLACED", "Hold", "hold_key"]

HOLD_PREFIX: Final = "hold:"
PLACED: Final = "PLACED"
MAX_ROW_BYTES: Final = 1024 * 1024  # 10,000 stretches of 20 bytes, and room


def hold_key(seq: int) -> RowKey:
    """The row of the hold that record `seq` placed."""
    return RowKey("halt", f"{HOLD_PREFIX}{seq}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One hold. `seq`: the record that placed it, by which it is named. `by`, `at_us`: who signed that, and when. `stands`: not lifted.

    `reason`, `basis`: why it was placed, and under which rule.
    """

    seq: int
    kept: Kept
    reason: str
    basis: str
    by: tuple[EntityRef, ...]
    at_us: int
    stands: bool

    def covers(self, seq: int, kind: str, thread: str) -> bool:
        """Whether it keeps this record."""
        return self.stands and self.kept.covers(seq, kind, thread, placed=self.seq)

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        return canonical_json(
            {
                **self.kept.to_json(), "at": self.at_us, "basis": self.basis, "by": [[ref.type, ref.id] for ref in self.by],
                "reason": self.reason, "seq": self.seq,
            }
        )  # fmt: skip

    @classmethod
    def from_row(cls, row: Row) -> Hold:
        """The hold of an authenticated row; raises StoreCorruptError."""
        try:
            data: Any = parse_canonical(row.body, max_bytes=MAX_ROW_BYTES)
            made = cls(
                seq=data["seq"], kept=keeps_of(data), reason=data["reason"], basis=data["basis"], at_us=data["at"],
                by=tuple(EntityRef(str(kind), str(name)) for kind, name in data["by"]), stands=row.state == PLACED,
            )  # fmt: skip
            if made.to_body() != row.body or hold_key(made.seq).key != row.key or row.state not in (PLACED, "LIFTED"):
                raise StoreCorruptError("a hold's row is damaged")
        except (AuditError, IntentError, KeyError, TypeError, ValueError, AttributeError):
            raise StoreCorruptError("a hold's row is damaged") from None
        return made
