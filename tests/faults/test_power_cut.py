"""The power is cut at any moment, and the disk has kept only what was synced, and of the rest what it liked: nothing acknowledged is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.world import AUDIENCE, intent
from intended_adapters.storage.sqlite import SqliteStorage
from intended_core import Grade, TokenError, verify_tenant_log
from intended_core.errors import IntendedError, UnitRefusedError
from intended_core.testing.storage_cases import ACME, check_log, consume
from tests.faults.power_cut import Cut, Event, cuts, put, record
from tests.faults.power_world import reopened

MANY = 1_200
FEW = 60


def traced(tmp_path: Path, what: str, durability: str) -> tuple[Path, list[Event]]:
    folder = tmp_path / "was"
    for name in ("data", "keys"):
        (folder / name).mkdir(parents=True)
    return folder, record(folder, "tests.faults.power_world", what, durability)


def told(cut: Cut, word: str) -> set[str]:
    """What was acknowledged with this word; a line that was not whole is nobody's acknowledgement."""
    return {line.split()[1] for line in cut.said if line.startswith(f"{word} ")}


def store_after(cut: Cut, folder: Path) -> tuple[set[str], set[str]]:
    """The nonces that are issued or spent, and those that are spent, once the store has been opened and found whole."""
    storage = SqliteStorage.open(folder / "data" / "a.db", durability="normal")
    try:
        storage.probe()
        rows = storage.scan(ACME, "nonce")
        if storage.head(ACME) is None:
            return set(), set()
        spent = {row.key for row in rows if row.state == "CONSUMED"}
        check_log(storage, ACME, 1 + len(rows) + len(spent), f"cut {cut.at} ({cut.mode})")
        for name in sorted(spent)[:2]:
            with pytest.raises(UnitRefusedError):
                storage.commit(consume(ACME, name, b"again"))
        return {row.key for row in rows}, spent
    finally:
        storage.close()


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_no_acknowledged_unit_is_lost(tmp_path: Path, count: int) -> None:
    was, events = traced(tmp_path, "store", "full")
    survived = 0
    for cut in cuts(events, count, seed=count, begin="ready"):
        put(cut, was=was, folder=tmp_path / "now")
        issued, spent = store_after(cut, tmp_path / "now")
        assert told(cut, "issued") <= issued, f"cut {cut.at} ({cut.mode})"
        assert told(cut, "spent") <= spent, f"cut {cut.at} ({cut.mode})"
        survived += len(issued) - len(told(cut, "issued"))
    assert survived > 0, "no cut fell between the disk's answer and ours, so the trace is not what it seems"


def test_the_cut_bites(tmp_path: Path) -> None:
    """With less durable settings acknowledged units are lost, from the end and whole: so this disk does forget, and the test above can fail."""
    was, events = traced(tmp_path, "store", "normal")
    lost = 0
    for cut in cuts(events, FEW, seed=1, begin="ready"):
        put(cut, was=was, folder=tmp_path / "now")
        try:
            issued, _ = store_after(cut, tmp_path / "now")
        except IntendedError:
            continue  # not even the file's first pages were synced yet
        lost += len(told(cut, "issued") - issued)
    assert lost > FEW


@pytest.mark.parametrize("count", [FEW // 2, pytest.param(300, marks=pytest.mark.slow)])
def test_no_acknowledged_decision_is_lost_and_no_token_is_spent_twice(tmp_path: Path, count: int) -> None:
    was, events = traced(tmp_path, "authority", "full")
    call = intent().call()
    for cut in cuts(events, count, seed=count, begin="ready"):
        put(cut, was=was, folder=tmp_path / "now")
        where = f"cut {cut.at} ({cut.mode})"
        issued, spent = told(cut, "issued"), told(cut, "spent")
        with reopened(tmp_path / "now") as authority:
            authority.probe()
            tenant = authority.tenant("acme")
            verdict = verify_tenant_log(tenant)
            assert verdict.grade is Grade.CONSISTENT_UNPINNED, f"{where}: {verdict.findings}"
            entries = [row.entry for row in tenant.records()]
            assert sum(b'"k":"decision.allow"' in entry for entry in entries) >= len(issued), where
            assert sum(b'"k":"token.consumed"' in entry for entry in entries) >= len(spent), where
            bank = tenant.adapter(AUDIENCE)
            for token in sorted(spent)[-3:]:
                with pytest.raises(TokenError):
                    tenant.redeem(token, call, adapter=bank)
            # What was granted and not acknowledged as spent runs once at most, and nearly all of it once.
            ran = 0
            for token in sorted(issued - spent)[-8:]:
                try:
                    tenant.redeem(token, call, adapter=bank)
                    ran += 1
                except TokenError as error:
                    assert error.code == "token.replayed", where
                with pytest.raises(TokenError):
                    tenant.redeem(token, call, adapter=bank)
            assert ran >= min(8, len(issued - spent)) - 4, f"{where}: more tokens are spent than there were threads"
            tenant.redeem(tenant.require(intent(), audience=AUDIENCE), call, adapter=bank)
