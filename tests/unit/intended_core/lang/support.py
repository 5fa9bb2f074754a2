"""A small schema and short ways to check a rule, for the tests of these rooms."""

from __future__ import annotations

from intended_core.lang.checker import check_all
from intended_core.lang.diagnostics import Diagnostic
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet, Rule, RuleBody, TypedExpr

SCHEMA = """
enum Currency { "EUR", "USD" }
entity Group;
@root entity User in Group { department: String, limit: Decimal, manager?: User }
@root entity Agent in Group { owner: User, suspended: Bool }
entity Account { owner: User, @max(16) labels: Set<String> }
entity Payee { verified: Bool, created_by: User }
action transfer {
  principal: User, Agent;
  resource: Account;
  args: {
    amount: Decimal, currency: Currency, payee: Payee, reason?: String, @max(8) cc?: Set<Email>, @max(8) to: Set<Email>,
    urgent: Bool, box?: { size: Int, note?: String }
  };
  context: { risk: Int, at: Datetime, maker: User, @from(caller) said?: String, ticket?: String };
}
action close { principal: User; resource: Account; }
"""


def source(text: str, name: str = "test.policy") -> Source:
    return Source.from_text(name, text)


def run(text: str) -> tuple[CheckedPolicySet | None, tuple[Diagnostic, ...]]:
    """Check declarations and rules beside the schema."""
    return check_all([source(SCHEMA, "schema.policy"), source(text)])


def rule_text(body: str, effect: str = "permit", action: str = "action == transfer;") -> str:
    gate = (
        'approval { from: Group::"g"; quorum: 1; expires: 1h; }'
        if effect == "escalate" and "approval" not in body
        else ""
    )
    return f'@id("r") {effect} r {{ {action} {body} {gate} }}'


def rule(body: str, effect: str = "permit", action: str = "action == transfer;", before: str = "") -> Rule:
    checked, diagnostics = run(before + rule_text(body, effect, action))
    assert checked is not None, [(item.code, item.message) for item in diagnostics]
    return checked.rules[0]


def body(text: str, effect: str = "permit", before: str = "") -> RuleBody:
    return rule(text, effect, before=before).bodies["transfer"]


def condition(text: str, effect: str = "permit", before: str = "") -> TypedExpr:
    return body(f"when {text};", effect, before).clauses[0].expr


def codes(text: str, effect: str = "permit", action: str = "action == transfer;", before: str = "") -> list[str]:
    """The codes of the errors of a rule with this body."""
    _, diagnostics = run(before + rule_text(text, effect, action))
    return [item.code for item in diagnostics if item.severity == "error"]


def refused(text: str) -> list[str]:
    """The codes of the errors of these declarations."""
    _, diagnostics = run(text)
    return [item.code for item in diagnostics if item.severity == "error"]


def warned(text: str) -> list[str]:
    checked, diagnostics = run(text)
    assert checked is not None, diagnostics
    return [item.code for item in diagnostics]
