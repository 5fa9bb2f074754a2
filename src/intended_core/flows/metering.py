"""Meters in the store: what a decision reads before the lock, and what its unit checks again and reserves under it.

No Allow takes used + reserved + this over a forbid's ceiling, or over a gate's without its approval: the unit that issues the nonce reads
the levels again, asks every comparison of the decision again, and reserves, all under the head's lock. A reservation belongs to its
nonce: it is used once that is CONSUMED, and it is released only where that is EXPIRED or REVOKED (authority.md § 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from intended_core.audit.log import LogHead
from intended_core.errors import StoreCorruptError, UnitRefusedError
from intended_core.flows.effects import Context, Flow, ReadRows
from intended_core.flows.steps import authentic
from intended_core.meters.shards import Directory, Held, Shard, shard_of
from intended_core.outcome import Allow, MeterComparison, MeterUse
from intended_core.unit import Row, RowKey, UnitView, Write

__all__ = [
    "DIRECTORY",
    "METERS_MOVED",
    "MeterBook",
    "first_row",
    "held_key",
    "meter_rows",
    "open_book",
    "read_levels",
    "reserve",
]

METERS_MOVED = "meters_moved"
DIRECTORY = RowKey("meter", "directory")


def held_key(nonce: str) -> RowKey:
    """The row of what a token holds in reserve."""
    return RowKey("meter", f"held:{nonce}")


def _shard_key(number: int) -> RowKey:
    return RowKey("meter", f"shard:{number:02d}")


def meter_rows(keys: Sequence[bytes]) -> tuple[RowKey, ...]:
    """The rows that a unit reads to touch these counters; none for none."""
    if not keys:
        return ()
    return (DIRECTORY, *(_shard_key(number) for number in sorted({shard_of(key) for key in keys})))


def read_levels(
    context: Context, uses: Sequence[MeterUse], *, without: Held | None = None
) -> Flow[Mapping[str, int] | None]:
    """Used + reserved by meter, as the store shows it now; None where the first row of a generation is missing.

    `without`: a reservation that is not counted, since it goes over to this use.
    Read without the lock: `reserve` asks again under it. Raises StoreCorruptError for a row whose MAC fails.
    """
    keys = meter_rows([use.key for use in uses])
    rows: Sequence[Row] = yield ReadRows(context.scope, keys)
    found = {(row.kind, row.key): context.mac.check(context.scope, row).row for row in rows}
    if (DIRECTORY.kind, DIRECTORY.key) not in found:
        return None
    levels: dict[str, int] = {}
    for use in uses:
        name = _shard_key(shard_of(use.key))
        row = found.get((name.kind, name.key))
        shard = Shard(counters={}) if row is None else Shard.from_body(row.body)
        for key, amount, at_ms in () if without is None else without.uses:
            shard = shard.removing(key, amount, at_ms=at_ms)
        levels[use.meter] = shard.level(use)
    return levels


@dataclass(slots=True)
class MeterBook:
    """The meters of a scope inside one unit, each row at the version that the head and the directory name."""

    context: Context
    head: LogHead
    directory: Directory
    shards: dict[int, tuple[int, Shard]]
    changed: set[int]

    def level(self, use: MeterUse) -> int:
        """Used + reserved, under the lock."""
        return self.shards[shard_of(use.key)][1].level(use)

    def add(self, use: MeterUse, *, now_ms: int) -> None:
        """Reserve `use`."""
        number = shard_of(use.key)
        version, shard = self.shards[number]
        self.shards[number] = (version, shard.adding(use, now_ms=now_ms))
        self.changed.add(number)

    def release(self, key: bytes, amount: int, *, at_ms: int) -> None:
        """Take a reservation back."""
        number = shard_of(key)
        version, shard = self.shards[number]
        self.shards[number] = (version, shard.removing(key, amount, at_ms=at_ms))
        self.changed.add(number)

    def close(self) -> tuple[LogHead, tuple[Write, ...]]:
        """The head that names the new directory, and the rows to write."""
        if not self.changed:
            return self.head, ()
        mac, scope = self.context.mac, self.context.scope
        writes: list[Write] = []
        for number in sorted(self.changed):
            version, shard = self.shards[number]
            row = mac.seal_row(scope, "meter", _shard_key(number).key, version + 1, "ACTIVE", shard.to_body())
            writes.append(Write(row, version))
        directory = self.directory.moved({number: self.shards[number][0] + 1 for number in self.changed})
        at = self.head.meters
        row = mac.seal_row(scope, "meter", DIRECTORY.key, at + 1, "ACTIVE", directory.to_body())
        writes.append(Write(row, at))
        return replace(self.head, meters=at + 1), tuple(writes)


def open_book(context: Context, view: UnitView, head: LogHead, keys: Sequence[bytes]) -> MeterBook:
    """The meters as they stand under the lock; the unit read `meter_rows(keys)`.

    Raises UnitRefusedError `meters_missing` without a first row of this generation, StoreCorruptError when a row is not at the version
    that the head and the directory name.
    """
    row = authentic(context, view, DIRECTORY, once=True)
    if row is None and head.meters == 0:
        raise UnitRefusedError("meters_missing", "the first row of the meters is missing")
    if row is None or row.version != head.meters:
        raise StoreCorruptError(
            "the meters' first row is not the one that the head names: it was taken away or put back"
        )
    directory = Directory.from_body(row.body)
    if directory.generation != head.generation:
        raise UnitRefusedError("meters_missing", "the first row of the meters is of an older generation")
    shards: dict[int, tuple[int, Shard]] = {}
    for number in sorted({shard_of(key) for key in keys}):
        found = authentic(context, view, _shard_key(number), once=True)
        version = 0 if found is None else found.version
        if version != directory.versions[number]:
            raise StoreCorruptError(
                "a meter row is not the one that the directory names: it was taken away or put back"
            )
        shards[number] = (version, Shard(counters={}) if found is None else Shard.from_body(found.body))
    return MeterBook(context, head, directory, shards, set())


def first_row(context: Context, view: UnitView, head: LogHead) -> tuple[LogHead, tuple[Write, ...]]:
    """The first row of this generation, where it is not there yet; `view` read `DIRECTORY`."""
    row = authentic(context, view, DIRECTORY, once=True)
    if (0 if row is None else row.version) != head.meters:
        raise StoreCorruptError(
            "the meters' first row is not the one that the head names: it was taken away or put back"
        )
    if row is not None and Directory.from_body(row.body).generation == head.generation:
        return head, ()
    body = Directory.first(head.generation).to_body()
    made = context.mac.seal_row(context.scope, "meter", DIRECTORY.key, head.meters + 1, "ACTIVE", body)
    return replace(head, meters=head.meters + 1), (Write(made, head.meters),)


def reserve(
    context: Context, view: UnitView, head: LogHead, outcome: Allow, *, nonce: str, expires_s: int, now_ms: int,
    moved: Sequence[bytes] = (), give_back: Callable[[MeterBook], None] | None = None, detached: bool = False,
) -> tuple[LogHead, tuple[Write, ...]]:  # fmt: skip
    """Ask every comparison again at the level now stored, and reserve; the head and the rows of the unit that issues `nonce`.

    `detached`: used at once, since nobody tells the ledger of the redemption.
    `moved`, `give_back`: the counters that another token holds, and what takes its reservation out before anything is asked.
    Raises UnitRefusedError `meters_moved` when an answer has changed: the decision is made again.
    """
    uses = outcome.reservations
    book = open_book(context, view, head, [*(use.key for use in uses), *moved])
    if give_back is not None:
        give_back(book)
    totals = {use.meter: book.level(use) + use.amount for use in uses}
    if any(_moved(asked, totals) for asked in outcome.comparisons):
        raise UnitRefusedError(METERS_MOVED, "a meter moved meanwhile; try again")
    for use in uses:
        book.add(use, now_ms=now_ms)
    after, writes = book.close()
    if not uses or detached:
        return after, writes
    held = Held(
        generation=head.generation, expires_s=expires_s, uses=tuple((use.key, use.amount, now_ms) for use in uses)
    )
    row = context.mac.seal_row(context.scope, "meter", held_key(nonce).key, 1, "HELD", held.to_body())
    return after, (*writes, Write(row, 0))


def _moved(asked: MeterComparison, totals: Mapping[str, int]) -> bool:
    return (totals[asked.meter] > asked.ceiling) is not asked.over
