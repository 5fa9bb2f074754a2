"""The log is compared with what happened: one call more or less and it does not hold."""

from __future__ import annotations

from typing import Any

import pytest

from intended_adapters.agentdojo.evidence import check_log_and_bundle


@pytest.fixture
def bank(scene: Any) -> Any:
    bank = scene("banking", "How much is there?")
    bank.run("get_balance")
    bank.run("update_password", password="stolen-1")
    return bank


def test_a_log_that_matches_holds(bank: Any) -> None:
    found = check_log_and_bundle(bank.gate, replays=1, made_us=1)
    assert found["holds"], found
    assert found["bundle_of"] == f"decision {bank.gate.exhibit}"
    assert found["log_records"] == bank.gate.tenant.head().size


@pytest.mark.parametrize("counter", ["asked", "approvals", "redeemed"])
@pytest.mark.parametrize("by", [1, -1])
def test_a_call_too_many_or_too_few_is_seen(bank: Any, counter: str, by: int) -> None:
    setattr(bank.gate, counter, getattr(bank.gate, counter) + by)
    found = check_log_and_bundle(bank.gate, replays=1, made_us=1)
    assert not found["holds"]
    assert "in the log" in found["log"]


def test_replays_are_compared_too(bank: Any) -> None:
    assert not check_log_and_bundle(bank.gate, replays=0, made_us=1)["holds"]


def test_a_play_without_any_allowed_call_proves_nothing(scene: Any) -> None:
    assert not check_log_and_bundle(scene("banking", "Nothing").gate, replays=0, made_us=1)["holds"]


def test_the_bundle_is_of_an_approved_call_when_there_is_one(scene: Any) -> None:
    bank = scene("banking", "Hello", lambda _function, _args: True)
    bank.run("update_password", password="given-1")
    approved = bank.gate.exhibit
    bank.run("get_balance")
    found = check_log_and_bundle(bank.gate, replays=2, made_us=1)
    assert found["holds"], found
    assert found["bundle_of"] == f"decision {approved}"
