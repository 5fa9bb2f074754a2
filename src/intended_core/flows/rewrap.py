"""rewrap: what is sealed under an older key-encryption key is carried over to the current one, some rows in each unit.

Only the wrapping of the data keys changes; no ciphertext is made anew and nothing is opened but for the check that it opens. Both keys
are there until every row is done, so it may stop anywhere and go on later. A flow that sealed under the older key while the current one
took over cannot commit behind a rewrap: it reads the guards before it seals, and every rewrap moves them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.anchor import ANCHOR_SCOPE
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, LoadState, Now, Random, Rewrap, ScanRows
from intended_core.flows.evidence import authentic_head
from intended_core.flows.rotate import MAX_LOOKS, write_guards
from intended_core.flows.secretrows import SecretRow, secret_place
from intended_core.flows.steps import GUARDS_MOVED
from intended_core.flows.tenant import MAC_SECRET, mac_place, signing_row
from intended_core.keys.ring import KeyRecord, private_place
from intended_core.keys.sealing import Place, kek_of
from intended_core.unit import Row, Write

__all__ = ["BATCH", "Rewrapped", "rewrap", "sealed_in", "sealed_under"]

BATCH: Final = 64  # rows of one unit: a few hundred kilobytes at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrapped:
    """One step: the rows that this unit carried over, and those that still name an older key-encryption key."""

    done: int
    left: int


def sealed_in(row: Row) -> tuple[bytes, ...]:
    """The sealed values of an authentic row of kind `secret` or `signing_key`. Raises StoreCorruptError, KeyRingError."""
    if row.kind == "signing_key":
        sealed = KeyRecord.from_body(row.body, version=row.version).sealed_private
    elif row.key == MAC_SECRET:
        sealed = row.body
    else:
        sealed = SecretRow.from_row(row).sealed
    return () if sealed is None else (sealed,)


def sealed_under(context: Context) -> Flow[dict[str, int]]:
    """How many sealed values of this scope each key-encryption key holds, by its id. Raises StoreCorruptError, KeyRingError."""
    counts: dict[str, int] = {}
    for kind in ("secret", "signing_key"):
        rows: Sequence[Row] = yield ScanRows(context.scope, kind)
        for row in rows:
            for blob in sealed_in(context.mac.check(context.scope, row).row):
                counts[kek_of(blob)] = counts.get(kek_of(blob), 0) + 1
    return counts


def rewrap(context: Context, *, kek_id: str, limit: int = BATCH) -> Flow[Rewrapped]:
    """Carry over up to `limit` rows of this scope to the current key-encryption key, which is `kek_id`.

    Raises KeyRingError when a row names a key that is not here or does not open: then nothing of the unit is written.
    """
    for _ in range(MAX_LOOKS):
        state: ScopeState = yield LoadState(context.scope, True)
        secrets: Sequence[Row] = yield ScanRows(context.scope, "secret")
        keys: Sequence[Row] = yield ScanRows(context.scope, "signing_key")
        rows = [context.mac.check(context.scope, row).row for row in (*secrets, *keys)]
        older = [row for row in rows if any(kek_of(blob) != kek_id for blob in sealed_in(row))]
        if not older:
            return Rewrapped(done=0, left=0)
        writes: list[Write] = []
        for row in older[:limit]:
            writes.append(Write((yield from _carried(context, row)), row.version))
        now_us: int = yield Now()
        salt: bytes = yield Random(16)
        left = len(older) - len(writes)
        silent = context.scope == ANCHOR_SCOPE or (yield from authentic_head(context)).closed
        draft = Draft(
            kind=EventKind.KEY_REWRAPPED, body={"kek": kek_id, "rows": len(writes), "left": left}, salt=salt
        )
        try:
            yield from write_guards(context, state, writes, None if silent else draft, now_us)
        except UnitRefusedError as refused:
            if refused.code != GUARDS_MOVED:
                raise
        else:
            return Rewrapped(done=len(writes), left=left)
    raise UnitRefusedError("conflict", "keys and secrets kept changing; run it again")


def _carried(context: Context, row: Row) -> Flow[Row]:
    if row.kind == "signing_key":
        record = KeyRecord.from_body(row.body, version=row.version)
        sealed = yield from _wrapped(private_place(context.scope, record.kid), sealed_in(row)[0])
        return signing_row(context, replace(record, sealed_private=sealed, version=record.version + 1))
    if row.key == MAC_SECRET:
        body = yield from _wrapped(mac_place(context.scope), row.body)
    else:
        secret = SecretRow.from_row(row)
        sealed = yield from _wrapped(secret_place(context.scope, secret), sealed_in(row)[0])
        body = replace(secret, sealed=sealed).to_body()
    return context.mac.seal_row(context.scope, row.kind, row.key, row.version + 1, row.state, body)


def _wrapped(place: Place, blob: bytes) -> Flow[bytes]:
    carried: bytes = yield Rewrap(place, blob)
    if kek_of(carried) == kek_of(blob):
        raise StoreCorruptError("a sealed value was not carried over: the key-encryption key changed back meanwhile")
    return carried
