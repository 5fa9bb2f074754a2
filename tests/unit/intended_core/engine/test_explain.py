from __future__ import annotations

from typing import Any

import pytest

from intended_core.engine import explain as explain_room
from intended_core.engine.explain import MAX_TRIED, explain
from intended_core.engine.offline import Offline, said, typed_world
from intended_core.entities import Entity
from intended_core.ids import EntityRef
from intended_core.toolbox import checked_policies
from tests.reference.payday import ENTITIES, FILES, NOW_US, PAYERS, intent

CHECKED = checked_policies(FILES)
MS = NOW_US // 1000


def flips(amount: str = "10.00", risk: int = 1, **more: object) -> dict[str, str]:
    found = explain(CHECKED, intent(amount, risk, **more), ENTITIES, now_ms=MS)
    return {flip.what: flip.outcome for flip in found.flips}


def test_the_smallest_change_of_a_number_comes_first() -> None:
    found = explain(CHECKED, intent("100.01"), ENTITIES, now_ms=MS)
    assert said(found.outcome) == "escalate"
    assert (found.flips[0].what, found.flips[0].outcome) == ('args.amount: "100.01" → "100"', "allow")
    assert found.flips[0].rules == ("pay.small",)


def test_a_forbid_is_lifted_by_what_it_rests_on() -> None:
    found = flips(risk=95)
    assert next(iter(found.items())) == ("context.risk: 95 → 89", "escalate")
    assert found["context.risk: 95 → 69"] == "allow"


def test_attributes_and_groups_are_changed_when_no_member_helps() -> None:
    outside = tuple(
        entity
        if entity.ref.id != "ann"
        else type(entity)(ref=entity.ref, attributes={"limit": "1.00", "suspended": False})
        for entity in ENTITIES
    )
    found = explain(CHECKED, intent("10.00"), outside, now_ms=MS)
    assert said(found.outcome) == "deny"
    assert ('User::"ann" is put into Group::"payers"', "allow") in [(one.what, one.outcome) for one in found.flips]


def test_every_change_that_is_named_was_decided_again_within_the_bound() -> None:
    found = explain(CHECKED, intent("400.00", 75), ENTITIES, now_ms=MS)
    assert 0 < found.tried <= MAX_TRIED
    offline, world = Offline.of(CHECKED), typed_world(CHECKED, ENTITIES)
    for flip in found.flips:
        assert flip.outcome != said(found.outcome)
        if flip.what.startswith("args.amount: "):
            changed = intent(flip.what.rpartition(" → ")[2].strip('"'), 75)
            assert said(offline.decide(changed, world, now_ms=MS)) == flip.outcome


def test_an_intent_outside_the_schema_is_told_and_not_traced() -> None:
    found = explain(CHECKED, intent("ten"), ENTITIES, now_ms=MS)
    assert found.trace is None
    assert found.invalid.startswith("args.amount: ")
    assert found.flips == ()


def test_the_trace_names_the_clause_that_decided() -> None:
    found = explain(CHECKED, intent(risk=95), ENTITIES, now_ms=MS)
    assert found.trace is not None
    rules = {rule.id: rule for rule in found.trace.rules}
    assert rules["risk.stop"].result == "holds"
    assert rules["risk.stop"].clauses[0].answer == "true"


def test_two_changes_are_found_where_one_does_not_do() -> None:
    text = FILES["pay.policy"].decode().partition('test "paying"')[0]
    text += '@id("stop.usd") forbid usd { action == pay; when args.currency == "USD"; }'
    checked = checked_policies({"p.policy": text.encode()})
    found = explain(checked, intent("10.00", 95, currency="USD"), ENTITIES, now_ms=MS)
    assert said(found.outcome) == "deny"
    assert found.flips[0].outcome != "deny"
    assert {"args.currency", "context.risk"} == {part.partition(": ")[0] for part in found.flips[0].what.split("; and ")}


def test_each_place_is_named_once_for_an_outcome() -> None:
    found = explain(CHECKED, intent("100.01"), ENTITIES, now_ms=MS)
    keys = [(one.what.partition(": ")[0], one.outcome) for one in found.flips]
    assert len(keys) == len(set(keys))


def test_a_large_world_is_typed_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = [
        Entity(ref=EntityRef("User", f"u{n}"), parents=frozenset({PAYERS}), attributes={"limit": "1.00", "suspended": False})
        for n in range(2_500)
    ]
    typed = 0

    def count(*given: Any) -> Any:
        nonlocal typed
        typed += 1
        return typed_world(*given)

    monkeypatch.setattr(explain_room, "typed_world", count)
    found = explain(CHECKED, intent("600.00", 95), [*ENTITIES, *crowd], now_ms=MS)
    assert found.flips
    assert 0 < typed <= 40
