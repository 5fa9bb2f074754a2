"""Two processes, one file, the same tokens: each token runs once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from intended_core.testing.storage_cases import in_processes
from tests.attacks.store.store_world import Bank, found, intent, redeems


def _redeem_all(sending: Any, bank: Bank, tokens: list[str]) -> None:
    with bank.open() as authority:
        acme = authority.tenant("acme")
        sending.send([number for number, token in enumerate(tokens) if redeems(acme, token)])


def _race(folder: Path, count: int) -> None:
    bank = found(folder / "bank")
    with bank.open() as authority:
        acme = authority.tenant("acme")
        tokens = [acme.require(intent(), audience="bank").text for _ in range(count)]
    answers, codes = in_processes(_redeem_all, [(bank, tokens), (bank, tokens)])
    assert codes == [0, 0]
    assert sorted(answers[0] + answers[1]) == list(range(count))
    with bank.open() as authority:
        authority.probe()
        assert not any(redeems(authority.tenant("acme"), token) for token in tokens[:20])


def test_two_processes_and_the_same_tokens(tmp_path: Path) -> None:
    _race(tmp_path, 100)


@pytest.mark.slow
def test_two_processes_and_a_thousand_tokens(tmp_path: Path) -> None:
    _race(tmp_path, 1000)
