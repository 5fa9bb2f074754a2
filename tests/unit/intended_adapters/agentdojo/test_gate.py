"""The answers of a gate are values; a token does not show in them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from intended_adapters.agentdojo.gate import Allowed, Refused


def test_an_answer_cannot_be_changed() -> None:
    refused: Any = Refused(reasons=("no",))
    with pytest.raises(FrozenInstanceError):
        refused.reasons = ()


def test_an_allowed_token_is_not_shown(scene: Any) -> None:
    bank = scene("banking", "How much is there?")
    allowed = bank.gate.authorize(bank.host.intent(bank.conversation.sources, "get_balance", {}))
    assert isinstance(allowed, Allowed)
    assert allowed.token.text not in repr(allowed)
