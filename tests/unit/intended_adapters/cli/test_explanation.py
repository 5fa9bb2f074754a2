from __future__ import annotations

from intended_adapters.cli.explanation import explanation_json, explanation_text
from intended_core import explain_intent
from tests.reference.payday import ENTITIES, FILES, NOW_US, intent


def test_people_read_the_clause_the_values_and_the_change() -> None:
    text = explanation_text(explain_intent(FILES, intent(risk=95), ENTITIES, now_us=NOW_US))
    assert text.startswith("DENY (forbid) by risk.stop\n  forbid risk.stop: applies\n    when at pay.policy:")
    assert "      context.risk = 95\n" in text
    assert "  context.risk: 95 → 89: escalate by risk.ask" in text


def test_programs_read_the_same() -> None:
    found = explanation_json(explain_intent(FILES, intent(risk=95), ENTITIES, now_us=NOW_US))
    assert (found["outcome"], found["class"], found["invalid"]) == ("deny", "forbid", "")
    (stop,) = [rule for rule in found["trace"] if rule["rule"] == "risk.stop"]
    assert stop["clauses"][0]["read"] == [{"what": "context.risk", "value": "95"}]
    assert found["flips"][0] == {"what": "context.risk: 95 → 89", "outcome": "escalate", "rules": ["risk.ask"]}


def test_an_intent_that_is_none_says_why() -> None:
    text = explanation_text(explain_intent(FILES, intent("ten"), ENTITIES, now_us=NOW_US))
    assert text.splitlines()[0] == "DENY (intent_invalid)"
    assert "args.amount" in text
