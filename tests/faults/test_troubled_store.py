"""An authority on a real file whose store, key or clock is in trouble: nothing gets through, nothing is lost, and it goes on afterwards."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import cast

import pytest

from intended_adapters.storage.sqlite import SqliteStorage
from intended_core import (
    Authority,
    Deny,
    Grade,
    Granted,
    IntendedError,
    ManualClock,
    Pending,
    TenantAuthority,
    TokenError,
    verify_tenant_log,
)
from intended_core.errors import (
    AssemblyError,
    KeyRingError,
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    UnitRefusedError,
)
from tests.reference.flow_world import ANN, ANN_KEY, CLOSED, ENTITIES, NOW_US, POLICY, STRICT, intent, pay


class Bank:
    """One tenant on one file: a token unspent, a token spent, a request that waits."""

    def __init__(self, folder: Path) -> None:
        for name in ("data", "keys"):
            (folder / name).mkdir(parents=True)
        self.file, self.key, self.clock = folder / "data" / "a.db", folder / "keys" / "kek", ManualClock(NOW_US)
        with Authority.create(self.file, key_file=self.key, clock=self.clock, durability="normal") as made:
            tenant = made.create_tenant("acme")
            tenant.activate({"bank.policy": POLICY})
            tenant.put_entities(ENTITIES)
            tenant.register_person(ANN, ANN_KEY.public_key)
            self.unspent, self.spent = (tenant.require(intent(), audience="bank").text for _ in range(2))
            tenant.redeem(self.spent, pay(), adapter=tenant.adapter("bank"))
            waiting = tenant.authorize(intent("500.00"), audience="bank")
            assert isinstance(waiting, Pending)
            self.request = waiting.approval_id

    def open(self) -> Authority:
        return Authority.open(self.file, key_file=self.key, clock=self.clock, durability="normal")

    def files(self) -> dict[str, bytes]:
        """What lies there, but for the index of the write-ahead log, which every reader makes anew."""
        return {path.name: path.read_bytes() for path in self.file.parent.iterdir() if not path.name.endswith("-shm")}


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path / "bank")


def store(authority: Authority) -> SqliteStorage:
    return cast(SqliteStorage, authority._runtime.storage)


WRITES: dict[str, Callable[[TenantAuthority, Bank], object]] = {
    "activate": lambda tenant, bank: tenant.activate({"bank.policy": STRICT}),
    "put_entities": lambda tenant, bank: tenant.put_entities(ENTITIES),
    "remove_entities": lambda tenant, bank: tenant.remove_entities([CLOSED]),
    "register_person": lambda tenant, bank: tenant.register_person(ANN, ANN_KEY.public_key),
    "approve": lambda tenant, bank: tenant.approve(bank.request, person=ANN, key=ANN_KEY),
    "rotate_keys": lambda tenant, bank: tenant.rotate_keys(),
}


def nothing_gets_through(tenant: TenantAuthority, bank: Bank, error: type[IntendedError], kind: str = "unavailable") -> None:
    """Every call that could grant or change something is denied or raises `error`."""
    for asked in (intent(), intent("500.00"), intent(account=CLOSED)):
        outcome = tenant.authorize(asked, audience="bank")
        assert isinstance(outcome, Deny)
        assert outcome.kind == kind
        assert outcome.seq is None
        assert outcome.reasons[0].text
    for token in (bank.unspent, bank.spent):
        with pytest.raises(TokenError):
            tenant.redeem(token, pay(), adapter=tenant.adapter("bank"))
    for name, write in WRITES.items():
        with pytest.raises(error) as raised:
            write(tenant, bank)
        assert str(raised.value), name


def goes_on(bank: Bank, size: int) -> None:
    """A new process: the log is whole and as long as before, but for how often was denied what it did not take; the unspent token runs once,
    the request still waits.
    """
    with bank.open() as authority:
        authority.probe()
        tenant = authority.tenant("acme")
        assert all(b'"k":"refusals.counted"' in row.entry for row in tenant.records(start=size))
        assert size <= tenant.head().size <= size + 3
        assert verify_tenant_log(tenant).grade is Grade.CONSISTENT_UNPINNED
        handle = tenant.adapter("bank")
        tenant.redeem(bank.unspent, pay(), adapter=handle)
        for token in (bank.unspent, bank.spent):
            with pytest.raises(TokenError):
                tenant.redeem(token, pay(), adapter=handle)
        assert tenant.approve(bank.request, person=ANN, key=ANN_KEY).state == "APPROVED"
        assert isinstance(tenant.authorize(intent("500.00"), audience="bank", approval=bank.request), Granted)
        for name, write in WRITES.items():
            if name != "approve":
                write(tenant, bank)
        authority.probe()


@contextmanager
def locked(authority: Authority, bank: Bank) -> Iterator[None]:
    with store(authority)._pool as cursor:
        cursor.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(bank.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@contextmanager
def full(authority: Authority, bank: Bank) -> Iterator[None]:
    with store(authority)._pool as cursor:
        pages = cursor.execute("PRAGMA page_count").fetchone()[0]
        free = cursor.execute("PRAGMA freelist_count").fetchone()[0]
        assert free == 0
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    yield
    with store(authority)._pool as cursor:
        cursor.execute("PRAGMA max_page_count = 100000")


@contextmanager
def read_only(authority: Authority, bank: Bank) -> Iterator[None]:
    with store(authority)._pool as cursor:
        cursor.execute("PRAGMA query_only = ON")
    yield
    with store(authority)._pool as cursor:
        cursor.execute("PRAGMA query_only = OFF")


Trouble = Callable[[Authority, Bank], AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("trouble", "error"), [(locked, StoreBusyError), (read_only, StoreReadOnlyError)], ids=["locked", "read-only"]
)
def test_a_store_that_cannot_be_written_for_a_while(bank: Bank, trouble: Trouble, error: type[StoreError]) -> None:
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        size = tenant.head().size
        with trouble(authority, bank):
            nothing_gets_through(tenant, bank, error)
            assert tenant.head().size == size, "readers are not held up"
        assert isinstance(tenant.authorize(intent(), audience="bank"), Granted), "the same process goes on"
    goes_on(bank, size + 1)


def test_a_full_disk(bank: Bank) -> None:
    """Units that still fit are kept whole; from the first that does not fit, nothing gets through."""
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        with full(authority, bank):
            for _ in range(200):
                outcome = tenant.authorize(intent(), audience="bank")
                if isinstance(outcome, Deny):
                    break
                assert isinstance(outcome, Granted)
            else:
                pytest.fail("the store never was full")
            assert outcome.kind == "unavailable"
            size = tenant.head().size
            with pytest.raises(StoreFullError):
                tenant.activate({"bank.policy": STRICT + "# " + "x" * 50_000})
            with pytest.raises(StoreFullError):
                tenant.rotate_keys()
            assert tenant.head().size == size
            authority.probe()
    goes_on(bank, size)


def test_pages_damaged_under_a_running_authority(bank: Bank) -> None:
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        size = bank.file.stat().st_size
        with bank.file.open("r+b") as file:
            for at in range(4096, size, 4096):
                file.seek(at)
                file.write(b"\xa5" * 4096)
        nothing_gets_through(tenant, bank, StoreError)
        with pytest.raises(StoreError):
            authority.probe()
    with pytest.raises(IntendedError):
        bank.open()


def test_a_file_cut_in_half(bank: Bank) -> None:
    whole = bank.file.read_bytes()
    bank.file.write_bytes(whole[: len(whole) // 8192 * 4096])
    with pytest.raises(StoreCorruptError), bank.open() as authority:
        authority.probe()


def test_a_file_that_was_taken_away(bank: Bank) -> None:
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        for path in list(bank.file.parent.iterdir()):
            path.unlink()
        with pytest.raises(TokenError):
            tenant.redeem(bank.spent, pay(), adapter=tenant.adapter("bank"))
    with pytest.raises(IntendedError):
        bank.open()
    assert not bank.file.exists(), "and none is made in its place"


def test_nothing_is_granted_into_a_file_that_was_taken_away_or_replaced(bank: Bank) -> None:
    """SQLite would go on writing to the unlinked file, and each token and record there would be lost with the process."""
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        assert isinstance(tenant.authorize(intent(), audience="bank"), Granted)
        kept = bank.file.with_name("kept")
        bank.file.rename(kept)
        outcome = tenant.authorize(intent(), audience="bank")
        assert isinstance(outcome, Deny)
        assert outcome.kind == "unavailable"
        bank.file.write_bytes(kept.read_bytes())  # the same bytes, another file
        assert isinstance(tenant.authorize(intent(), audience="bank"), Deny)
        bank.file.unlink()
        kept.rename(bank.file)
        assert isinstance(tenant.authorize(intent(), audience="bank"), Granted)


def test_a_key_file_that_is_gone_or_another(bank: Bank, tmp_path: Path) -> None:
    before, key = bank.files(), bank.key.read_bytes()
    bank.key.unlink()
    with pytest.raises(KeyRingError, match="key"):
        bank.open()
    assert not bank.key.exists()
    for wrong, error in ((b"\x01" * 32, KeyRingError), (b"", KeyRingError), (key[:31], KeyRingError), (key + b"\n", KeyRingError)):
        bank.key.write_bytes(wrong)
        bank.key.chmod(0o600)
        with pytest.raises(error), bank.open() as authority:
            authority.tenant("acme")
    assert bank.files()[bank.file.name] == before[bank.file.name]
    bank.key.write_bytes(key)
    with bank.open() as authority:
        size = authority.tenant("acme").head().size
    goes_on(bank, size)


def test_a_clock_set_back(bank: Bank) -> None:
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        size = tenant.head().size
        bank.clock.advance(seconds=-3)
        with pytest.raises(TokenError):
            tenant.redeem(bank.unspent, pay(), adapter=tenant.adapter("bank"))
        nothing_gets_through(tenant, bank, IntendedError, kind="clock")
        assert tenant.head().size == size, "nothing is recorded at a time that cannot be"
        with pytest.raises(UnitRefusedError, match="clock"):
            tenant.put_entities(ENTITIES)
        bank.clock.advance(seconds=3)
    goes_on(bank, size)


def test_a_clock_set_back_while_nothing_ran(bank: Bank) -> None:
    bank.clock.advance(seconds=-3600)
    with bank.open() as authority:
        nothing_gets_through(authority.tenant("acme"), bank, IntendedError, kind="clock")


def test_a_clock_far_ahead_revives_no_token(bank: Bank) -> None:
    """And once it was recorded, time does not go back behind it."""
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        bank.clock.advance(seconds=3600)
        with pytest.raises(TokenError):
            tenant.redeem(bank.unspent, pay(), adapter=tenant.adapter("bank"))
        tenant.require(intent(), audience="bank")
        bank.clock.advance(seconds=-3600)
        with pytest.raises(TokenError):
            tenant.redeem(bank.unspent, pay(), adapter=tenant.adapter("bank"))


def test_a_store_of_a_newer_version(bank: Bank) -> None:
    with bank.open() as authority:
        size = authority.tenant("acme").head().size
    other = sqlite3.connect(bank.file, isolation_level=None)
    (current,) = other.execute("SELECT version_num FROM alembic_version").fetchone()
    other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    before = bank.files()
    with pytest.raises(AssemblyError, match="newer version"):
        bank.open()
    assert bank.files() == before
    other = sqlite3.connect(bank.file, isolation_level=None)
    other.execute("UPDATE alembic_version SET version_num = ?", (current,))
    other.close()
    goes_on(bank, size)


def rotten(bank: Bank, folder: Path, change: Callable[[bytearray], None]) -> str:
    """Let a copy of the file rot, and try everything on it: what was found, of refused, denied and whole."""
    with bank.open() as was:
        before, root = list(was.tenant("acme").records()), was.tenant("acme").head().frontier.root()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bank.file.parent.parent, folder)
    file = folder / "data" / bank.file.name
    data = bytearray(file.read_bytes())
    change(data)
    file.write_bytes(data)
    try:
        authority = Authority.open(file, key_file=folder / "keys" / bank.key.name, clock=bank.clock, durability="normal")
    except IntendedError:
        return "refused"
    with authority:
        try:
            tenant = authority.tenant("acme")
            verdict = verify_tenant_log(tenant)
        except IntendedError:
            return "refused"
        if verdict.grade is Grade.CONSISTENT_UNPINNED:
            assert list(tenant.records()) == before
            assert verdict.root == root, "a store that rotted never tells of another tree"
        handle, ran = tenant.adapter("bank"), 0
        for token in (bank.spent, bank.unspent, bank.unspent):
            try:
                tenant.redeem(token, pay(), adapter=handle)
                assert token == bank.unspent, "a spent token ran again"
                ran += 1
            except TokenError:
                continue
        assert ran <= 1
        return "whole" if ran and verdict.grade is Grade.CONSISTENT_UNPINNED else "denied"


@pytest.mark.parametrize("how", ["one bit", "a torn page"])
def test_a_file_that_rots(bank: Bank, tmp_path: Path, how: str) -> None:
    """One bit anywhere, or a page of which only some sectors were written: it is refused, or denies, or was of no account; and the log of
    whatever opens is the log that was, or is called damaged."""
    chance = random.Random(how)
    found: list[str] = []

    def one_bit(data: bytearray) -> None:
        place = chance.choice([at for at, byte in enumerate(data) if byte])  # most of a small file is empty
        data[place] ^= 1 << chance.randrange(8)

    def torn(data: bytearray) -> None:
        page, kept = chance.randrange(len(data) // 4096) * 4096, 512 * chance.randrange(1, 8)
        data[page + kept : page + 4096] = bytes(4096 - kept)

    for _ in range(40):
        change = one_bit if how == "one bit" else torn
        found.append(rotten(bank, tmp_path / "rotten", change))
    assert len(found) - found.count("whole") >= 10, "the rot was of no account, so nothing was tried"
