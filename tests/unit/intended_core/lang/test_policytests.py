"""Tests in the language become whole intents against whole worlds."""

from __future__ import annotations

import pytest

from intended_core.entities import Entity
from intended_core.ids import EntityRef
from intended_core.lang.typed import PolicyTest
from tests.unit.intended_core.lang.support import refused, run

RULE = '@id("r") permit r { action == transfer; when args.payee.verified and context.at <= now; }\n'
FIXTURE = """fixture base {
  entity Group::"g";
  entity User::"ann", User::"bob" in Group::"g" { department: "ops", limit: 5 };
  entity Account::"a" { owner: User::"ann", labels: ["x", "y"] };
  entity Payee::"p" { verified: true, created_by: User::"bob" };
  given amount = 10;
}
"""
INTENT = """intent {
  principal: User::"ann"; action: transfer; resource: Account::"a"; now: datetime("2026-01-01T00:00:00Z");
  args: { amount: amount, currency: "EUR", payee: Payee::"p", to: ["a@b.example"], urgent: false, box: { size: 3 } };
  context: { risk: 1, at: datetime("2026-01-01T00:00:00Z"), maker: User::"bob" };
  origins: { payee: ["record"], box: { size: "user" } };
}
"""


def expanded(text: str) -> tuple[PolicyTest, ...]:
    checked, diagnostics = run(RULE + FIXTURE + text)
    assert checked is not None, diagnostics
    return checked.tests


def test_a_whole_test() -> None:
    (made,) = expanded(f'test "t" with base {{ {INTENT} expect allow by r; }}')
    assert made.name == "t"
    assert made.now_ms == 1_767_225_600_000
    assert made.intent.principal == EntityRef("User", "ann")
    assert made.intent.args == {
        "amount": "10", "currency": "EUR", "payee": EntityRef("Payee", "p"), "to": ["a@b.example"], "urgent": False, "box": {"size": 3},
    }  # fmt: skip
    assert made.intent.context == {"risk": 1, "at": "2026-01-01T00:00:00Z", "maker": EntityRef("User", "bob")}
    assert made.intent.origins == {"payee": frozenset({"record"}), "box.size": frozenset({"user"})}
    assert made.intent.caller_context == frozenset()
    assert (made.expect.outcome, made.expect.deny_class, made.expect.by) == ("allow", None, ("r",))
    assert made.entities[0] == Entity(
        ref=EntityRef("Account", "a"), attributes={"owner": EntityRef("User", "ann"), "labels": ["x", "y"]}
    )
    bob = next(entity for entity in made.entities if entity.ref == EntityRef("User", "bob"))
    assert bob.parents == frozenset({EntityRef("Group", "g")})
    assert bob.attributes == {"department": "ops", "limit": "5"}


def test_cases_override_givens() -> None:
    text = f'test "t" with base {{ given amount = 20.5; {INTENT} case "one" expect allow; case "two" {{ amount: 30 }} expect deny(default); }}'
    one, two = expanded(text)
    assert (one.name, two.name) == ("t / one", "t / two")
    assert (one.intent.args["amount"], two.intent.args["amount"]) == ("20.5", "30")
    assert two.expect.deny_class == "default"


def test_a_missing_member_goes_through_as_it_is() -> None:
    (made,) = expanded('test "t" with base { intent { principal: User::"ann"; action: nope; resource: Account::"a";'
                       ' now: datetime("2026-01-01T00:00:00Z"); args: { other: 3 }; } expect deny(intent_invalid); }')  # fmt: skip
    assert (made.intent.action, made.intent.args, made.intent.context) == ("nope", {"other": 3}, {})


def test_now_may_be_left_out_when_no_rule_reads_it() -> None:
    text = 'test "t" { intent { principal: User::"a"; action: close; resource: Account::"b"; } expect deny; }'
    assert refused(text) == []
    assert refused(RULE + text) == ["test.invalid"]


