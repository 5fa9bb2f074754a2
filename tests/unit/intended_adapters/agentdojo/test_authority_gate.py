"""The authority behind the gate: a tenant with its policies, entities and one person's key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from intended_adapters.agentdojo.authority_gate import AuthorityGate, policy_sources
from intended_adapters.agentdojo.gate import Allowed, Refused, Waiting
from intended_adapters.agentdojo.host import PARTIES
from intended_core import (
    AccessDeniedError,
    AssemblyError,
    Authority,
    Entity,
    EntityRef,
    Intent,
    PolicyError,
    UnitRefusedError,
)

Gates = Callable[[str], AuthorityGate]
WAITS = {"recipient": "X1", "amount": 1.0, "subject": "s", "date": "d"}


def test_what_is_known_already_is_not_written_again(gates: Gates) -> None:
    gate = gates("slack")
    size = gate.tenant.head().size
    gate.know(PARTIES)
    assert gate.tenant.head().size == size
    gate.know((*PARTIES, Entity(ref=EntityRef("Workspace", "other"))))
    assert gate.tenant.head().size == size + 1


def test_answers_are_allowed_waiting_or_refused_and_counted(scene: Any) -> None:
    bank = scene("banking", "Hello")
    sources = bank.conversation.sources
    assert isinstance(bank.gate.authorize(bank.host.intent(sources, "get_balance", {})), Allowed)
    waiting = bank.gate.authorize(bank.host.intent(sources, "send_money", WAITS))
    assert isinstance(waiting, Waiting)
    refused = bank.gate.authorize(bank.host.intent(sources, "send_money", {**WAITS, "amount": -1.0}))
    assert isinstance(refused, Refused)
    assert "forbid" in refused.reasons[0]
    assert (bank.gate.asked, bank.gate.approvals, bank.gate.redeemed) == (3, 0, 0)


def test_an_approval_is_good_for_exactly_what_was_approved(scene: Any) -> None:
    bank = scene("banking", "Hello")
    intent = bank.host.intent(bank.conversation.sources, "send_money", WAITS)
    other = bank.host.intent(bank.conversation.sources, "send_money", {**WAITS, "amount": 2.0})
    waiting = bank.gate.authorize(intent)
    bank.gate.approve(waiting.approval_id)
    assert isinstance(bank.gate.authorize(other, approval_id=waiting.approval_id), Refused)
    allowed = bank.gate.authorize(intent, approval_id=waiting.approval_id)
    assert isinstance(allowed, Allowed)
    assert isinstance(bank.gate.authorize(intent, approval_id=waiting.approval_id), Refused)


def test_an_approval_counts_once(scene: Any) -> None:
    bank = scene("banking", "Hello")
    waiting = bank.gate.authorize(bank.host.intent(bank.conversation.sources, "send_money", WAITS))
    bank.gate.approve(waiting.approval_id)
    with pytest.raises((AccessDeniedError, UnitRefusedError)):
        bank.gate.approve(waiting.approval_id)
    assert bank.gate.approvals == 1


def test_an_agent_that_policies_do_not_know_is_refused(scene: Any) -> None:
    bank = scene("banking", "Hello")
    known = bank.host.intent(bank.conversation.sources, "get_balance", {})
    stranger = Intent(principal=EntityRef("Agent", "stranger"), action=known.action, resource=known.resource)
    assert isinstance(bank.gate.authorize(stranger), Refused)


def test_policies_that_do_not_check_prepare_nothing(authority: Authority, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    with pytest.raises(AssemblyError, match="no policy files"):
        policy_sources(folder)
    (folder / "a.policy").write_text("permit everything {")
    with pytest.raises(PolicyError):
        AuthorityGate.prepare(authority, "t1", folder, PARTIES)
