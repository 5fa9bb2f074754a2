"""Redeemers race a halt: what the log holds after `halt.engaged` is no decision and no consumption of its scope until it is resumed."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from intended_core import EntityRef, HaltTarget, LocalPersonKey, SystemRandomness, TenantAuthority
from intended_core.audit.record import EventKind, parse_entry
from intended_core.testing.storage_cases import in_processes
from tests.attacks.store.store_world import BOT, Bank, found, intent, redeems

ANN, BOB = EntityRef("User", "ann"), EntityRef("User", "bob")
TARGETS = [HaltTarget("environment"), HaltTarget.of_adapter("bank"), HaltTarget.of_principal(BOT)]
GRANTS = (EventKind.DECISION_ALLOW, EventKind.TOKEN_CONSUMED)
REDEEMERS = 4


def _persons(tenant: TenantAuthority) -> list[tuple[EntityRef, LocalPersonKey]]:
    keys = [(ref, LocalPersonKey.generate(SystemRandomness())) for ref in (ANN, BOB)]
    for ref, key in keys:
        tenant.register_person(ref, key.public_key)
    return keys


def _nothing_after_a_halt(tenant: TenantAuthority) -> tuple[int, int]:
    """How many halts the log holds, and how many tokens were consumed; raises when one was after its halt."""
    halted, halts, consumed = False, 0, 0
    for record in tenant.records():
        kind = parse_entry(record.entry).kind
        if kind is EventKind.HALT_ENGAGED:
            halted, halts = True, halts + 1
        elif kind is EventKind.HALT_RESUMED:
            halted = False
        elif kind in GRANTS:
            assert not halted, f"record {record.seq} is a {kind.value} after the halt"
            consumed += kind is EventKind.TOKEN_CONSUMED
    return halts, consumed


def _race(bank: Bank, rounds: int) -> tuple[int, int, int]:
    with bank.open() as authority:
        acme = authority.tenant("acme")
        keys = _persons(acme)
        accepted: list[bool] = []
        for number in range(rounds):
            target = TARGETS[number % len(TARGETS)]
            tokens = [acme.require(intent(), audience="bank") for _ in range(REDEEMERS)]
            start = threading.Barrier(REDEEMERS + 1)

            def one(token: Any, start: threading.Barrier = start) -> None:
                start.wait()
                accepted.append(redeems(acme, token))

            threads = [threading.Thread(target=one, args=(token,)) for token in tokens]
            for thread in threads:
                thread.start()
            start.wait()
            acme.halts.engage(target, reason="stop", keys=keys[:1])
            assert not any(redeems(acme, token) for token in tokens), "honoured after the halt"
            for thread in threads:
                thread.join()
            acme.halts.resume(target, reason="go on", keys=keys)
        halts, consumed = _nothing_after_a_halt(acme)
        assert consumed == accepted.count(True) + 1, "what was accepted is what the log says"
        return halts, accepted.count(True), accepted.count(False)


def test_threads_that_redeem_while_it_is_halted(tmp_path: Path) -> None:
    halts, _, _ = _race(found(tmp_path / "bank"), 30)
    assert halts == 30


@pytest.mark.slow
def test_a_thousand_races_of_threads(tmp_path: Path) -> None:
    halts, accepted, refused = _race(found(tmp_path / "bank"), 1_000)
    assert halts == 1_000
    assert min(accepted, refused) > 10, "neither side always won: it was a race"


def _redeem_all(sending: Any, bank: Bank, tokens: list[str], pem: bytes) -> None:
    with bank.open() as authority:
        acme = authority.tenant("acme")
        if pem:
            acme.halts.engage(TARGETS[0], reason="stop", keys=[(ANN, LocalPersonKey.from_pem(pem))])
            sending.send([])
        else:
            sending.send([token for token in tokens if redeems(acme, token)])


@pytest.mark.slow
def test_processes_that_redeem_while_it_is_halted(tmp_path: Path) -> None:
    """Two processes redeem, a third halts somewhere in between; three times."""
    for number in range(3):
        bank = found(tmp_path / f"bank{number}")
        with bank.open() as authority:
            acme = authority.tenant("acme")
            keys = _persons(acme)
            tokens = [acme.require(intent(), audience="bank").text for _ in range(200)]
        answers, codes = in_processes(
            _redeem_all, [(bank, tokens[:100], b""), (bank, tokens[100:], b""), (bank, [], keys[0][1].to_pem())]
        )
        assert codes == [0, 0, 0]
        with bank.open() as authority:
            acme = authority.tenant("acme")
            halts, consumed = _nothing_after_a_halt(acme)
            assert (halts, consumed) == (1, len(answers[0]) + len(answers[1]) + 1)
            assert not any(redeems(acme, token) for token in tokens[:20])