def _test(body: str) -> str:
    return RULE + FIXTURE + 'test "t" with base { ' + body + " }"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (_test("expect allow;"), "test.invalid"),
        (_test(INTENT + INTENT + "expect allow;"), "test.invalid"),
        (_test(INTENT), "test.invalid"),
        (_test(INTENT + "expect allow by nope;"), "name.unknown"),
        (_test(INTENT + "expect deny(nope);"), "test.invalid"),
        (_test(INTENT + 'case "a" { nope: 3 } expect allow;'), "name.unknown"),
        (_test(INTENT + 'case "a" expect allow; case "a" expect allow;'), "name.duplicate"),
        (_test(INTENT + "expect allow obliges receipt;"), "name.unknown"),
        (_test(INTENT + "again expect allow;"), "test.invalid"),
        (_test(INTENT + "advance 1d; expect allow;"), "test.invalid"),
        (_test(INTENT + "expect allow; advance 0s;"), "type.literal"),
        (_test(INTENT + "expect allow; again { nothing: 1 } expect allow;"), "name.unknown"),
        (_test(INTENT + 'expect allow; approve by Nobody::"x";'), "name.unknown"),
        (_test(INTENT.replace("risk: 1", "risk: 1.5") + "expect allow;"), "type.literal"),
        (_test(INTENT.replace("risk: 1", "risk: [1]") + "expect allow;"), ""),
        (_test(INTENT.replace("risk: 1", "risk: now") + "expect allow;"), "type.mismatch"),
        (_test(INTENT.replace('["record"]', '["recrd"]') + "expect allow;"), "type.literal"),
        (_test(INTENT.replace("action: transfer;", "action: transfer; chain: [1];") + "expect allow;"), "type.mismatch"),
        (_test(INTENT.replace("action: transfer;", 'action: transfer; chain: [{ issuer: User::"ann" }];') + "expect allow;"), "field.missing"),
        (_test(INTENT.replace("action: transfer;", 'action: transfer; chain: [{ narrower: true }];') + "expect allow;"), "type.member"),
        (_test(INTENT.replace("action: transfer;", "") + "expect allow;"), "test.invalid"),
        (_test('entity User::"ann" { department: "a", limit: 3 }; ' + INTENT + "expect allow;"), "name.duplicate"),
        (_test('entity User::"cleo" { department: "a" }; ' + INTENT + "expect allow;"), "field.missing"),
        (_test('entity User::"cleo" { department: "a", limit: 3, x: 1 }; ' + INTENT + "expect allow;"), "type.member"),
        (
            _test('entity User::"cleo" in Account::"a" { department: "a", limit: 3 }; ' + INTENT + "expect allow;"),
            "type.unrelated",
        ),
        (_test("given amount = amount; " + INTENT + "expect allow;"), "name.cycle"),
        (_test("given now = 3; " + INTENT + "expect allow;"), "name.invalid"),
        (_test("given a = 3; given a = 4; " + INTENT + "expect allow;"), "field.repeated"),
        (_test(INTENT + "expect allow;").replace("with base", "with nope"), "name.unknown"),
        (_test(INTENT + "expect allow;") + FIXTURE, "name.duplicate"),
        (RULE + 'test "t" partial { expect allow; }', "test.invalid"),
    ],
)
def test_refused(text: str, code: str) -> None:
    assert refused(text) == ([code] if code else [])


def test_what_goes_on_keeps_the_case_it_follows() -> None:
    text = f'''test "t" with base {{ {INTENT}
      expect allow; advance 1h; again expect allow; advance 30m; approve by [User::"bob", User::"ann"]; again {{ amount: 11 }} expect deny(default);
      case "other" {{ amount: 12 }} expect deny; again expect deny; }}'''
    first, other = expanded(text)
    assert [(step.kind, step.now_ms - first.now_ms) for step in first.then] == [("run", 3_600_000), ("approve", 5_400_000), ("run", 5_400_000)]
    assert first.then[1].persons == (EntityRef("User", "bob"), EntityRef("User", "ann"))
    last = first.then[2].intent
    assert last is not None
    assert last.args["amount"] == "11"
    again = other.then[0].intent
    assert again is not None
    assert (again.args["amount"], len(other.then)) == ("12", 1)


def test_obligations_that_a_test_expects_are_in_wire_form() -> None:
    before = "obligation receipt(level: String, sum: Decimal) before;\n"
    checked, diagnostics = run(before + RULE.replace("when", 'oblige receipt(level: "full", sum: args.amount); when')
                               + FIXTURE + f'test "t" with base {{ {INTENT} expect allow obliges receipt(level: "full", sum: 10); }}')  # fmt: skip
    assert checked is not None, diagnostics
    assert checked.tests[0].expect.obliges == (("receipt", {"level": "s:full", "sum": "d:10"}),)
