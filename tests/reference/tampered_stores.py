"""The rows of the tampering table that need a running authority on a real file: a store put back, and the audit log as a lever against it.

What cannot be recorded is denied. So whoever fills the disk, holds the store or crowds its queue stops what they would not have been allowed
to do either; nothing is granted behind the log's back, and what stops something gets through the crowd.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final, cast

from intended_adapters.storage.group import MAX_BATCH, Job
from intended_adapters.storage.reserve import Reserve
from intended_adapters.storage.sqlite import SqliteStorage
from intended_adapters.storage.turns import in_turn
from intended_core import (
    Authority,
    Deny,
    EntityRef,
    Granted,
    HaltTarget,
    IntendedError,
    ManualClock,
    TenantAuthority,
    TokenError,
    show_record,
)
from intended_core.ids import Scope
from intended_core.testing.storage_cases import ACME, advance
from tests.reference.flow_world import ANN, ANN_KEY, ENTITIES, NOW_US, POLICY, intent, pay

__all__ = ["ON_STORES", "honest_store"]


@dataclass
class Bank:
    """One authority on one file, with a tenant; the folder goes when the process does."""

    folder: tempfile.TemporaryDirectory[str]
    authority: Authority
    clock: ManualClock

    @property
    def tenant(self) -> TenantAuthority:
        return self.authority.tenant("acme")

    @property
    def file(self) -> Path:
        return Path(self.folder.name) / "data" / "a.db"

    @property
    def store(self) -> SqliteStorage:
        return cast(SqliteStorage, self.authority._runtime.storage)

    def writer(self) -> sqlite3.Cursor:
        """The writer of whoever holds it now."""
        cursor = self.store._pool._writer
        assert cursor is not None
        return cursor

    def pragma(self, text: str) -> int:
        """A setting of the one connection that writes."""
        with self.store._pool as cursor:
            row = cursor.execute(f"PRAGMA {text}").fetchone()
            return 0 if row is None else int(row[0])


def founded() -> Bank:
    folder, clock = tempfile.TemporaryDirectory(prefix="intended-trials-"), ManualClock(NOW_US)
    for name in ("data", "keys"):
        (Path(folder.name) / name).mkdir()
    made = Authority.create(Path(folder.name) / "data" / "a.db", key_file=Path(folder.name) / "keys" / "kek", clock=clock, durability="normal")
    tenant = made.create_tenant("acme")
    tenant.activate({"bank.policy": POLICY})
    tenant.put_entities(ENTITIES)
    tenant.register_person(ANN, ANN_KEY.public_key)
    return Bank(folder, made, clock)


_bank: Final = cache(founded)


def _attempts(bank: Bank, chance: random.Random, most: int) -> tuple[str, list[Granted], list[str]]:
    """Ask, and redeem now and then, until something is denied: the kind of that denial, what was granted, what was redeemed."""
    granted: list[Granted] = []
    redeemed: list[str] = []
    for _ in range(most):
        outcome = bank.tenant.authorize(intent(), audience="bank")
        if isinstance(outcome, Deny):
            return (outcome.kind if outcome.seq is None else "", granted, redeemed)
        if isinstance(outcome, Granted):
            granted.append(outcome)
            if chance.random() < 0.3 and _redeems(bank.tenant, outcome.token.text):
                redeemed.append(outcome.token.text)
    return "", granted, redeemed


def _redeems(tenant: TenantAuthority, token: str) -> bool:
    try:
        tenant.redeem(token, pay(), adapter=tenant.adapter("bank"))
    except TokenError:
        return False
    return True


def _nothing_behind_the_log(bank: Bank, before: int, granted: list[Granted], redeemed: list[str]) -> bool:
    """What was granted and redeemed since `before` is in the log, no more and no less, and the store goes on."""
    records = list(bank.tenant.records(start=before))
    if [row.seq for row in records if b'"k":"decision.allow"' in row.entry] != [each.seq for each in granted]:
        return False
    if sum(b'"k":"token.consumed"' in row.entry for row in records) != len(redeemed):
        return False
    return isinstance(bank.tenant.authorize(intent(), audience="bank"), Granted)


def _full(chance: random.Random) -> str:
    """Row 30: no more than a few pages are left on the disk."""
    bank = _bank()
    before = bank.tenant.head().size
    bank.pragma(f"max_page_count = {bank.pragma('page_count') + chance.randrange(4)}")
    kind, granted, redeemed = _attempts(bank, chance, 300)
    bank.pragma("max_page_count = 1000000")
    return kind if _nothing_behind_the_log(bank, before, granted, redeemed) and _told_later(bank) else ""


def _told_later(bank: Bank) -> bool:
    """Once the store takes records again, it is recorded how many decisions it did not take."""
    before = bank.tenant.head().size
    bank.tenant.sweep()
    told = [show_record(row).body for row in bank.tenant.records(start=before)]
    return [(body["code"], body["count"]) for body in told if body.get("code") == "denial.unwritten"] == [("denial.unwritten", 1)]


class _OnSmallDisk(Reserve):
    """A reserve whose space is the last of a disk: what it gives up is there for the file, and what it takes back is not."""

    def __init__(self, bank: Bank) -> None:
        super().__init__(str(bank.file))
        self._pages: Final = bank.writer  # the cursor of the transaction that is under way
        self.lent = 0

    def lend(self) -> None:
        before = self.held()
        super().lend()
        self.lent += 1
        cursor = self._pages()
        (pages,) = cursor.execute("PRAGMA page_count").fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages + (before - self.held()) // 4096}")

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        cursor = self._pages()
        (pages,) = cursor.execute("PRAGMA page_count").fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")


def _stopped(chance: random.Random) -> str:
    """Row 30: nothing is left on the disk but what is set aside; principals are halted until that was needed three times."""
    bank, keys = _bank(), [(ANN, ANN_KEY)]
    before, whole = bank.tenant.head().size, bank.store._reserve
    bank.store._reserve = disk = _OnSmallDisk(bank)  # type: ignore[misc]
    bank.pragma(f"max_page_count = {bank.pragma('page_count') + chance.randrange(4)}")
    kinds, granted, redeemed = set(), list[Granted](), list[str]()
    while disk.lent < 3:
        pages = bank.pragma("max_page_count")
        kind, more, spent = _attempts(bank, chance, 300)  # what still fits into the pages that there are, and no other
        kinds.add(kind if bank.pragma("page_count") <= pages else "grown")
        granted, redeemed = granted + more, redeemed + spent
        target = HaltTarget.of_principal(EntityRef("Agent", f"other{chance.randrange(10**12)}"))
        kinds.add("unavailable" if bank.tenant.halts.engage(target, reason="stop " * 50, keys=keys).engaged else "running")
    bank.pragma("max_page_count = 1000000")
    bank.store._reserve = whole  # type: ignore[misc]
    sound = _nothing_behind_the_log(bank, before, granted, redeemed)
    bank.tenant.sweep()
    return kinds.pop() if sound and len(kinds) == 1 else ""


def _held(chance: random.Random) -> str:
    """Row 30: somebody holds the store, from some moment on."""
    bank = _bank()
    before = bank.tenant.head().size
    _, granted, redeemed = _attempts(bank, chance, chance.randrange(4))
    kept = bank.pragma("busy_timeout")
    bank.pragma("busy_timeout = 0")
    other = sqlite3.connect(bank.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        kind, more, spent = _attempts(bank, chance, 3)
        stuck = not any(_redeems(bank.tenant, each.token.text) for each in granted)
    finally:
        other.execute("ROLLBACK")
        other.close()
        bank.pragma(f"busy_timeout = {kept}")
    return kind if stuck and not more and not spent and _nothing_behind_the_log(bank, before, granted, redeemed) and _told_later(bank) else ""


def _crowded(chance: random.Random) -> str:
    """Row 30: a tenant has hundreds of units waiting; a unit of another, and a halt of anybody, come last."""

    def unit(number: int, *, first: bool = False) -> Job:
        scope = Scope(tenant=f"t{number}", uuid=f"{number:032x}", environment="test")
        return Job(replace(advance(ACME), scope=scope, first=first))

    crowd = [unit(0) for _ in range(MAX_BATCH + chance.randrange(5 * MAX_BATCH))]
    others = [unit(1 + number) for number in range(chance.randrange(1, 20))]
    halt = unit(chance.randrange(20), first=True)
    batch = in_turn([*crowd, *others, halt])[: MAX_BATCH - 1]
    return "next" if batch[0] is halt and all(each in batch for each in others) else ""


def _put_back(chance: random.Random) -> str:
    """Row 9: the store is put back, with its mark of the newest heads; a token that was issued since is presented."""
    bank, issued = _old()
    with tempfile.TemporaryDirectory(prefix="intended-trials-") as folder:
        shutil.copytree(bank.folder.name, folder, dirs_exist_ok=True)
        file, key = Path(folder) / "data" / "a.db", Path(folder) / "keys" / "kek"
        with Authority.open(file, key_file=key, clock=bank.clock, durability="normal") as authority:
            tenant = authority.tenant("acme")
            for _ in range(chance.randrange(3)):
                tenant.authorize(intent("500.00"), audience="bank")  # what was put back goes on for a while
            if _redeems(tenant, chance.choice(issued)):
                return ""
            outcome = tenant.authorize(intent(), audience="bank")
            return outcome.kind if isinstance(outcome, Deny) else ""


@cache
def _old() -> tuple[Bank, list[str]]:
    """A bank that nobody has open, and tokens that a copy of it issued later."""
    bank = founded()
    bank.tenant.require(intent(), audience="bank")
    bank.authority.close()
    with tempfile.TemporaryDirectory(prefix="intended-trials-") as folder:
        shutil.copytree(bank.folder.name, folder, dirs_exist_ok=True)
        file, key = Path(folder) / "data" / "a.db", Path(folder) / "keys" / "kek"
        with Authority.open(file, key_file=key, clock=bank.clock, durability="normal") as authority:
            tenant = authority.tenant("acme")
            return bank, [tenant.require(intent(), audience="bank").text for _ in range(8)]


def honest_store(trial: int) -> bool:
    """Whether a store that nobody troubles denies what is permitted."""
    bank = _bank()
    before, chance = bank.tenant.head().size, random.Random(trial)
    try:
        kind, granted, redeemed = _attempts(bank, chance, 1 + trial % 3)
        return kind != "" or not granted or not _nothing_behind_the_log(bank, before, granted, redeemed)
    except IntendedError:
        return True


ON_STORES: Final[tuple[tuple[int, str, str, Callable[[random.Random], str]], ...]] = (
    (9, "the whole store and its mark rolled back, a token issued since is presented", "R", _put_back),
    (30, "the disk is full: whatever cannot be recorded is denied", "I", _full),
    (30, "the disk is full: a halt is written in space set aside for it, and nothing is granted there", "I", _stopped),
    (30, "somebody holds the store: whatever cannot be recorded is denied", "I", _held),
    (30, "one tenant's units fill the queue: another's and any halt come next", "I", _crowded),
)
