"""A disk that is really full: nothing is granted, and whoever stops something is not denied with the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from intended_adapters.storage.reserve import PART_BYTES, RESERVE_BYTES
from intended_core import (
    Deny,
    EntityRef,
    Grade,
    Granted,
    HaltTarget,
    StoreError,
    TenantAuthority,
    TokenError,
    verify_tenant_log,
)
from intended_core.errors import StoreFullError
from tests.faults.full_disk import filled, mounted
from tests.faults.test_troubled_store import Bank, store
from tests.house.source import ROOT
from tests.reference.flow_world import ANN, ANN_KEY, BOT, STRICT, intent, pay


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with mounted(tmp_path / "disk", megabytes=8) as disk:
        yield Bank(disk / "bank")


def reserve(bank: Bank) -> Path:
    return bank.file.with_name("a.db-reserve")


def until_denied(tenant: TenantAuthority) -> None:
    """What still fits is granted; then nothing is."""
    for _ in range(2000):
        if isinstance(tenant.authorize(intent(), audience="bank"), Deny):
            return
    pytest.fail("the disk never was full")


def nothing_is_granted(tenant: TenantAuthority, bank: Bank) -> None:
    for _ in range(3):
        outcome = tenant.authorize(intent(), audience="bank")
        assert isinstance(outcome, Deny)
        assert (outcome.kind, outcome.seq) == ("unavailable", None)
    with pytest.raises(TokenError):
        tenant.redeem(bank.unspent, pay(), adapter=tenant.adapter("bank"))
    with pytest.raises(StoreFullError):
        tenant.activate({"bank.policy": STRICT})


def other(number: int) -> HaltTarget:
    return HaltTarget.of_principal(EntityRef("Agent", f"other{number}"))


def test_what_stops_something_is_written_and_nothing_else_is(bank: Bank) -> None:
    keys = [(ANN, ANN_KEY)]
    stops: list[Callable[[TenantAuthority], object]] = [
        lambda tenant: tenant.halts.revoke_token(bank.unspent, reason="leaked", keys=keys),
        lambda tenant: tenant.halts.revoke_tokens_of(BOT, reason="taken over", keys=keys),
        *[lambda tenant, at=at: tenant.halts.engage(other(at), reason="stop", keys=keys) for at in range(12)],  # type: ignore[misc]
    ]
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        assert reserve(bank).stat().st_size == RESERVE_BYTES
        with filled(bank.file.parent.parent):
            until_denied(tenant)
            for stop in stops:
                nothing_is_granted(tenant, bank)
                assert reserve(bank).stat().st_size > RESERVE_BYTES // 4
                size = tenant.head().size
                stop(tenant)
                assert tenant.head().size == size + 1
            nothing_is_granted(tenant, bank)
            assert sum(halt.engaged for halt in tenant.halts.standing()) == 12
            assert reserve(bank).stat().st_size < RESERVE_BYTES
        assert isinstance(tenant.authorize(intent(), audience="bank"), Granted)
        authority.probe()
        assert reserve(bank).stat().st_size == RESERVE_BYTES, "and it is made again"
        assert verify_tenant_log(tenant).grade is Grade.CONSISTENT_UNPINNED
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        assert sum(halt.engaged for halt in tenant.halts.standing()) == 12
        with pytest.raises(TokenError):
            tenant.redeem(bank.unspent, pay(), adapter=tenant.adapter("bank"))


def test_a_neighbour_who_takes_whatever_is_given_up(bank: Bank) -> None:
    """Four halts at the least, though nothing of what was lent ever comes back."""
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        with filled(bank.file.parent.parent):
            until_denied(tenant)
            for at in range(RESERVE_BYTES // PART_BYTES):
                os.truncate(reserve(bank), RESERVE_BYTES - at * PART_BYTES)
                with filled(bank.file.parent):
                    nothing_is_granted(tenant, bank)
                    tenant.halts.engage(other(at), reason="stop", keys=[(ANN, ANN_KEY)])
                    nothing_is_granted(tenant, bank)


def test_without_a_reserve_it_is_a_full_disk_as_any(bank: Bank) -> None:
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        reserve(bank).unlink()
        with filled(bank.file.parent.parent):
            until_denied(tenant)
            with pytest.raises(StoreFullError):
                tenant.halts.engage(other(0), reason="stop", keys=[(ANN, ANN_KEY)])
            nothing_is_granted(tenant, bank)
        tenant.halts.engage(other(0), reason="stop", keys=[(ANN, ANN_KEY)])


HALT = """
import sys
from intended_core import Authority, HaltTarget, ManualClock
from tests.reference.flow_world import ANN, NOW_US
given = [(ANN, bytes.fromhex(sys.argv[3]))]
with Authority.open(sys.argv[1], key_file=sys.argv[2], clock=ManualClock(NOW_US + 10**6), durability="normal") as authority:
    assert authority.tenant("acme").halts.engage(HaltTarget("tenant"), reason="stop", signatures=given).engaged
"""


def test_another_process_stops_what_runs(bank: Bank) -> None:
    with bank.open() as authority:
        tenant = authority.tenant("acme")
        with filled(bank.file.parent.parent):
            until_denied(tenant)
            signature = ANN_KEY.sign(tenant.halts.digest("engage", HaltTarget("tenant"), "stop"))
            done = subprocess.run(
                [sys.executable, "-B", "-c", HALT, str(bank.file), str(bank.key), signature.hex()], cwd=ROOT, capture_output=True, text=True,
                timeout=60, check=False, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            outcome = tenant.authorize(intent(), audience="bank")
            assert isinstance(outcome, Deny)
        bank.clock.advance(seconds=2)
        outcome = tenant.authorize(intent(), audience="bank")
        assert isinstance(outcome, Deny)
        assert outcome.kind == "halted"


def test_a_store_that_is_opened_on_a_full_disk_opens_or_says_that_there_is_no_space(bank: Bank) -> None:
    with filled(bank.file.parent.parent):
        try:
            bank.open().close()
        except StoreError as error:
            assert "space" in str(error)
    with bank.open() as authority:
        assert ("reserve", f"{RESERVE_BYTES} of {RESERVE_BYTES} bytes") in store(authority).info().settings
