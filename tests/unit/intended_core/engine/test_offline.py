from __future__ import annotations

import pytest

from intended_core.engine import offline
from intended_core.engine.offline import Offline, said, typed_world
from intended_core.errors import IntentError, PolicyError
from intended_core.outcome import Deny
from intended_core.toolbox import checked_policies
from tests.reference.payday import ENTITIES, FILES, NOW_US, intent

CHECKED = checked_policies(FILES)
WORLD = typed_world(CHECKED, ENTITIES)
MS = NOW_US // 1000


def test_params_are_given_as_plain_data() -> None:
    here = Offline.of(CHECKED)
    assert said(here.decide(intent("400.00"), WORLD, now_ms=MS)) == "escalate"
    tight = here.given({"ceiling": "300.00"}, {"blocked": ["x"]}, now_ms=MS)
    assert said(tight.decide(intent("400.00"), WORLD, now_ms=MS)) == "deny"
    with pytest.raises(IntentError, match="ceilling"):
        here.given({"ceilling": "1.00"}, {}, now_ms=MS)


def test_every_meter_is_fresh() -> None:
    meter = 'meter spent { on: [pay]; key: [principal]; window: calendar_day("UTC"); amount: args.amount; }\n'
    rules = FILES["pay.policy"].decode().partition('test "paying"')[0]
    text = rules + meter + '@id("m") forbid over { meter spent > 50.00; }'
    metered = checked_policies({"pay.policy": text.encode()})
    here, world = Offline.of(metered), typed_world(metered, ENTITIES)
    assert said(here.decide(intent("50.00"), world, now_ms=MS)) == "allow"
    assert here.decide(intent("50.01"), world, now_ms=MS).rules == ("m",)


def test_two_meanings_that_disagree_give_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "decide", lambda *_, **__: Deny(kind="default", reasons=()))
    with pytest.raises(PolicyError, match="disagree"):
        Offline.of(CHECKED).decide(intent(), WORLD, now_ms=MS)
