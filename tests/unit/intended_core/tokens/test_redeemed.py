from __future__ import annotations

import dataclasses
import pickle

import pytest

from intended_core.ids import EntityRef
from intended_core.intent import ValidCall
from intended_core.tokens.redeemed import RedeemedToken
from intended_core.values import Record
from tests.reference.token_world import ARH, claims


def test_a_redeemed_token_is_frozen_and_stays_where_it_is() -> None:
    call = ValidCall(action="pay", resource=EntityRef("Account", "acme-1"), args=Record({"n": 1}), wire=b"{}", arh=ARH)
    one = RedeemedToken(call=call, claims=claims(), attempt_id="a", seq=9)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.seq = 10  # type: ignore[misc]
    with pytest.raises(TypeError):
        one.call.args["n"] = 2
    with pytest.raises(TypeError):
        pickle.dumps(one)
