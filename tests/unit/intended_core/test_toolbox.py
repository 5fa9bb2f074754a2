"""check, test and decide without a store: typed answers, refusals with their place, and never a token."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from intended_core import Allow, Deny, EntityRef, IntentError, PolicyError
from intended_core.toolbox import (
    call_from_json,
    check_policies,
    decide_offline,
    entities_from_json,
    entity_ref,
    intent_from_json,
    outcome_json,
    test_policies,
)
from tests.house.source import ROOT
from tests.reference.payday import ENTITIES as PAYDAY
from tests.reference.payday import POLICY as PAY
from tests.reference.payday import intent as pay_intent

STORY = ROOT / "policies" / "examples" / "payments"
FILES = {path.name: path.read_bytes() for path in STORY.glob("*.policy")}
CASES = {case["name"]: case["intent"] for case in json.loads((STORY / "intents.json").read_bytes())}
NOW_US = 1_795_000_000_000_000


def decide(name: str) -> Any:
    entities = entities_from_json((STORY / "entities.json").read_bytes())
    return decide_offline(FILES, intent_from_json(json.dumps(CASES[name]).encode()), entities, now_us=NOW_US)


def test_check_tells_every_mistake_and_never_raises() -> None:
    assert check_policies(FILES).checked is not None
    bad = check_policies({"a.policy": b"\xff", "b.policy": b"permit", **FILES})
    assert bad.checked is None
    assert {item.span.file for item in bad.diagnostics if item.span is not None} >= {"a.policy"}
    assert "a.policy" in bad.text


def test_a_set_that_does_not_check_is_not_tested_or_decided() -> None:
    with pytest.raises(PolicyError) as caught:
        test_policies({"b.policy": b"permit"})
    assert caught.value.diagnostics
    assert test_policies(FILES).failed == ()


def test_deciding_grants_nothing() -> None:
    allowed = decide("the agent pays a known supplier")
    assert isinstance(allowed, Allow)
    assert outcome_json(allowed)["outcome"] == "allow"
    assert "token" not in outcome_json(allowed)
    denied = decide("a suspended agent pays")
    assert isinstance(denied, Deny)
    assert outcome_json(denied)["class"] == "forbid"
    shown = outcome_json(decide("a large invoice waits for a person"))
    assert shown["outcome"] == "escalate"
    assert shown["alternatives"]
    assert json.loads(json.dumps(shown)) == shown


def test_two_meanings_that_disagree_answer_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from intended_core.engine import offline

    real = offline.interpret
    monkeypatch.setattr(offline, "interpret", lambda *a, **k: replace(real(*a, **k), outcome="deny", kind="forbid"))
    with pytest.raises(PolicyError, match="disagree"):
        decide("the agent pays a known supplier")


def test_an_entity_is_written_one_way() -> None:
    assert entity_ref('User::"ann"') == EntityRef("User", "ann")
    assert entity_ref(r'A::B::"a\"b\\"') == EntityRef("A::B", 'a"b\\')
    for wrong in ("User::ann", 'User:"ann"', 'User::"a"b"', 'User::"ann" ', '::"a"', "", r'User::"a\n"'):
        with pytest.raises(IntentError):
            entity_ref(wrong)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"{}", "entities"), (b"[5]", "entities[0]"), (b'[{"type":"A"}]', "entities[0]"),
        (b'[{"type":"A","id":"a"},{"type":"A","id":5}]', "entities[1]"), (b'[{"type":"A","id":"a","more":1}]', "entities[0]"),
        (b'[{"type":"A","id":"a","parents":{}}]', "entities[0]"), (b'[{"type":"A","id":"a","parents":[5]}]', "entities[0]"),
        (b'[{"type":"A","id":"a","attributes":[]}]', "entities[0]"),
    ],
)  # fmt: skip
def test_entities_that_are_none_are_refused_at_their_place(data: bytes, place: str) -> None:
    with pytest.raises(IntentError) as caught:
        entities_from_json(data)
    assert caught.value.place == place


def test_references_in_attributes() -> None:
    (one,) = entities_from_json(b'[{"type":"A","id":"a","attributes":{"o":[{"__entity":{"type":"U","id":"u"}}]}}]')
    assert one.attributes == {"o": [EntityRef("U", "u")]}


@pytest.mark.parametrize(
    "data",
    [
        b"[]", b'{"action":"a"}', b'{"action":5,"resource":{"type":"A","id":"a"}}', b'{"action":"a","resource":"A"}',
        b'{"action":"a","resource":{"type":"A","id":"a"},"args":[]}', b'{"action":"a","resource":{"type":"A","id":"a"},"more":1}',
        b'{"action":"a","action":"b","resource":{"type":"A","id":"a"}}', b"\xff", b'{"action":"a","args":{"n":NaN}}',
    ],
)  # fmt: skip
def test_a_call_that_is_none(data: bytes) -> None:
    with pytest.raises(IntentError):
        call_from_json(data)
    assert call_from_json(b'{"action":"a","resource":{"type":"A","id":"a"}}').args == {}


def test_obligations_are_shown_as_plain_data() -> None:
    text = PAY.partition('test "paying"')[0]
    text = text.replace('because "small";', 'because "small";\n  oblige receipt(level: "full", within: 24h);')
    text += "obligation receipt(level: String, within: Duration) before;"
    found = decide_offline({"p.policy": text.encode()}, pay_intent(), PAYDAY, now_us=1)
    (one,) = outcome_json(found)["obligations"]  # type: ignore[misc]
    assert (one["name"], one["phase"], one["values"]["level"]) == ("receipt", "before", "s:full")
    assert json.loads(json.dumps(outcome_json(found))) == outcome_json(found)
