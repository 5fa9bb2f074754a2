from __future__ import annotations

import pytest

from intended_core.errors import PolicyError
from intended_core.trials import IntentCase, IntentTable, rehearse, replay_intents
from tests.reference.payday import ENTITIES, FILES, NOW_US, intent


def table(*cases: IntentCase, **more: object) -> IntentTable:
    return IntentTable(cases=cases, entities=ENTITIES, **more)  # type: ignore[arg-type]


def case(name: str, amount: str = "10.00", risk: int = 1, **expected: object) -> IntentCase:
    return IntentCase(name=name, intent=intent(amount, risk), now_us=NOW_US, **expected)  # type: ignore[arg-type]


def test_cases_of_a_table_run_beside_the_tests_of_the_set() -> None:
    cases = table(
        case("good", outcome="allow", by=("pay.small",)),
        case("wrong outcome", outcome="deny"),
        case("wrong class", risk=95, outcome="deny", kind="default"),
        case("wrong rule", outcome="allow", by=("pay.large",)),
        case("no duty", outcome="allow", obliges=("receipt",)),
        case("not of the schema", "ten", outcome="deny", kind="intent_invalid"),
    )
    report = rehearse(FILES, [cases]).report
    assert [one.name for one in report.cases][:3] == ["paying / small", "paying / large", "paying / too risky"]
    assert [one.name for one in report.failed] == ["wrong outcome", "wrong class", "wrong rule", "no duty"]
    assert [one.name for one in rehearse(FILES, [cases], only="WRONG r").report.cases] == ["wrong rule"]


def test_a_case_that_fails_says_why() -> None:
    cases = table(
        case("refused", risk=95, outcome="allow"),
        case("by default", "900.00", outcome="allow"),
        case("not of the schema", "ten", outcome="allow"),
    )
    found = {one.name: one.reasons for one in rehearse(FILES, [cases]).report.failed}
    assert found.keys() == {"refused", "by default", "not of the schema"}
    assert all(found.values())
    assert found["refused"] == ("risk.stop: too risky",)
    assert found["not of the schema"][0].startswith("args.")


def test_params_of_a_table_count() -> None:
    cases = table(case("large", "400.00", outcome="deny"), params={"ceiling": "300.00"})
    assert rehearse(FILES, [cases], only="large").report.failed == ()


def test_replay_says_which_intents_flip() -> None:
    new = {"pay.policy": FILES["pay.policy"].replace(b"<= 100.00", b"<= 50.00")}
    found = replay_intents(FILES, new, table(case("same"), case("flips", "75.00"), case("broken", "x")))
    assert [(one.name, one.before, one.after) for one in found if one.flips] == [("flips", "allow", "escalate")]
    assert found[1].before_rules == ("pay.small",)
    assert found[2].before == "deny(intent_invalid)"


def test_a_set_that_does_not_check_is_refused() -> None:
    with pytest.raises(PolicyError):
        rehearse({"p.policy": b"permit"})
