"""A set's own tests: both meanings are asked, and what does not come out as expected fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.flows import policytests
from intended_core.flows.policytests import CaseResult, TestReport, run_tests
from intended_core.lang.checker import check
from intended_core.lang.source import Source
from tests.reference.flow_world import POLICY

WORLD = """
fixture bank {
  entity Agent::"bot";
  entity Account::"main" { closed: false };
  entity Account::"old" { closed: true };
}
test "pay" with bank {
  given amount = 5.00; given account = Account::"main";
  intent { principal: Agent::"bot"; action: pay; resource: account; now: datetime("2026-01-01T00:00:00Z"); args: { amount: amount }; }
  %s
}
"""


def cases(expectations: str) -> tuple[CaseResult, ...]:
    text = POLICY + WORLD.replace("%s", expectations)
    return run_tests(check([Source.from_bytes("bank.policy", text.encode())])).cases


def one(expectation: str) -> CaseResult:
    (case,) = cases(f'case "c" {expectation};')
    return case


@pytest.mark.parametrize(
    "expectation",
    [
        "expect allow", "expect allow by small", "{ account: Account::\"old\" } expect deny", "{ amount: 500.00 } expect escalate by large",
        "{ account: Account::\"old\" } expect deny(forbid) by closed", "{ amount: -1.00 } expect deny(default)",
    ],
)  # fmt: skip
def test_what_comes_out_as_expected_passes(expectation: str) -> None:
    assert one(expectation).passed


@pytest.mark.parametrize(
    ("expectation", "got"),
    [
        ("expect deny", "allow by small"), ("expect escalate", "allow by small"), ("expect allow by large", "allow by small"),
        ("{ amount: -1.00 } expect allow", "deny(default)"), ("{ amount: -1.00 } expect deny(forbid)", "deny(default)"),
        ("{ amount: 500.00 } expect allow", "escalate by large"), ("{ amount: 500.00 } expect deny", "escalate by large"),
        ("{ account: Account::\"old\" } expect deny by small", "deny(forbid) by closed"),
    ],
)  # fmt: skip
def test_anything_else_fails_and_says_what_came(expectation: str, got: str) -> None:
    case = one(expectation)
    assert not case.passed
    assert case.got == got
    assert case.expected in expectation.replace("expect ", "")
    assert case.place.startswith("bank.policy:")


def test_reasons_say_which_rule_and_why() -> None:
    assert one("{ account: Account::\"old\" } expect deny").reasons == ("closed: the account is closed",)


@pytest.mark.parametrize(
    ("expectation", "passes"),
    [("expect deny(error)", True), ("expect deny", True), ("expect allow", False), ("expect deny(default)", False)],
)  # fmt: skip
def test_a_world_that_lacks_an_entity_is_an_error(expectation: str, passes: bool) -> None:
    text = POLICY + WORLD.replace("%s", f'case "c" {expectation};').replace('  entity Agent::"bot";\n', "")
    (case,) = run_tests(check([Source.from_bytes("bank.policy", text.encode())])).cases
    assert (case.passed, case.got) == (passes, "deny(error)")


def test_two_meanings_that_differ_fail_whatever_was_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = policytests.interpret
    monkeypatch.setattr(policytests, "interpret", lambda *a, **k: replace(honest(*a, **k), outcome="deny", kind="default"))
    case = one("expect allow")
    assert not case.passed
    assert "the interpreter says deny" in case.reasons[-1]


def test_a_report_names_the_failed() -> None:
    report = TestReport(cases=cases('case "good" expect allow; case "bad" expect deny;'))
    assert [case.name for case in report.failed] == ["pay / bad"]
    assert TestReport(cases=()).failed == ()


TWO_BLOCKS = """
entity Group;
@root entity User in Group {}
entity Doc;
action send { principal: User; resource: Doc; args: { n: Int }; }
@id("ask") permit ask { action == send; approval { from: Group::"a"; quorum: 1; expires: 1h; } }
@id("gate") escalate gate { action == send; approval { from: Group::"b"; quorum: 1; expires: 1h; } }
test "people" {
  entity Group::"a", Group::"b"; entity User::"eve"; entity Doc::"d";
  entity User::"ann" in [Group::"a", Group::"b"]; entity User::"bob" in Group::"a";
  intent { principal: User::"eve"; action: send; resource: Doc::"d"; now: datetime("2026-01-01T00:00:00Z"); args: { n: 1 }; }
  expect escalate;
  approve by [%s];
  again expect %s;
}
"""


@pytest.mark.parametrize(
    ("people", "outcome"),
    [('User::"ann", User::"bob"', "allow"), ('User::"bob", User::"ann"', "allow"), ('User::"ann"', "escalate"), ('User::"bob"', "escalate")],
)  # fmt: skip
def test_who_may_serve_two_blocks_is_counted_where_they_are_needed(people: str, outcome: str) -> None:
    text = TWO_BLOCKS % (people, outcome)
    assert [case.reasons for case in run_tests(check([Source.from_bytes("p.policy", text.encode())])).failed] == []


def test_a_second_yes_for_the_same_block_is_one_too_many() -> None:
    text = TWO_BLOCKS.replace('User::"bob" in Group::"a"', 'User::"bob", User::"joe" in Group::"a"') % ('User::"bob", User::"joe"', "escalate")
    (failed,) = run_tests(check([Source.from_bytes("p.policy", text.encode())])).failed
    assert failed.reasons == ('User::"joe": every requirement has its approvers already',)


TWO_EYES = """
entity Group;
@root entity User in Group {}
entity Doc;
action send { principal: User; resource: Doc; args: { n: Int }; }
@id("ask") permit ask { action == send; approval { from: Group::"a"; quorum: 2; exclude: [principal]; expires: 1h; } }
test "people" {
  entity Group::"a"; entity User::"eve"; entity Doc::"d";
  entity User::"ann", User::"bob", User::"cleo" in Group::"a";
  given n = 1;
  intent { principal: User::"eve"; action: send; resource: Doc::"d"; now: datetime("2026-01-01T00:00:00Z"); args: { n: n }; }
  expect escalate;
  approve by User::"ann";
  %s
}
"""


@pytest.mark.parametrize(
    "steps",
    [
        'approve by User::"bob"; again expect allow; again expect escalate;',
        'approve by User::"bob"; advance 59m; again expect allow;',
        'approve by User::"bob"; advance 1h; again expect escalate;',
        'approve by User::"bob"; again { n: 2 } expect escalate;',
        'again expect escalate; approve by User::"bob"; again expect escalate;',
        'again expect escalate; approve by [User::"ann", User::"bob"]; again expect allow;',
    ],
    ids=["in-two-steps", "within-its-life", "after-its-life", "another-intent", "asked-anew", "asked-anew-and-approved"],
)
def test_yes_is_said_to_the_request_that_waits_and_an_intent_that_is_asked_again_makes_a_new_one(steps: str) -> None:
    """As in production: an approval belongs to a request, and who asks once more has a request without any."""
    report = run_tests(check([Source.from_bytes("p.policy", (TWO_EYES % steps).encode())]))
    assert [(case.name, case.got, case.reasons) for case in report.failed] == []


def test_a_rule_without_a_because_is_named_alone() -> None:
    text = TWO_EYES % "again expect allow;"
    (failed,) = run_tests(check([Source.from_bytes("p.policy", text.encode())])).failed
    assert failed.reasons == ("ask",)
